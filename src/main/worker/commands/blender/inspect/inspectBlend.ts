/**
 * `inspect-blend`: the contents of a .blend, as reported by Blender. Parameters: `exe`, `blendfile`, `expressions` (names and Python
 * expressions with the names that job types may use). Scripts in the file do not run. The result is BlendFacts.
 */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { BlendFacts } from '../../../../../shared/schemas/storage.ts'
import { parseBlenderLine } from '../blenderOutput.ts'
import { runProgram } from '../../../tools/process/process.ts'
import { readSessionScript } from '../../../apps/scripts.ts'
import { INSPECT_SCRIPT } from './inspectBlendScript.ts'
import { readParameters } from '../../parameters.ts'
import { resolveExe } from '../../programs.ts'
import { CommandFailedError, type Command, type CommandContext, type CommandRunner } from '../../../contract/commands.ts'

const Parameters = Type.Object({
  exe: Type.String({ minLength: 1 }),
  blendfile: Type.String({ minLength: 1 }),
  expressions: Type.Optional(Type.Record(Type.String(), Type.String())),
})

export const inspectBlend: CommandRunner = async (command, context) => context.result(await lookInto(command, context))

/** What is in the file. @throws CommandFailedError with Blender's words when it cannot be opened */
export async function lookInto(command: Command, context: CommandContext): Promise<BlendFacts> {
  const { exe, blendfile, expressions } = readParameters(Parameters, command)
  const facts = await stat(blendfile).catch(() => undefined)
  if (!facts?.isFile())
    throw new CommandFailedError(`there is no file "${blendfile}" on worker "${context.env['FRAMEHOUSE_WORKER'] ?? ''}"`)
  const folder = await context.workDir()
  const script = join(folder, 'inspect.py')
  const answer = join(folder, 'answer.json')
  await writeFile(script, INSPECT_SCRIPT)
  await writeFile(join(folder, 'blender_places.py'), await readSessionScript('blender_places.py'))
  await writeFile(join(folder, 'question.json'), JSON.stringify({ expressions: expressions ?? {}, answer }))
  const problems: string[] = []
  const { code } = await runProgram(context, {
    exe: resolveExe(exe, context),
    args: ['--background', '--factory-startup', '--disable-autoexec', blendfile, '--python-exit-code', '3', '--python', script],
    cwd: folder,
    onLine: (line) => {
      const fact = parseBlenderLine(line)
      if (fact?.type === 'problem') problems.push(fact.problem.text)
    },
  })
  const text = await readFile(answer, 'utf8').catch(() => undefined)
  const found: unknown = text === undefined ? undefined : JSON.parse(text)
  if (code !== 0 || !Value.Check(BlendFacts, found)) {
    throw new CommandFailedError(problems[0] ?? `Blender could not open "${blendfile}" (it ended with code ${code ?? 'none'})`)
  }
  return found
}
