/** The results socket of an execution: reads datagrams as they come, and passes on as many as an execution may send. */
import { MAX_RESULT_BYTES, MAX_RESULTS, MAX_RESULTS_BYTES } from '../../../../shared/schemas/actorRun.ts'
import type { CommandContext } from '../../contract/commands.ts'
import { DatagramSocket } from '../../tools/containers/datagrams.ts'

export const RESULTS_SOCKET_NAME = 'results.sock'
/** While nothing comes, and right after something came. */
const IDLE_MS = 20
const BUSY_MS = 1
/** So many looks in a row without a result end the fast pace. */
const BUSY_LOOKS = 20

export class ResultsReader {
  /** Results that went beyond the limits. */
  dropped = 0
  private count = 0
  private bytes = 0
  private timer: NodeJS.Timeout | undefined
  private quietLooks = BUSY_LOOKS
  private isClosed = false

  private constructor(
    private readonly socket: DatagramSocket,
    private readonly context: Pick<CommandContext, 'handOver' | 'congested'>,
  ) {
    this.look()
  }

  /** @throws Error when there can be no socket in the folder */
  static async open(folder: string, context: Pick<CommandContext, 'handOver' | 'congested'>): Promise<ResultsReader> {
    return new ResultsReader(await DatagramSocket.bind(folder, RESULTS_SOCKET_NAME, MAX_RESULT_BYTES), context)
  }

  /** Reads what was sent before the end, then closes the socket. */
  async close(): Promise<void> {
    this.isClosed = true
    clearTimeout(this.timer)
    await this.drain()
    this.socket.close()
  }

  private look(): void {
    void this.drain().then((isQuiet) => {
      if (this.isClosed) return
      this.quietLooks = isQuiet ? this.quietLooks + 1 : 0
      this.timer = setTimeout(() => this.look(), this.quietLooks < BUSY_LOOKS ? BUSY_MS : IDLE_MS)
    })
  }

  /** Reads all that is there, no faster than the reports are stored. True when there was nothing. */
  private async drain(): Promise<boolean> {
    for (let isQuiet = true; ; isQuiet = false) {
      const result = this.socket.read()
      if (result === undefined) return isQuiet
      this.pass(result)
      const room = this.context.congested()
      if (room !== undefined) await room
    }
  }

  private pass(result: Buffer): void {
    if (this.count >= MAX_RESULTS || this.bytes + result.length > MAX_RESULTS_BYTES) {
      this.dropped += 1
      return
    }
    this.count += 1
    this.bytes += result.length
    this.context.handOver(result)
  }
}
