/**
 * Gathers log text into batches of whole lines: a line after a pause goes out in the same turn, a flood in batches of
 * `maxChars` or every `intervalMs`, whichever is first. Order is kept; a batch holds text of one stream only.
 */
import type { LogStream } from '../../shared/enums.ts'

export interface LogBatcherOptions {
  emit(stream: LogStream, text: string): void
  intervalMs: number
  maxChars: number
  /** Milliseconds of a clock that nobody sets: a changed wall clock must not hold lines back. */
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

  /** Adds whole lines; a missing newline at the end is added. Empty text is ignored. */
  add(stream: LogStream, text: string): void {
    if (text === '') return
    if (stream !== this.stream) {
      this.flush()
      this.stream = stream
    }
    this.parts.push(text.endsWith('\n') ? text : `${text}\n`)
    this.chars += text.length
    if (this.chars >= this.options.maxChars) this.flush()
    else this.schedule()
  }

  /** Emits what was gathered. Call it before anything that must come after the text. */
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

/** Cuts text (ending in a newline) into pieces of at most `maxChars` at line ends; a longer line is cut and gets newlines. */
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
    let end = start + maxChars - 1
    // Not between the halves of a character outside the basic plane.
    const code = text.charCodeAt(end - 1)
    if (code >= 0xd800 && code <= 0xdbff && end - 1 > start) end--
    pieces.push(`${text.slice(start, end)}\n`)
    start = end
  }
  if (start < text.length) pieces.push(text.slice(start))
  return pieces
}
