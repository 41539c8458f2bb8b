/**
 * Groups log text into batches: a line after a pause is sent in the same turn, a flood in batches of `maxChars` or every
 * `intervalMs`, whichever comes first. Nothing is added and the order is kept; a batch contains text of one stream only.
 */
import type { LogStream } from '../../../shared/enums.ts'

export interface LogBatcherOptions {
  emit(stream: LogStream, text: string): void
  intervalMs: number
  maxChars: number
  /** Milliseconds of a monotonic clock: a changed wall clock must not hold lines back. */
  elapsed(): number
}

export class LogBatcher {
  private readonly options: LogBatcherOptions
  private stream: LogStream = 'stdout'
  private parts: string[] = []
  private chars = 0
  private lastEmit = Number.NEGATIVE_INFINITY
  private timer: NodeJS.Timeout | undefined
  private immediate: NodeJS.Immediate | undefined

  constructor(options: LogBatcherOptions) {
    this.options = options
  }

  /** Empty text is ignored. */
  add(stream: LogStream, text: string): void {
    if (text === '') return
    if (stream !== this.stream) {
      this.flush()
      this.stream = stream
    }
    this.parts.push(text)
    this.chars += text.length
    if (this.chars >= this.options.maxChars) this.flush()
    else this.schedule()
  }

  /** Emits the collected text. Call it before anything that must come after the text. */
  flush(): void {
    clearTimeout(this.timer)
    if (this.immediate !== undefined) clearImmediate(this.immediate)
    this.timer = undefined
    this.immediate = undefined
    if (this.parts.length === 0) return
    const text = this.parts.join('')
    this.parts = []
    this.chars = 0
    this.lastEmit = this.options.elapsed()
    for (const piece of splitLines(text, this.options.maxChars)) this.options.emit(this.stream, piece)
  }

  private schedule(): void {
    if (this.timer !== undefined || this.immediate !== undefined) return
    const wait = this.lastEmit + this.options.intervalMs - this.options.elapsed()
    if (wait <= 0) this.immediate = setImmediate(() => this.flush())
    else this.timer = setTimeout(() => this.flush(), wait)
  }
}

/** Splits text into pieces of at most `maxChars`, at line ends if possible. */
export function splitLines(text: string, maxChars: number): string[] {
  const pieces: string[] = []
  let start = 0
  while (text.length - start > maxChars) {
    const newline = text.lastIndexOf('\n', start + maxChars - 1)
    if (newline >= start) {
      pieces.push(text.slice(start, newline + 1))
      start = newline + 1
      continue
    }
    let end = start + maxChars
    // Not between the two halves of a surrogate pair.
    const code = text.charCodeAt(end - 1)
    if (code >= 0xd800 && code <= 0xdbff && end - 1 > start) end--
    pieces.push(text.slice(start, end))
    start = end
  }
  if (start < text.length) pieces.push(text.slice(start))
  return pieces
}
