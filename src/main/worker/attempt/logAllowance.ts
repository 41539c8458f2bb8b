/** How much of an attempt's log there may be: what is written up to the limit goes into the log whole, what comes after is not kept. */
import { english } from '../../../shared/said/said.ts'
import type { LogStream } from '../../../shared/enums.ts'
import { sizeText } from '../../../shared/text/sizes.ts'
import { wholeCharacters } from '../../../shared/text/utf8.ts'
import { decodeRaw, encodeRaw, rawByteLength } from '../../system/rawText.ts'

export class LogAllowance {
  private left: number

  /**
   * @param limit bytes; 0: there is none
   * @param before bytes that an earlier run of the worker wrote
   */
  constructor(
    private readonly limit: number,
    before: number,
  ) {
    this.left = Math.max(0, limit - before)
  }

  get isUsedUp(): boolean {
    return this.limit > 0 && this.left === 0
  }

  /** What of the text goes into the log. The farm's own lines count, and are kept beyond the limit: they say what happened. */
  take(stream: LogStream, text: string): string {
    if (this.limit === 0 || text === '') return text
    const bytes = rawByteLength(text)
    if (bytes < this.left) {
      this.left -= bytes
      return text
    }
    const fits = this.left
    this.left = 0
    return stream === 'farm' ? text : beginning(text, fits)
  }

  get reason(): string {
    return english('attempt.log-limit', { size: sizeText(this.limit) })
  }
}

/** As much of the text as makes at most so many bytes; no character is cut. */
function beginning(text: string, maxBytes: number): string {
  const bytes = encodeRaw(text).subarray(0, maxBytes)
  return decodeRaw(bytes.subarray(0, wholeCharacters(bytes)))
}
