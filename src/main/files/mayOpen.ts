/**
 * Which files the manager opens because a worker, a job or a log named them: those in the farm's storage and under two-way variables,
 * those in the output folders of the job, and those in folders of the worker that an admin allowed. Never what lies in the manager's own data folder, but for results and a storage inside it. Pure.
 */
import { dirname, isAbsolute, join, relative, sep } from 'node:path'

/** In the data folder: what workers sent home, of jobs without shared storage. */
export const RESULTS_FOLDER = 'results'

/** Folders of this machine, with all links followed. */
export interface OpenFolders {
  dataFolder: string
  /** The farm's shared storage. */
  storage: string | undefined
  /** The folders of two-way variables. An admin chose them, so a whole disk is allowed. */
  shared: readonly string[]
  /** The job's output folders. Its submitter chose them, so a whole disk is not allowed. */
  outputs: readonly string[]
  /** Folders of the worker that named the file, which an admin has allowed; no whole disks either. */
  allowed: readonly string[]
}

/** Whether the manager opens this path (absolute, links followed). */
export function mayOpen(path: string, { dataFolder, storage, shared, outputs, allowed }: OpenFolders): boolean {
  if (isWithin(path, dataFolder)) {
    if (isWithin(path, join(dataFolder, RESULTS_FOLDER))) return true
    return storage !== undefined && storage !== dataFolder && isWithin(storage, dataFolder) && isWithin(path, storage)
  }
  if (storage !== undefined && isWithin(path, storage)) return true
  if (shared.some((folder) => isWithin(path, folder))) return true
  return [...outputs, ...allowed].some((folder) => dirname(folder) !== folder && isWithin(path, folder))
}

/**
 * Whether a file may be a second name (a hard link) of a file that only its owner may read: its other names cannot be
 * determined. A file that every user of the machine can read reveals nothing new.
 */
export function mayBeSomethingElse({ nlink, mode }: { nlink: number; mode: number }): boolean {
  return nlink > 1 && (mode & READABLE_BY_ALL) === 0
}

const READABLE_BY_ALL = 0o004

/** Whether the path is the folder, or lies in it. Both absolute and without `..`. */
export function isWithin(path: string, folder: string): boolean {
  const rest = relative(folder, path)
  return rest === '' || (rest !== '..' && !rest.startsWith(`..${sep}`) && !isAbsolute(rest))
}
