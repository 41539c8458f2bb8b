import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openStore } from '../../../src/main/store/openStore.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framehouse-privacy-'))
  // As data folders are: others have to reach the storage in it.
  await chmod(folder, 0o755)
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const modeOf = async (name: string) => (await stat(join(folder, name))).mode & 0o777

it.skipIf(process.platform === 'win32')('only the owner reads the database, what SQLite keeps beside it, or the logs', async () => {
  const store = await openStore({ dataDir: folder, readConnections: 1, onFailure: () => undefined })
  for (const name of ['framehouse.sqlite', 'framehouse.sqlite-wal', 'framehouse.sqlite-shm']) expect(await modeOf(name)).toBe(0o600)
  expect(await modeOf('logs')).toBe(0o700)
  await store.close()
})

it.skipIf(process.platform === 'win32')('a database that others could read is closed to them', async () => {
  await writeFile(join(folder, 'framehouse.sqlite'), '', { mode: 0o644 })
  const store = await openStore({ dataDir: folder, readConnections: 1, onFailure: () => undefined })
  expect(await modeOf('framehouse.sqlite')).toBe(0o600)
  await store.close()
})
