/** Lost and damaged files of a manager: each kind is noticed and named, nothing starts empty, and there is a way back. */
import { execFile } from 'node:child_process'
import { appendFile, cp, mkdtemp, open, readdir, readFile, rename, rm, stat, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/shared/logger.ts'
import { Connection } from '../../../src/main/store/connection.ts'
import { problemOf } from '../../../src/main/store/guard/dataFolder.ts'
import { Faults } from '../../../src/main/store/guard/faults.ts'
import { damageIn, Integrity } from '../../../src/main/store/guard/integrity.ts'
import { submitFrames } from '../../bench/handOut.ts'
import { ManagerProcess } from '../../support/managerProcess.ts'
import { NativeCaller } from '../../support/nativeCaller.ts'

const PROGRAM = join(import.meta.dirname, '../../../bin/framehouse.js')
const DATABASE = 'framehouse.sqlite'

let root: string
/** Data folders of one farm: after a kill -9, and after a clean end. Tests work on copies. */
let killed: string
let clean: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'framehouse-folder-'))
  killed = join(root, 'killed')
  clean = join(root, 'clean')
  const live = join(root, 'live')
  let manager = await ManagerProcess.start({ dataDir: live })
  const worker = await NativeCaller.join(manager, 'ada')
  await submitFrames(manager, 2_000, 'first')
  const doomed = await submitFrames(manager, 2_000, 'doomed')
  for (let task = 0; task < 3; task++) {
    await worker.take()
    await worker.log(`${'a line of task '.repeat(40)}${task}\n`)
    await worker.finish()
  }
  await manager.json('POST', '/api/v1/backups', {})
  await manager.kill()
  await cp(live, killed, { recursive: true })
  manager = await ManagerProcess.start({ dataDir: live })
  // Leaves free pages.
  await manager.json('PATCH', '/api/v1/settings', { undoPeriodMs: 0 }).catch(() => undefined)
  await manager.stop(true)
  const db = await Connection.open(join(live, DATABASE), 'write')
  await db.exec(`pragma foreign_keys = on; delete from jobs where public_id = '${doomed}'`)
  await db.close()
  await cp(live, clean, { recursive: true })
})
afterAll(async () => {
  await rm(root, { recursive: true, force: true })
})

async function copyOf(folder: string): Promise<string> {
  const copy = await mkdtemp(join(root, 'copy-'))
  await cp(folder, copy, { recursive: true })
  return copy
}

/** Everything that looks, in the order in which it does: before the start, and a while after it. */
async function noticed(folder: string): Promise<string[]> {
  const problem = await problemOf(folder)
  if (problem !== undefined) return [`start: ${problem}`]
  const found = (await damageIn(join(folder, DATABASE))).map((line) => `database: ${line}`)
  const read = await Connection.open(join(folder, DATABASE), 'read')
  const faults = new Faults(silentLogger, Date.now)
  const integrity = new Integrity(folder, read, faults, silentLogger)
  await integrity.checkLogs(1e9).catch(() => undefined)
  await read.close()
  return [...found, ...faults.list().map(({ kind, message }) => `${kind}: ${message}`)]
}

async function flip(file: string, at: number, bits = 0x55): Promise<void> {
  const handle = await open(file, 'r+')
  const byte = Buffer.alloc(1)
  await handle.read(byte, 0, 1, at)
  byte[0] = (byte[0] ?? 0) ^ bits
  await handle.write(byte, 0, 1, at)
  await handle.close()
}

/** Number of the first leaf or inner page of a table or index, and whether it is free. */
async function rootPage(folder: string, name: string): Promise<number> {
  const db = await Connection.open(join(folder, DATABASE), 'read')
  const row = await db.get<{ rootpage: number }>('select rootpage from sqlite_schema where name = ?', [name])
  await db.close()
  return row?.rootpage ?? 0
}

const segment = async (folder: string) => {
  for (const name of await readdir(join(folder, 'logs')))
    if ((await stat(join(folder, 'logs', name))).size > 0) return join(folder, 'logs', name)
  throw new Error('there is no log')
}

/** [what, which folder, how it is done, what must be reported] */
const KINDS: [string, 'clean' | 'killed', (folder: string) => Promise<void>, RegExp][] = [
  ['a flipped header', 'clean', (folder) => flip(join(folder, DATABASE), 3), /start: .*framehouse\.sqlite is damaged/],
  [
    'a flipped page of a table',
    'clean',
    async (folder) => flip(join(folder, DATABASE), ((await rootPage(folder, 'tasks')) - 1) * 4096 + 3),
    /database: /,
  ],
  [
    'a flipped page of an index',
    'clean',
    async (folder) => flip(join(folder, DATABASE), ((await rootPage(folder, 'log_chunks_by_segment')) - 1) * 4096 + 4090),
    /database: /,
  ],
  ['a damaged list of free pages', 'clean', (folder) => flip(join(folder, DATABASE), 39), /database: /],
  [
    'a database that is cut off',
    'clean',
    async (folder) => truncate(join(folder, DATABASE), Math.floor((await stat(join(folder, DATABASE))).size / 2)),
    /start: .*truncated/,
  ],
  [
    'a flipped page in the write-ahead log',
    'killed',
    async (folder) => flip(join(folder, `${DATABASE}-wal`), 32 + 24 + 2_000),
    /start: .*-wal is damaged/,
  ],
  ['a missing write-ahead log', 'killed', (folder) => unlink(join(folder, `${DATABASE}-wal`)), /start: .*-wal is missing/],
  ['a flipped log', 'clean', async (folder) => flip(await segment(folder), 100), /logs-damaged: .*changed bytes/],
  ['a log that is cut off', 'clean', async (folder) => truncate(await segment(folder), 50), /logs-damaged: .*truncated/],
  ['a database of 0 bytes', 'clean', (folder) => truncate(join(folder, DATABASE), 0), /start: .*has 0 bytes/],
  ['a missing database', 'clean', (folder) => unlink(join(folder, DATABASE)), /start: .*is missing/],
  ['a write-ahead log without its header', 'killed', (folder) => flip(join(folder, `${DATABASE}-wal`), 1), /start: .*header is damaged/],
  [
    'a write-ahead log that is cut off',
    'killed',
    async (folder) => truncate(join(folder, `${DATABASE}-wal`), 32 + 4120 * 2),
    /start: .*damaged or missing/,
  ],
]

describe('every kind of damage is noticed and named:', () => {
  it.each(KINDS)('%s', async (_, of, damage, told) => {
    const folder = await copyOf(of === 'clean' ? clean : killed)
    expect(await noticed(folder)).toEqual([])
    await damage(folder)
    expect((await noticed(folder)).join('\n')).toMatch(told)
    await rm(folder, { recursive: true })
  })

  it('what a crash cut off in the middle of a write is none', async () => {
    const folder = await copyOf(killed)
    // Half a transaction behind the last one, as a power cut leaves it.
    await appendFile(join(folder, `${DATABASE}-wal`), Buffer.alloc(3_000, 7))
    expect(await noticed(folder)).toEqual([])
  })
})

describe('a manager does not start with', () => {
  const start = (folder: string) =>
    ManagerProcess.start({ dataDir: folder }).then(
      (manager) => manager.stop(true).then(() => 'started'),
      (error: unknown) => String(error),
    )

  it('a folder that lost its database, and says which backup brings it back with which command', async () => {
    const folder = await copyOf(clean)
    await unlink(join(folder, DATABASE))
    const told = await start(folder)
    expect(told).toContain(`The database ${join(folder, DATABASE)} is missing`)
    const [backup] = await readdir(join(folder, 'backups'))
    const command = `framehouse restore --data ${folder} ${join(folder, 'backups', backup ?? '')}`
    expect(told).toContain(command)
    await promisify(execFile)(process.execPath, [PROGRAM, ...command.split(' ').slice(1)])
    const manager = await ManagerProcess.start({ dataDir: folder })
    const { items } = await manager.json<{ items: { name: string }[] }>('GET', '/api/v1/jobs')
    expect(items.map(({ name }) => name).sort()).toEqual(['doomed', 'first'])
    await manager.stop()
  })

  it('a database whose pages are damaged where it reads first, and names it instead of SQLITE_CORRUPT alone', async () => {
    const folder = await copyOf(clean)
    await flip(join(folder, DATABASE), ((await rootPage(folder, 'log_segments')) - 1) * 4096)
    expect(await start(folder)).toMatch(/database .*framehouse\.sqlite is damaged[\s\S]*framehouse restore/)
  })
})

describe('a folder that goes while the manager runs', () => {
  it.each([
    // A file that the manager makes meanwhile must not keep its folder.
    ['is deleted', (folder: string) => rm(folder, { recursive: true, maxRetries: 10 })],
    ['is moved away', (folder: string) => rename(folder, `${folder}-moved`)],
    [
      'is replaced by an older copy',
      async (folder: string) => {
        await rename(folder, `${folder}-moved`)
        await cp(clean, folder, { recursive: true })
      },
    ],
    ['loses its write-ahead log', (folder: string) => unlink(join(folder, `${DATABASE}-wal`))],
  ])('and %s: nothing further is acknowledged, and the loss is reported', async (_, lose) => {
    const folder = await copyOf(clean)
    const manager = await ManagerProcess.start({ dataDir: folder })
    try {
      await submitFrames(manager, 1, 'before')
      await lose(folder)
      await expect(submitFrames(manager, 1, 'after')).rejects.toThrow(/503.*while the manager was running/)
      const { farm, faults } = await manager.json<{ farm: string; faults: { kind: string }[] }>('GET', '/api/v1/status')
      expect([farm, faults.map(({ kind }) => kind)]).toEqual(['inoperative', ['data-lost']])
      expect(manager.told).toContain('while the manager was running')
    } finally {
      await manager.stop(true)
    }
  })
})

describe('salvage', () => {
  const salvage = async (folder: string) => {
    const to = `${folder}-saved`
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, 'salvage', '--data', folder, to])
    expect(await readFile(join(to, 'salvage-report.txt'), 'utf8')).toBe(stdout.split('\n\n/')[0] + '\n')
    return { to, stdout }
  }

  it('of a folder that is whole loses nothing', async () => {
    const { to, stdout } = await salvage(await copyOf(killed))
    expect(stdout).toContain('nothing was lost')
    const manager = await ManagerProcess.start({ dataDir: to })
    const { items } = await manager.json<{ items: { name: string; counts: { completed: number } }[] }>('GET', '/api/v1/jobs')
    expect(items.map(({ name, counts }) => `${name} ${counts.completed}`).sort()).toEqual(['doomed 0', 'first 3'])
    await manager.stop()
  })

  it('saves all but the pages that are damaged, counts anew, and says what was lost', async () => {
    const folder = await copyOf(clean)
    // Every bit of a leaf in the middle of the tasks.
    const db = await Connection.open(join(folder, DATABASE), 'read')
    const pages = await db
      .all<{ pageno: number }>(`select pageno from dbstat where name = 'tasks' and pagetype = 'leaf' order by path`)
      .catch(() => [])
    await db.close()
    const page = pages[Math.floor(pages.length / 2)]?.pageno ?? (await rootPage(folder, 'tasks')) + 5
    const handle = await open(join(folder, DATABASE), 'r+')
    await handle.write(Buffer.alloc(4096, 0xff), 0, 4096, (page - 1) * 4096)
    await handle.close()
    const { to, stdout } = await salvage(folder)
    expect(stdout).toMatch(/LOST: unreadable: keys/)
    const manager = await ManagerProcess.start({ dataDir: to })
    const { items } = await manager.json<{ items: { name: string; taskCount: number }[] }>('GET', '/api/v1/jobs')
    expect(items.map(({ name }) => name)).toEqual(['first'])
    await manager.stop()
  })

  it('reads on behind a damaged header', async () => {
    const folder = await copyOf(clean)
    for (const at of [2, 18, 30]) await flip(join(folder, DATABASE), at)
    const { to } = await salvage(folder)
    expect(await damageIn(join(to, DATABASE))).toEqual([])
  })
})

it('a first start that was cut short is no lost farm', async () => {
  const folder = await mkdtemp(join(root, 'empty-'))
  await writeFile(join(folder, DATABASE), '')
  expect(await problemOf(folder)).toBeUndefined()
})
