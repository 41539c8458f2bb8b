/** Which files a job needs: what Blender lists for a scene, or files and folders that a person names. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { cleanPath } from '../../../shared/paths/jobPaths.ts'
import { BlendFacts } from '../../../shared/schemas/storage.ts'
import { readSessionScript } from '../../worker/apps/scripts.ts'
import { INSPECT_SCRIPT } from '../../worker/commands/blender/inspect/inspectBlendScript.ts'
import { CliError, EXIT } from '../errors.ts'
import type { LocalFile } from './sendFiles.ts'

const Listing = Type.Object({
  blend: Type.String(),
  files: Type.Array(
    Type.Object({
      path: Type.String(),
      place: Type.String(),
      frames: Type.Union([Type.Array(Type.Integer()), Type.Null()]),
      kind: Type.String(),
    }),
  ),
  missing: Type.Array(Type.String()),
  warnings: Type.Array(Type.String()),
})

const Facts = Type.Union([BlendFacts, Type.Null()])

export interface Project {
  files: LocalFile[]
  /** Files that the scene names and this machine does not have. */
  missing: string[]
  warnings: string[]
  /** The values of the expressions that were asked for; null: none were. */
  facts: BlendFacts | null
  /** Removes what was made for it. */
  dispose(): Promise<void>
}

const SCRIPTS = ['blender_files.py', 'blender_places.py']
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

/**
 * The files of a scene, as Blender itself lists them, and in the same run the values of Python expressions, as workers evaluate them;
 * the scene is opened without running its scripts, and never saved.
 * @param project the folder whose files keep their places in it @throws CliError
 */
export async function filesOfScene(
  blender: string,
  blend: string,
  project: string,
  expressions: Record<string, string>,
): Promise<Project & { blend: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'framehouse-send-'))
  const dispose = () => rm(folder, { recursive: true, force: true })
  const asks = Object.keys(expressions).length > 0
  try {
    for (const name of SCRIPTS) await writeFile(join(folder, name), await readSessionScript(name))
    const [answer, facts] = [join(folder, 'answer.json'), join(folder, 'facts.json')]
    await writeFile(join(folder, 'inspect.py'), INSPECT_SCRIPT)
    await writeFile(join(folder, 'question.json'), JSON.stringify({ expressions, answer: facts }))
    const scripts = ['blender_files.py', ...(asks ? ['inspect.py'] : [])].flatMap((name) => ['--python', join(folder, name)])
    const args = ['--background', '--factory-startup', '--disable-autoexec', blend, '--python-exit-code', '3']
    await run(blender, [...args, ...scripts, '--', answer, project])
    const found = await answerIn(answer)
    const values = asks ? await answerIn(facts) : null
    if (!Value.Check(Listing, found) || !Value.Check(Facts, values) || asks !== (values !== null))
      throw new CliError(EXIT.failed, `Blender could not open "${blend}"`, 'unreadable-scene')
    const about = await projectFile(folder, project)
    const files = found.files.map(({ path, place, frames }) => ({ file: path, place, frames }))
    return { blend: found.blend, files: [...files, about], missing: found.missing, warnings: found.warnings, facts: values, dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

async function answerIn(file: string): Promise<unknown> {
  return JSON.parse(await readFile(file, 'utf8').catch(() => 'null'))
}

/** What scenes read to find files outside of the project again (resources/sessions/blender_places.py). */
async function projectFile(folder: string, project: string): Promise<LocalFile> {
  const file = join(folder, 'project.json')
  await writeFile(file, JSON.stringify({ project: cleanPath(project) }))
  return { file, place: '_outside/project.json', frames: null }
}

async function run(blender: string, args: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)(blender, args, { maxBuffer: MAX_OUTPUT_BYTES })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') {
      throw new CliError(
        EXIT.failed,
        `Blender ("${blender}") was not found: it lists the files of a scene; name it with --blender`,
        'no-blender',
      )
    }
    const output =
      error instanceof Error && 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim().split('\n').at(-1) : ''
    throw new CliError(EXIT.failed, `Blender could not list the files of the scene${output ? `: ${output}` : ''}`, 'unreadable-scene')
  }
}

/** Files and folders as they are named; a folder brings everything in it under its own name. @throws CliError */
export async function namedFiles(paths: readonly string[], cwd: string): Promise<LocalFile[]> {
  const files: LocalFile[] = []
  for (const path of paths) {
    const full = resolve(cwd, path)
    const facts = await stat(full).catch(() => undefined)
    if (facts?.isFile()) files.push({ file: full, place: basename(full), frames: null })
    else if (facts?.isDirectory()) files.push(...(await filesBelow(full, basename(full) || dirname(full))))
    else throw new CliError(EXIT.invalid, `there is no file or folder "${path}"`, 'not-found')
  }
  return files
}

async function filesBelow(folder: string, place: string): Promise<LocalFile[]> {
  const found: LocalFile[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const file = join(folder, entry.name)
    const inner = `${place}/${entry.name}`
    const facts = entry.isSymbolicLink() ? await stat(file).catch(() => undefined) : entry
    if (facts?.isDirectory() && !entry.isSymbolicLink()) found.push(...(await filesBelow(file, inner)))
    else if (facts?.isFile()) found.push({ file, place: inner, frames: null })
  }
  return found
}
