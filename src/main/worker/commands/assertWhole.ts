/**
 * Images that are damaged are found before a video is made of them (ffmpeg stops at one and calls it the end), and before they are moved
 * to where people take them for done.
 */
import { checkPicture } from '../../pictures/checkPicture.ts'
import { findProgram } from '../tools/find.ts'
import { fileProblem } from './fileProblem.ts'
import { CommandFailedError, type CommandContext } from '../contract/commands.ts'

/** Files that are looked at at a time. */
const AT_ONCE = 4

/** @throws CommandFailedError that names the damaged ones */
export async function assertWhole(files: readonly string[], context: CommandContext): Promise<void> {
  const damaged: string[] = []
  for (let at = 0; at < files.length; at += AT_ONCE) {
    context.signal.throwIfAborted()
    const problems = await Promise.all(files.slice(at, at + AT_ONCE).map((file) => problemOf(file, context)))
    damaged.push(...problems.filter((problem) => problem !== undefined))
    context.alive()
  }
  const [first] = damaged
  if (first === undefined) return
  const more = damaged.length > 1 ? ` (and ${damaged.length - 1} more: they are named in the log)` : ''
  if (damaged.length > 1) context.log('farm', damaged.join('\n'))
  throw new CommandFailedError(`${first}${more}`)
}

async function problemOf(file: string, { signal, tools }: CommandContext): Promise<string | undefined> {
  try {
    const ffmpeg = findProgram('ffmpeg', tools)
    const verdict = await checkPicture(file, { signal, ...(ffmpeg !== undefined && { ffmpeg }) })
    return verdict.state === 'damaged' ? `"${file}" is damaged: ${verdict.reason}` : undefined
  } catch (error) {
    signal.throwIfAborted()
    return `"${file}" cannot be read: ${fileProblem(error)}`
  }
}
