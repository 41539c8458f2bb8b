/** The lines that an open application writes for one task: into the task's log, up to a marker that ends them. */
import type { CommandContext } from '../commands/types.ts'
import type { OutputStream } from '../tools/process.ts'

export interface TaskLogOptions {
  readonly context: CommandContext
  readonly pid: number
  /** A line of this text ends the task's lines on each of `streams`. */
  readonly marker?: string
  readonly streams: readonly OutputStream[]
  onLine(line: string): void
}

export class TaskLog {
  /** Resolves when the marker came on all streams. */
  readonly whole: Promise<void>
  private readonly open: Set<OutputStream>
  private resolve: () => void = () => undefined
  /** Empty lines before a marker are the marker's own. */
  private readonly held = new Map<OutputStream, number>()
  private readonly files = new Set<string>()

  constructor(private readonly options: TaskLogOptions) {
    this.open = new Set(options.streams)
    this.whole = new Promise((resolve) => (this.resolve = resolve))
  }

  /** Whole lines of one stream, in order. A promise when the log takes no more for now. */
  lines(lines: readonly string[], stream: 'stdout' | 'stderr'): Promise<void> | undefined {
    const { marker, context, onLine } = this.options
    const shown: string[] = []
    for (const line of lines) {
      if (line === marker) {
        this.release(stream, shown, 1)
        this.open.delete(stream)
      } else if (line === '') this.held.set(stream, (this.held.get(stream) ?? 0) + 1)
      else {
        this.release(stream, shown, 0)
        shown.push(line)
      }
    }
    this.write(stream, shown)
    for (const line of shown) {
      const saved = /Saved: ['"](.*)['"]$/.exec(line)?.[1]
      if (saved !== undefined) this.files.add(saved)
      onLine(line)
    }
    if (this.open.size === 0) this.resolve()
    return context.congested()
  }

  /** Whether the application said that it saved this file. */
  saved(path: string): boolean {
    return this.files.has(path)
  }

  /** Empty lines at the end that no marker followed. */
  flush(): void {
    for (const stream of [...this.held.keys()]) {
      const shown: string[] = []
      this.release(stream, shown, 0)
      this.write(stream, shown)
    }
  }

  private release(stream: OutputStream, shown: string[], less: number): void {
    for (let left = (this.held.get(stream) ?? 0) - less; left > 0; left--) shown.push('')
    this.held.delete(stream)
  }

  private write(stream: OutputStream, shown: readonly string[]): void {
    if (shown.length === 0) return
    const prefix = `pid=${this.options.pid} > `
    this.options.context.log(stream, `${prefix}${shown.join(`\n${prefix}`)}\n`)
  }
}
