/** Puts a file that a worker sent into the output folder of its job: whole or not at all, and never outside. */
import { lstat, realpath, rename, rm } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { NotAllowedError, UnavailableError } from '../../engine/base/errors.ts'
import { ensureDir } from '../../system/ensureDir.ts'
import type { BlobId } from '../content/blobs.ts'
import { syncFolder } from '../content/disk.ts'
import type { PartFiles } from '../content/partFiles.ts'
import { assertFilePath } from '../shaman/paths.ts'

/** Beside the results, on the disk that they go to; nothing in it is one. */
export const PARTS_FOLDER = '.framehouse-partial'

export interface Landing {
  /** Absolute. */
  root: string
  /** The folder of the farm that the root lies in: it must be there, or a disk is not mounted. */
  base: string
  /** Below the root, with slashes. */
  path: string
  blob: BlobId
}

/** Where a result lies. @throws InvalidInputError for a path that is no path below the root */
export function placeOf(root: string, path: string): string {
  assertFilePath(path, 'path')
  return join(root, ...path.split('/'))
}

/**
 * Takes the rest of a file from `offset` on, and gives it its name when it is whole and on disk.
 * @throws what PartFiles.receive throws; UnavailableError when the folder's disk is not there, NotAllowedError
 */
export async function land(parts: PartFiles, { root, base, path, blob }: Landing, offset: number, body: AsyncIterable<Buffer>) {
  const place = placeOf(root, path)
  await makeFolder(dirname(place), root, base)
  const whole = await parts.receive({ blob, folder: join(root, PARTS_FOLDER), offset, body, resumable: true })
  try {
    await rename(whole, place)
  } catch (error) {
    await rm(whole, { force: true })
    throw error
  }
  await syncFolder(dirname(place))
}

/** A symbolic link in the folder must not lead the manager elsewhere. */
async function makeFolder(folder: string, root: string, base: string): Promise<void> {
  const realBase = await realpath(base).catch(() => undefined)
  if (realBase === undefined) throw new UnavailableError(`the folder "${base}" is not there; is its disk mounted?`)
  await assertReal(await nearest(folder), realBase)
  await ensureDir(folder)
  await ensureDir(root)
  await assertReal(folder, await realpath(root))
}

async function assertReal(folder: string, outer: string): Promise<void> {
  const real = await realpath(folder)
  if (real !== outer && !real.startsWith(outer.endsWith(sep) ? outer : outer + sep))
    throw new NotAllowedError(`"${folder}" leads out of the job's output folder`)
}

/** The folder itself, or the nearest one above that is there. */
async function nearest(folder: string): Promise<string> {
  for (let here = folder; ; here = dirname(here)) {
    if ((await lstat(here).catch(() => undefined)) !== undefined || dirname(here) === here) return here
  }
}
