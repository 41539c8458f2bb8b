/**
 * No incomplete file under its final name: files are written in a hidden folder of the same directory (the same disk, so that the
 * last step is a rename), and get their names when they are complete.
 */
import { readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ensureDir } from '../../../system/ensureDir.ts'
import { patientRename } from '../../../system/patientRename.ts'
import type { TaskFacts } from '../../contract/commands.ts'

const UNFINISHED = '.framehouse-unfinished-'

/** The hidden folder of a directory in which this attempt writes; created with the directory itself. @throws NodeJS errors */
export async function unfinishedFolder(directory: string, { taskId, attempt }: Pick<TaskFacts, 'taskId' | 'attempt'>): Promise<string> {
  const folder = join(directory, `${UNFINISHED}${taskId}-${attempt}`)
  await ensureDir(folder)
  return folder
}

/** Moves a complete file to its final name, replacing an existing file; waits for readers that hold it. @throws NodeJS errors */
export async function publishFile(from: string, to: string): Promise<void> {
  await ensureDir(dirname(to))
  await patientRename(from, to)
}

/** Removes the hidden folders of this task in the directory: this attempt's own, and those of killed attempts. Never fails. */
export async function removeUnfinished(directory: string, { taskId }: Pick<TaskFacts, 'taskId'>): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  const mine = names.filter((name) => name.startsWith(`${UNFINISHED}${taskId}-`))
  await Promise.all(mine.map((name) => rm(join(directory, name), { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined)))
}
