/** A command that may be run twice: what the first run counted is not counted again by the second. */
import type { CommandContext } from '../commands/types.ts'

/** Contexts for a first run, which may break off, and for the one that then does all of it again. */
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
