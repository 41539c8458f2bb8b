/** `exec`: runs any program, without a shell. Exit code 0 is success; with `outputs` these files must be there, too, and whole. */
import { dirname, isAbsolute } from 'node:path'
import { Type } from 'typebox'
import type { Inputs } from '../../../../shared/schemas/jobs/existing.ts'
import { ensureDir } from '../../../system/ensureDir.ts'
import { setAside } from '../../../system/setAside.ts'
import { hashOf, lookAt, namedFiles, programByFile, reportKept, settleExisting, WrittenFiles } from '../../attempt/existing/index.ts'
import { CommandFailedError, type CommandContext, type CommandRunner } from '../../contract/commands.ts'
import { runToSuccess } from '../../tools/process/process.ts'
import { fileProblem } from '../fileProblem.ts'
import { type ExpectedFile, OutputWatch } from '../outputWatch.ts'
import { Words, readParameters, refuse, words } from '../parameters.ts'
import { resolveExe } from '../programs.ts'

const Parameters = Type.Object({ exe: Type.String({ minLength: 1 }), args: Words, outputs: Words })

interface Program {
  exe: string
  args: string[]
}

export const exec: CommandRunner = async (command, context) => {
  const { exe, args, outputs } = readParameters(Parameters, command)
  const program = { exe: resolveExe(exe, context), args: words(args) }
  const promised = words(outputs).map((path) => ({ path, frame: undefined }))
  const relative = promised.find(({ path }) => !isAbsolute(path))
  if (relative) refuse(command, 'outputs', `has a path that is not absolute: "${relative.path}"`)
  if (promised.length === 0) await runToSuccess(context, program)
  else if (!(await keepsAll(promised, program, context))) await runFor(promised, program, context)
}

/** Whether all promised files are there and are kept; else they are moved out of the way. */
async function keepsAll(promised: readonly ExpectedFile[], program: Program, context: CommandContext): Promise<boolean> {
  const inputs = await inputsOf(program, promised)
  context.inputs(inputs)
  const settled = await settleExisting(promised, inputs, context, async ({ path }) => {
    return (await lookAt(path, context)) ?? { state: 'unchecked', reason: 'it is no picture' }
  }).catch((error: unknown) => {
    context.signal.throwIfAborted()
    throw new CommandFailedError(`could not set aside what was there before: ${fileProblem(error)}`)
  })
  if (settled.open.length === 0) {
    reportKept(settled.kept, context)
    return true
  }
  // The program writes all of them anew.
  for (const { path } of settled.kept) await setAside(path)
  return false
}

/** Of a program that is not known to us: itself, its words, and the files that they name. */
async function inputsOf({ exe, args }: Program, promised: readonly ExpectedFile[]): Promise<Inputs> {
  const files = (await namedFiles(args, process.cwd())).filter((file) => !promised.some(({ path }) => path === file.path))
  return { command: hashOf({ exe, args }), ...(await programByFile(exe)), files }
}

async function runFor(promised: readonly ExpectedFile[], program: Program, context: CommandContext): Promise<void> {
  for (const { path } of promised) {
    await ensureDir(dirname(path)).catch((error: unknown) => {
      throw new CommandFailedError(`could not make the output folder "${dirname(path)}": ${fileProblem(error)}`)
    })
  }
  const written = new WrittenFiles(context)
  const watch = await OutputWatch.start(promised, (file) => written.add(file))
  try {
    await runToSuccess(context, program)
  } catch (error) {
    watch.stop()
    throw error
  }
  const missing = await watch.finish()
  await written.finish()
  if (missing.length === 0) return
  const more = missing.length > 1 ? ` (and ${missing.length - 1} more)` : ''
  throw new CommandFailedError(`the program ended without an error, but did not write "${missing[0]}"${more}`)
}
