/** `make-directory`: makes a folder and those above it; one that is there already is fine. */
import { stat } from 'node:fs/promises'
import { Type } from 'typebox'
import { fileProblem } from '../fileProblem.ts'
import { ensureDir } from '../../../system/ensureDir.ts'
import { readParameters } from '../parameters.ts'
import type { CommandRunner } from '../../contract/commands.ts'
import { CommandFailedError } from '../../contract/commands.ts'

const Parameters = Type.Object({ path: Type.String({ minLength: 1 }) })

/** Group-writable where the umask allows: render nodes often run as several users of one group. */
const MODE = 0o775

export const makeDirectory: CommandRunner = async (command, context) => {
  const { path } = readParameters(Parameters, command)
  context.signal.throwIfAborted()
  const before = await stat(path).catch(() => undefined)
  if (before?.isDirectory() === true) {
    context.log('farm', `make-directory: "${path}" is there already\n`)
    return
  }
  try {
    await ensureDir(path, MODE)
  } catch (error) {
    throw new CommandFailedError(`could not make directory "${path}": ${fileProblem(error)}`)
  }
  context.log('farm', `make-directory: made "${path}"\n`)
}
