/** The folder that a path leads to when its links are followed. */
import { realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative } from 'node:path'

/** An unresponsive disk must not block the caller. */
const PATIENCE_MS = 1_000
/** One such question at a time: each that is stuck holds a thread that the database needs, too. */
let asking = false

/** With links followed as far as the folder is there; the path itself where this machine cannot tell. */
export async function realFolder(path: string): Promise<string> {
  if (asking || !isAbsolute(path)) return path
  asking = true
  const found = follow(path).finally(() => (asking = false))
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<string>((resolve) => (timer = setTimeout(() => resolve(path), PATIENCE_MS)))
  try {
    return await Promise.race([found, patience])
  } finally {
    clearTimeout(timer)
  }
}

async function follow(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    try {
      return join(await realpath(folder), relative(folder, path))
    } catch {
      if (dirname(folder) === folder) return path
    }
  }
}
