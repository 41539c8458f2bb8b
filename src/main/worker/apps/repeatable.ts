/** A command that may be run twice: the second run does not count again what the first one counted. */
import type { CommandContext } from '../contract/commands.ts'

/** Contexts for a first run, which may be aborted, and for the second one that then repeats all of it. */
export function repeatable(context: CommandContext): { first: CommandContext; again: CommandContext } {
  let counted = 0
  return {
    first: {
      ...context,
      progress: (delta) => {
        counted += Math.max(0, delta)
        context.progress(delta)
      },
    },
    again: {
      ...context,
      progress: (delta) => {
        const known = Math.min(counted, Math.max(0, delta))
        counted -= known
        if (delta > known) context.progress(delta - known)
      },
    },
  }
}
