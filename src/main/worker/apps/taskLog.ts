/** What an open application writes for one task: into the task's log as it is, up to a marker that ends it. */
import { encodeRaw } from '../../system/rawText.ts'
import type { CommandContext } from '../contract/commands.ts'
import { LineSplitter } from '../tools/process/lines.ts'
import type { OutputStream } from '../tools/process/process.ts'
import { StreamLog } from '../tools/process/streamLog.ts'

export interface TaskLogOptions {
  readonly context: Pick<CommandContext, 'write' | 'congested'>
  readonly pid: number
  /**
   * A line with this text ends the task's output on each of `streams`. A newline precedes it, so that it is at the start of a
   * line: that is the marker's own.
   */
  readonly marker?: string
  readonly streams: readonly OutputStream[]
  /** The line to show in the log; by default unchanged. */
  shown?: (line: string) => string
  /** A line as it was written, without its end; a carriage return ends one, too. */
  onLine?: (line: string) => void
}

interface Stream {
  readonly log: StreamLog
  readonly splitter: LineSplitter
  startsLine: boolean
  /** An empty line that is the marker's own when that follows. */
  held: string
  /** The beginning of a line that may become the marker. */
  rest: string
}

export class TaskLog {
  /** Resolves when the marker arrived on all streams. */
  readonly whole: Promise<void>
  private readonly open: Set<OutputStream>
  private readonly streams: Readonly<Record<OutputStream, Stream>>
  private resolve: () => void = () => undefined

  constructor(private readonly options: TaskLogOptions) {
    this.open = new Set(options.streams)
    this.whole = new Promise((resolve) => (this.resolve = resolve))
    const stream = (name: OutputStream): Stream => ({
      log: new StreamLog(options.context, name, options.pid, options.shown),
      splitter: new LineSplitter(),
      startsLine: true,
      held: '',
      rest: '',
    })
    this.streams = { stdout: stream('stdout'), stderr: stream('stderr') }
  }

  /** Text of one stream (`decodeRaw`), in order. A promise when the log takes no more for now. */
  push(text: string, name: OutputStream): Promise<void> | undefined {
    const stream = this.streams[name]
    const { marker } = this.options
    if (marker === undefined) this.pass(stream, text)
    else {
      const { shown, ends } = withoutMarker(stream, text, marker)
      this.pass(stream, shown)
      if (ends) this.open.delete(name)
    }
    if (this.open.size === 0) this.resolve()
    return this.options.context.congested()
  }

  /** No more comes: what was held back is the task's. */
  end(): void {
    for (const stream of Object.values(this.streams)) {
      this.pass(stream, stream.held + stream.rest)
      stream.held = stream.rest = ''
      this.tell(stream.splitter.flush())
      stream.log.end()
    }
  }

  private pass(stream: Stream, text: string): void {
    if (text === '') return
    stream.log.write(text)
    if (this.options.onLine !== undefined) this.tell(stream.splitter.push(encodeRaw(text)))
  }

  private tell(lines: readonly string[]): void {
    for (const line of lines) this.options.onLine?.(line)
  }
}

/** What of the text is the task's for certain, and whether the marker was in it. Keeps the state of the stream. */
function withoutMarker(
  stream: Pick<Stream, 'startsLine' | 'held' | 'rest'>,
  text: string,
  marker: string,
): { shown: string; ends: boolean } {
  const all = stream.rest + text
  let shown = ''
  let ends = false
  let start = 0
  for (let end = all.indexOf('\n'); end >= 0; end = all.indexOf('\n', start)) {
    const line = all.slice(start, end + 1)
    start = end + 1
    if (stream.startsLine && withoutEnd(line) === marker) ends = true
    else {
      shown += stream.held
      if (stream.startsLine && withoutEnd(line) === '') {
        stream.held = line
        continue
      }
      shown += line
    }
    stream.held = ''
    stream.startsLine = true
  }
  const last = all.slice(start)
  stream.rest = stream.startsLine && marker.startsWith(withoutEnd(last)) ? last : ''
  if (last !== '' && stream.rest === '') {
    shown += stream.held + last
    stream.held = ''
    stream.startsLine = false
  }
  return { shown, ends }
}

/** Windows ends lines with a carriage return, too. */
function withoutEnd(line: string): string {
  return line.replace(/\r?\n?$/, '')
}
