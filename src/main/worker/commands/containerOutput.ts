/** What a container writes, as whole lines of the attempt's log. */
import type { LineCounts } from '../journal.ts'
import { LineSplitter } from '../tools/lines.ts'
import type { CommandContext } from './types.ts'

/** Lines are counted, so that output which comes again from the container's start is not said twice. */
export class ContainerOutput {
  private splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() }
  private readonly passed: LineCounts
  private readonly skip: LineCounts = { stdout: 0, stderr: 0 }

  /** `passed`: lines of this container that an earlier run of the worker passed on. */
  constructor(
    private readonly context: Pick<CommandContext, 'log' | 'congested'>,
    passed: LineCounts = { stdout: 0, stderr: 0 },
  ) {
    this.passed = { ...passed }
  }

  push(stream: 'stdout' | 'stderr', chunk: Buffer): Promise<void> | undefined {
    this.deliver(stream, this.splitters[stream].push(chunk))
    return this.context.congested()
  }

  /** From here on output comes from the container's start. */
  replay(): void {
    this.splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() }
    Object.assign(this.skip, this.passed)
  }

  /** The last lines, without a newline at their end. */
  end(): void {
    this.deliver('stdout', this.splitters.stdout.flush())
    this.deliver('stderr', this.splitters.stderr.flush())
  }

  private deliver(stream: 'stdout' | 'stderr', lines: readonly string[]): void {
    const skipped = Math.min(this.skip[stream], lines.length)
    this.skip[stream] -= skipped
    if (skipped === lines.length) return
    const fresh = skipped === 0 ? lines : lines.slice(skipped)
    this.passed[stream] += fresh.length
    this.context.log(stream, `${fresh.join('\n')}\n`)
  }
}
