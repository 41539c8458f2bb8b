/**
 * `move-directory`: moves a folder. An existing destination is not overwritten but first renamed to
 * `<dest>-YYYY-MM-DD_HHMMSS` after its own modification time.
 */
import { cp, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { Type } from 'typebox'
import { fileProblem } from '../fileProblem.ts'
import { ensureDir } from '../../../system/ensureDir.ts'
import { isJudged } from '../../attempt/existing/index.ts'
import { readParameters } from '../parameters.ts'
import type { CommandContext, CommandRunner } from '../../contract/commands.ts'
import { CommandFailedError } from '../../contract/commands.ts'
import { assertWhole } from '../assertWhole.ts'

const Parameters = Type.Object({ src: Type.String({ minLength: 1 }), dest: Type.String({ minLength: 1 }) })

/** While a folder is copied to another disk, a sign of life this often. */
const ALIVE_EVERY_MS = 10_000

export const moveDirectory: CommandRunner = async (command, context) => {
  const { src, dest } = readParameters(Parameters, command)
  context.signal.throwIfAborted()
  const source = await stat(src).catch(() => undefined)
  if (source === undefined) throw new CommandFailedError(`source path "${src}" does not exist, not moving anything`)
  try {
    if (source.isDirectory()) await assertPicturesWhole(src, context)
    const existing = await stat(dest).catch(() => undefined)
    if (existing !== undefined) {
      const backup = await backupPath(dest, existing.mtime)
      context.log('farm', `move-directory: "${dest}" exists, renaming it to "${backup}"\n`)
      await rename(dest, backup)
    }
    await ensureDir(dirname(dest))
    context.log('farm', `move-directory: moving "${src}" to "${dest}"\n`)
    await moveTo(src, dest, context)
  } catch (error) {
    context.signal.throwIfAborted()
    if (error instanceof CommandFailedError) throw error
    throw new CommandFailedError(`could not move "${src}" to "${dest}": ${fileProblem(error)}`)
  }
}

async function moveTo(src: string, dest: string, context: CommandContext): Promise<void> {
  try {
    await rename(src, dest)
    return
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EXDEV')) throw error
  }
  // Another disk: copy under a temporary name, so that the destination never exists in part.
  const half = `${dest}.moving-${context.task.taskId.slice(0, 8)}-${context.task.attempt}`
  const alive = setInterval(() => context.alive(), ALIVE_EVERY_MS)
  try {
    await cp(src, half, {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
      force: true,
      filter: () => !context.signal.aborted,
    })
    context.signal.throwIfAborted()
    await assertCopied(src, half)
    await rename(half, dest)
  } catch (error) {
    await rm(half, { recursive: true, force: true })
    throw error
  } finally {
    clearInterval(alive)
  }
  await rm(src, { recursive: true, force: true })
}

/** Damaged pictures in their final folder would look like ones that a renderer has finished. @throws CommandFailedError naming them */
async function assertPicturesWhole(folder: string, context: CommandContext): Promise<void> {
  const pictures = (await filesIn(folder)).filter((path) => isJudged(path)).map((path) => join(folder, path))
  await assertWhole(pictures, context)
}

/** @throws CommandFailedError naming a file that did not arrive */
async function assertCopied(from: string, to: string): Promise<void> {
  for (const path of await filesIn(from)) {
    const [there, here] = await Promise.all([stat(join(from, path)), stat(join(to, path)).catch(() => undefined)])
    if (here?.size !== there.size) throw new CommandFailedError(`"${join(from, path)}" did not arrive whole`)
  }
}

/** Paths of regular files below the folder, relative to it; hidden folders of ours are left out. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(relative(folder, entry.parentPath), entry.name))
    .filter((path) => !path.split(/[\\/]/).some((part) => part.startsWith('.framehouse-')))
}

/** A free name for the folder at `path`, last changed at `changed` (local time, rounded to the second). */
async function backupPath(path: string, changed: Date): Promise<string> {
  const stamped = `${path.replace(/[\\/]+$/, '')}-${timestamp(changed)}`
  if ((await stat(stamped).catch(() => undefined)) === undefined) return stamped
  const siblings = await readdir(dirname(stamped))
  return join(dirname(stamped), `${basename(stamped)}-${nextSuffix(basename(stamped), siblings)}`)
}

/** `2024-03-09_140507` in local time. */
export function timestamp(moment: Date): string {
  const at = new Date(Math.round(moment.getTime() / 1000) * 1000)
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day}_${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`
}

/** The number after the highest one that a sibling `<name>-<number>` carries, with at least three digits. */
export function nextSuffix(name: string, siblings: readonly string[]): string {
  const numbers = siblings
    .filter((sibling) => sibling.startsWith(`${name}-`))
    .map((sibling) => /^\d+$/.exec(sibling.slice(name.length + 1))?.[0])
    .map((digits) => Number(digits ?? 0))
  return String(Math.max(0, ...numbers) + 1).padStart(3, '0')
}
