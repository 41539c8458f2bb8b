/** Resolves a command's `exe` to a file on this machine. */
import { findProgram, hasFolder, knownProgram } from '../tools/find.ts'
import { ShellWordsError, shellSplit } from '../../../shared/text/shellWords.ts'
import { refuse } from './parameters.ts'
import type { Command, CommandContext } from '../contract/commands.ts'
import { CouldNotStartError } from '../contract/commands.ts'

/**
 * The program to run. What has a folder is taken as it is; `blender` and `ffmpeg` are looked for in the settings, on
 * PATH and in the usual places; other names on PATH.
 * @throws CouldNotStartError when a bare name is found nowhere
 */
export function resolveExe(exe: string, context: CommandContext): string {
  if (hasFolder(exe)) return exe
  const found = findProgram(exe, context.tools)
  if (found !== undefined) return found
  const places = knownProgram(exe) === undefined ? 'it is not on PATH' : 'it is neither in the settings, on PATH nor in the usual places'
  throw new CouldNotStartError(`could not find "${exe}" on this machine: ${places}`)
}

/** The words of `exeArgs`. @throws InvalidParameterError when a quote is not closed */
export function splitExeArgs(command: Command, exeArgs: string | undefined): string[] {
  try {
    return shellSplit(exeArgs ?? '')
  } catch (error) {
    if (error instanceof ShellWordsError) return refuse(command, 'exeArgs', `is no list of arguments: ${error.message}`)
    throw error
  }
}
