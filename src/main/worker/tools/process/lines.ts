/** Cutting a byte stream where lines end, without ever cutting a character. */
import { wholeCharacters } from '../../../../shared/text/utf8.ts'
import { decodeRaw } from '../../../system/rawText.ts'

/** A line longer than this comes in pieces, so that a program which never ends its line cannot fill our memory. */
export const MAX_LINE_BYTES = 40 * 1024

const LINE_FEED = 10
const RETURN = 13

/**
 * Takes chunks as a pipe gives them and answers the whole lines in them, without their endings. `\n`, `\r\n` and a lone
 * `\r` (progress that overwrites itself) end a line. Longer lines are cut at `maxBytes`, never inside a UTF-8 sequence.
 */
export class LineSplitter {
  #rest: Buffer = Buffer.alloc(0)
  /** The last chunk ended in `\r`: a `\n` at the start of the next one belongs to it. */
  #afterReturn = false

  constructor(private readonly maxBytes = MAX_LINE_BYTES) {}

  push(chunk: Buffer): string[] {
    let data = chunk
    if (data.length === 0) return []
    if (this.#afterReturn && data[0] === LINE_FEED) data = data.subarray(1)
    this.#afterReturn = data[data.length - 1] === RETURN
    if (data.length === 0) return []
    const end = Math.max(data.lastIndexOf(LINE_FEED), data.lastIndexOf(RETURN))
    if (end < 0) {
      this.#rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data])
      return this.#rest.length > this.maxBytes ? this.#cutRest() : []
    }
    const last = data.subarray(0, data[end] === LINE_FEED && data[end - 1] === RETURN ? end - 1 : end)
    const whole = this.#rest.length === 0 ? last : Buffer.concat([this.#rest, last])
    this.#rest = data.subarray(end + 1)
    const lines = whole.toString('utf8').split(/\r\n|\n|\r/)
    const checked = whole.length > this.maxBytes ? lines.flatMap((line) => cutLine(line, this.maxBytes)) : lines
    return this.#rest.length > this.maxBytes ? [...checked, ...this.#cutRest()] : checked
  }

  /** What came after the last line ending; to be called when the stream has ended. */
  flush(): string[] {
    const last = this.#rest
    this.#rest = Buffer.alloc(0)
    this.#afterReturn = false
    return last.length === 0 ? [] : cutLine(last.toString('utf8'), this.maxBytes)
  }

  /** Full pieces of an unfinished line; what is left stays. */
  #cutRest(): string[] {
    const pieces: string[] = []
    while (this.#rest.length > this.maxBytes) {
      const end = characterBoundary(this.#rest, this.maxBytes)
      pieces.push(this.#rest.toString('utf8', 0, end))
      this.#rest = this.#rest.subarray(end)
    }
    return pieces
  }
}

/** A line as pieces of at most `maxBytes` bytes of UTF-8. */
function cutLine(line: string, maxBytes: number): string[] {
  // A UTF-16 unit takes at most three bytes.
  if (line.length * 3 <= maxBytes || Buffer.byteLength(line) <= maxBytes) return [line]
  const bytes = Buffer.from(line)
  const pieces: string[] = []
  let start = 0
  while (bytes.length - start > maxBytes) {
    const end = characterBoundary(bytes, start + maxBytes)
    pieces.push(bytes.toString('utf8', start, end))
    start = end
  }
  pieces.push(bytes.toString('utf8', start))
  return pieces
}

/**
 * Takes chunks as a pipe gives them and answers what may go into the log: the same bytes in the same order, as text that keeps
 * them all (rawText.ts). Text comes when its line has ended, also by a carriage return, or when the line is longer than `maxBytes`.
 */
export class OutputText {
  #rest: Buffer = Buffer.alloc(0)

  constructor(private readonly maxBytes = MAX_LINE_BYTES) {}

  /** Empty when nothing can be passed on yet. */
  push(chunk: Buffer): string {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    // A return at the end may be half of a line ending.
    const isHalf = data[data.length - 1] === RETURN
    let end = isHalf ? data.length - 1 : Math.max(data.lastIndexOf(LINE_FEED), data.lastIndexOf(RETURN)) + 1
    if (data.length - end > this.maxBytes) end = wholeCharacters(data)
    this.#rest = data.subarray(end)
    return end === 0 ? '' : decodeRaw(data.subarray(0, end))
  }

  /** What came after the last line ending; to be called when the stream has ended. */
  flush(): string {
    const last = this.#rest
    this.#rest = Buffer.alloc(0)
    return decodeRaw(last)
  }
}

/** The largest place ≤ `at` where a character begins; `at` itself when the bytes before it are no UTF-8. */
function characterBoundary(bytes: Buffer, at: number): number {
  for (let place = at; place > at - 4 && place > 0; place--) {
    // 10xxxxxx continues a character; anything else begins one.
    if (((bytes[place] ?? 0) & 0xc0) !== 0x80) return place
  }
  return at
}

/** Text as the log shows it: whole lines are changed by `shown`, with what ends them as it was. */
export class ShownLines {
  private rest = ''

  constructor(private readonly shown: ((line: string) => string) | undefined) {}

  /** What of the text so far can be shown. */
  push(text: string): string {
    if (this.shown === undefined) return text
    const all = this.rest + text
    const end = all.lastIndexOf('\n') + 1
    // What ends no line for so long is no message.
    const cut = all.length - end > MAX_LINE_BYTES ? all.length : end
    this.rest = all.slice(cut)
    return this.change(all.slice(0, cut))
  }

  flush(): string {
    const last = this.rest
    this.rest = ''
    return this.change(last)
  }

  private change(text: string): string {
    const { shown } = this
    return shown === undefined || text === '' ? text : text.split('\n').map(shown).join('\n')
  }
}
