import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/shared/logger.ts'
import { Backups } from '../../../src/main/store/backup/backups.ts'
import { Connection } from '../../../src/main/store/connection.ts'
import { temporaryFolder } from '../../support/folder.ts'

const HOUR_MS = 3_600_000
const START = Date.parse('2026-05-04T03:02:01Z')

let data: Awaited<ReturnType<typeof temporaryFolder>>
let backups: Backups
let now: number
let settings: { backupEveryMs: number; backupKeep: number }
/** What a periodic timer would call. */
let look: () => void | Promise<void>

const start = (): void =>
  backups.start((_ms, check) => {
    look = check
    return () => undefined
  })
const folders = async (): Promise<string[]> => (await readdir(backups.folder)).sort()

beforeEach(async () => {
  data = await temporaryFolder()
  const database = await Connection.open(join(data.path, 'framehouse.sqlite'), 'write')
  await database.run('create table a (id integer primary key)')
  await database.close()
  now = START
  settings = { backupEveryMs: HOUR_MS, backupKeep: 2 }
  backups = new Backups({ dataDir: data.path, settings: () => settings, now: () => now, log: silentLogger })
})
afterEach(async () => {
  await backups.stop()
  await data.remove()
})

describe('backups by the clock', () => {
  it('are made when the last one is old enough, and the oldest go', async () => {
    start()
    for (const minutes of [0, 30, 60, 120]) {
      now = START + minutes * 60_000
      await look()
    }
    expect(await folders()).toEqual(['2026-05-04T04-02-01-auto', '2026-05-04T05-02-01-auto'])
  })

  it('leave alone what people made', async () => {
    settings.backupKeep = 1
    start()
    await backups.make()
    await look()
    now += HOUR_MS
    await look()
    expect(await folders()).toEqual(['2026-05-04T03-02-01', '2026-05-04T04-02-01-auto'])
  })
})

describe('a backup that a crash cut short', () => {
  it('goes away at the next start; folders of other names stay', async () => {
    for (const name of ['2026-05-04T01-00-00-auto.unfinished-4711', '2026-05-04T01-00-00', 'mine.unfinished-1']) {
      await mkdir(join(backups.folder, name, 'logs'), { recursive: true })
      await writeFile(join(backups.folder, name, 'logs', 'a'), 'x')
    }
    start()
    await backups.stop()
    expect(await folders()).toEqual(['2026-05-04T01-00-00', 'mine.unfinished-1'])
  })
})
