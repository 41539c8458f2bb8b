/** One stream of a program on its way into the log: as the program wrote it, with each line behind the program's process id. */
import type { CommandContext } from '../../contract/commands.ts'
import { ShownLines } from './lines.ts'
import type { OutputStream } from './process.ts'

export class StreamLog {
  private readonly lines: ShownLines
  private readonly prefix: string
  private startsLine = true

  /** @param shown a line as the log shows it; by default as it is */
  constructor(
    private readonly context: Pick<CommandContext, 'write'>,
    private readonly stream: OutputStream,
    pid: number,
    shown?: (line: string) => string,
  ) {
    this.lines = new ShownLines(shown)
    this.prefix = `pid=${pid} > `
  }

  /** Text of `decodeRaw`; its lines may come in pieces. */
  write(text: string): void {
    this.put(this.lines.push(text))
  }

  /** No more comes. What follows in the log is not to go on where a last line without an end stopped. */
  end(): void {
    this.put(this.lines.flush())
    if (!this.startsLine) this.context.write(this.stream, '\n')
    this.startsLine = true
  }

  private put(text: string): void {
    if (text === '') return
    // A newline at the end begins a line only when more follows.
    this.context.write(this.stream, `${this.startsLine ? this.prefix : ''}${text.replace(/\n(?!$)/g, `\n${this.prefix}`)}`)
    this.startsLine = text.endsWith('\n')
  }
}
