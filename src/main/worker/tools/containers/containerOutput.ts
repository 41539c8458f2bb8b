/** What a container writes, byte for byte in the attempt's log. */
import type { ByteCounts } from '../../reporting/journal.ts'
import { OutputText } from '../process/lines.ts'
import type { CommandContext } from '../../contract/commands.ts'

/** Bytes are counted, so that output which comes again from the container's start is not logged twice. */
export class ContainerOutput {
  private pieces = { stdout: new OutputText(), stderr: new OutputText() }
  /** Bytes at the start of what comes that are in the log already. */
  private readonly skip: ByteCounts = { stdout: 0, stderr: 0 }
  /** Bytes that came, those that are held back until their line ends among them. */
  private readonly received: ByteCounts

  /** `passed`: bytes of this container that an earlier run of the worker passed on. */
  constructor(
    private readonly context: Pick<CommandContext, 'write' | 'congested'>,
    passed: ByteCounts = { stdout: 0, stderr: 0 },
  ) {
    this.received = { ...passed }
  }

  push(stream: 'stdout' | 'stderr', chunk: Buffer): Promise<void> | undefined {
    const known = Math.min(this.skip[stream], chunk.length)
    this.skip[stream] -= known
    if (known < chunk.length) {
      const fresh = chunk.subarray(known)
      this.received[stream] += fresh.length
      this.context.write(stream, this.pieces[stream].push(fresh))
    }
    return this.context.congested()
  }

  /** From here on output comes from the container's start. */
  replay(): void {
    Object.assign(this.skip, this.received)
  }

  /** Passes on what was held back: no more comes. */
  end(): void {
    for (const stream of ['stdout', 'stderr'] as const) this.context.write(stream, this.pieces[stream].flush())
  }
}
