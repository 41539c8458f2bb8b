/** Whether a folder is suitable as shared storage, in the original's wording (§1.1). */
import { randomBytes } from 'node:crypto'
import { open, realpath, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Static } from 'typebox'
import { isUnc } from '../../../shared/paths/crosspath.ts'
import type { PathCheckResult } from './schemas/meta.ts'

/** @param ownFolder the manager's data folder: jobs must not be able to change it */
export async function checkSharedStorage(given: string, ownFolder: string): Promise<Static<typeof PathCheckResult>> {
  const problem = await problemOf(given, ownFolder)
  return { path: given, is_usable: problem === undefined, cause: problem ?? 'Directory checked successfully' }
}

async function problemOf(given: string, ownFolder: string): Promise<string | undefined> {
  if (given.trim() === '') return 'An empty path is not suitable as shared storage'
  if (isUnc(given)) return 'UNC notation is not supported. Mount as a drive letter instead.'
  if (!path.isAbsolute(given)) return 'This path is not absolute. Give the whole path of a directory.'
  const facts = await stat(given).catch(() => undefined)
  if (!facts) return 'This path does not exist. Choose an existing directory.'
  if (!facts.isDirectory()) return 'The given path is not a directory. Choose an existing directory.'
  const [real, own] = await Promise.all([realpath(given), realpath(ownFolder).catch(() => path.resolve(ownFolder))])
  if (real === own) return "The given path is the manager's own directory. Choose another directory."
  return writeProblem(given)
}

async function writeProblem(folder: string): Promise<string | undefined> {
  const file = path.join(folder, `flamenco-writability-test-${randomBytes(6).toString('hex')}.txt`)
  try {
    const handle = await open(file, 'wx')
    try {
      await handle.writeFile('This file can be deleted.\n')
    } finally {
      await handle.close()
      await rm(file, { force: true })
    }
    return undefined
  } catch (error) {
    return `Unable to create a file in that directory: ${error instanceof Error ? error.message : String(error)}`
  }
}
