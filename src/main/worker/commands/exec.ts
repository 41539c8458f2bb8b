/** `exec`: runs any program, without a shell. Exit code 0 is success. */
import { Type } from 'typebox'
import { runToSuccess } from '../tools/process.ts'
import { Words, readParameters, words } from './parameters.ts'
import { resolveExe } from './programs.ts'
import type { CommandRunner } from './types.ts'

const Parameters = Type.Object({ exe: Type.String({ minLength: 1 }), args: Words })

export const exec: CommandRunner = async (command, context) => {
  const { exe, args } = readParameters(Parameters, command)
  await runToSuccess(context, { exe: resolveExe(exe, context), args: words(args) })
}
