/**
 * `check-paths`: whether this worker's own process reaches files and folders. Parameters: `paths`, a list of texts; `write`,
 * false to leave folders untouched. The result has one entry for each path, in their order (shared/schemas/storage.ts).
 */
import { constants } from 'node:fs'
import { access, rm, stat, writeFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { Type } from 'typebox'
import type { PathCheck } from '../../../../shared/schemas/storage.ts'
import { findProgram, hasFolder } from '../../tools/find.ts'
import { readParameters } from '../parameters.ts'
import type { CommandRunner, ToolSettings } from '../../contract/commands.ts'

const Parameters = Type.Object({
  paths: Type.Array(Type.String({ maxLength: 4096 }), { maxItems: 200 }),
  write: Type.Optional(Type.Boolean()),
})
/** A network share that hangs must not keep the answer of the others. */
const PATIENCE_MS = 8_000

export const checkPaths: CommandRunner = async (command, context) => {
  const { paths, write } = readParameters(Parameters, command)
  context.result(await Promise.all(paths.map((path) => inTime(checkPath(path, write ?? true, context.tools)))))
}

/** What this process can do with a path; a word without a folder is a program that is looked for as commands do. */
async function checkPath(path: string, write: boolean, tools: ToolSettings): Promise<PathCheck> {
  if (!hasFolder(path)) return checkProgram(path, tools)
  if (!isAbsolute(path)) return { kind: 'missing', readable: false, writable: false, problem: 'is no absolute path on this machine' }
  try {
    const facts = await stat(path)
    const readable = await may(path, facts.isDirectory() ? constants.R_OK | constants.X_OK : constants.R_OK)
    if (!facts.isDirectory()) return { kind: 'file', readable, writable: await may(path, constants.W_OK), problem: '' }
    const problem = write ? await writeProblem(path) : ''
    return { kind: 'folder', readable, writable: write ? problem === '' : await may(path, constants.W_OK), problem }
  } catch (error) {
    return { kind: 'missing', readable: false, writable: false, problem: codeOf(error) }
  }
}

function checkProgram(name: string, tools: ToolSettings): PathCheck {
  const found = findProgram(name, tools)
  if (found === undefined) return { kind: 'missing', readable: false, writable: false, problem: 'no such program was found' }
  return { kind: 'program', readable: true, writable: false, problem: '', foundAt: found }
}

/** Writes a small file and takes it away: rights alone do not tell of full disks and read-only mounts. */
async function writeProblem(folder: string): Promise<string> {
  const probe = join(folder, `.framehouse-probe-${randomBytes(6).toString('hex')}`)
  try {
    await writeFile(probe, 'probe', { flag: 'wx' })
    await rm(probe)
    return ''
  } catch (error) {
    await rm(probe, { force: true }).catch(() => undefined)
    return codeOf(error)
  }
}

function may(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  )
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

function inTime(check: Promise<PathCheck>): Promise<PathCheck> {
  const late: PathCheck = { kind: 'missing', readable: false, writable: false, problem: `did not answer within ${PATIENCE_MS / 1000} s` }
  let timer: NodeJS.Timeout
  const limit = new Promise<PathCheck>((resolve) => (timer = setTimeout(() => resolve(late), PATIENCE_MS)))
  return Promise.race([check, limit]).finally(() => clearTimeout(timer))
}
