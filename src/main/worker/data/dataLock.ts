/** One agent per data folder: two would mix their report logs and share one identity. */
import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProcessTools } from '../contract/commands.ts'
import { ensureDir } from '../../system/ensureDir.ts'

/** Another worker runs with this data folder. */
export class DataFolderInUseError extends Error {
  override readonly name = 'DataFolderInUseError'
  constructor(directory: string, pid: number) {
    super(`data folder ${directory} is in use by another worker (process ${pid}); give each worker its own --data`)
  }
}

/**
 * Takes the folder; returns what gives it back. A lock whose process is gone, or is another one by now, is taken over.
 * @throws DataFolderInUseError
 */
export async function lockDataFolder(directory: string, processes: ProcessTools): Promise<() => Promise<void>> {
  await ensureDir(directory, 0o700).catch((error: unknown) => {
    throw new Error(`the data folder ${directory} cannot be created: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  })
  const path = join(directory, 'worker.lock')
  const mine = `${process.pid} ${(await processes.startMark(process.pid)) ?? ''}\n`
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = await open(path, 'wx', 0o600)
      try {
        await handle.writeFile(mine)
      } finally {
        await handle.close()
      }
      return () => rm(path, { force: true })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
      const holder = await readHolder(path)
      if (holder !== undefined && (await processes.startMark(holder.pid)) === holder.mark) {
        throw new DataFolderInUseError(directory, holder.pid)
      }
      // After several rounds another process keeps winning: that one runs.
      if (attempt >= 5) throw new DataFolderInUseError(directory, holder?.pid ?? 0)
      await rm(path, { force: true })
    }
  }
}

async function readHolder(path: string): Promise<{ pid: number; mark: string } | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const match = /^(\d+) (.*)\n$/.exec(text)
  return match?.[1] === undefined ? undefined : { pid: Number(match[1]), mark: match[2] ?? '' }
}
