/** An execution's log up to a number of characters: what follows is read and dropped, so that the container does not wait. */
import { LOG_LIMIT_NOTICE } from '../../../../shared/schemas/actorRun.ts'
import type { CommandContext } from '../../contract/commands.ts'

type Writer = Pick<CommandContext, 'write' | 'congested'>

export class LimitedLog implements Writer {
  private left: number
  isTruncated = false

  /** @param written characters that an earlier run of the worker passed on */
  constructor(
    private readonly context: Writer,
    limit: number,
    written = 0,
  ) {
    this.left = limit - written
    // The notice of the earlier run is among what was written.
    if (this.left < 0) this.isTruncated = true
  }

  write(stream: 'stdout' | 'stderr', text: string): void {
    if (this.isTruncated || text === '') return
    if (text.length <= this.left) {
      this.left -= text.length
      return this.context.write(stream, text)
    }
    this.isTruncated = true
    // Half of a pair of surrogates is no character.
    const isSplit = this.left > 0 && /[\uD800-\uDBFF]/.test(text.charAt(this.left - 1))
    this.context.write(stream, text.slice(0, isSplit ? this.left - 1 : this.left) + LOG_LIMIT_NOTICE)
  }

  congested(): Promise<void> | undefined {
    return this.context.congested()
  }
}
