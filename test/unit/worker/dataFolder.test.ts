/** What a worker keeps in its data folder besides the outbox. */
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ProcessTools } from '../../../src/main/worker/contract/commands.ts'
import { CredentialsStore, newSecret } from '../../../src/main/worker/link/credentials.ts'
import { DataFolderInUseError, lockDataFolder } from '../../../src/main/worker/data/dataLock.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { SYSTEM_ID, machineId, uuidFrom } from '../../../src/main/worker/data/machineId.ts'
import { endLeftovers, openLedger } from '../../../src/main/worker/data/processLedger.ts'
import { isUuid } from '../../../src/shared/ids.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framehouse-data-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Processes as a table of pid → start mark, and cookies that living ones carry; who was killed is noted. */
function processTable(
  living: Record<number, string>,
  cookies: string[] = [],
  groups: Record<number, string> = {},
): ProcessTools & { killed: (number | string)[] } {
  const killed: (number | string)[] = []
  return {
    killed,
    startMark: async (pid) => living[pid],
    killTree: async (pid) => {
      killed.push(pid)
    },
    killMarked: async (cookie) => {
      if (!cookies.includes(cookie)) return false
      killed.push(cookie)
      return true
    },
    killGroupOf: async (pid, mark) => {
      if (groups[pid] !== mark) return false
      killed.push(`group ${pid}`)
      return true
    },
  }
}

describe('credentials', () => {
  const entry = { manager: 'http://farm/', adapter: 'native' as const, slot: 0, workerId: 'a', secret: newSecret() }

  it('are kept by manager, adapter and slot, readable by the owner only', async () => {
    const store = new CredentialsStore(folder)
    expect(await store.find(entry)).toBeUndefined()
    const others = [
      { ...entry, manager: 'http://other/', workerId: 'b' },
      { ...entry, adapter: 'flamenco' as const, workerId: 'c' },
      { ...entry, adapter: 'flamenco' as const, slot: 1, workerId: 'd' },
    ]
    await Promise.all([entry, ...others].map((each) => store.save(each)))
    for (const each of [entry, ...others]) expect(await new CredentialsStore(folder).find(each)).toEqual(each)
    await store.save({ ...entry, workerId: 'new' })
    expect(await store.find(entry)).toMatchObject({ workerId: 'new' })
    // Two farms that had the same address one after the other keep an identity each; one farm has one, wherever it is.
    const known = { ...entry, workerId: 'at farm 1', farmId: 'farm 1', farmKey: 'k' }
    for (const each of [known, { ...known, workerId: 'at farm 2', farmId: 'farm 2' }]) await store.save(each)
    expect(await store.find(entry)).toMatchObject({ workerId: 'at farm 2' })
    await store.save({ ...known, workerId: 'again at farm 1', manager: 'http://moved/' })
    expect((await store.native()).map(({ workerId }) => workerId)).toEqual(['b', 'at farm 2', 'again at farm 1'])
    expect((await stat(join(folder, 'worker-credentials.json'))).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['worker-credentials.json'])
  })

  it.each([
    ['{"version":1,"workers":[{"manager":1}]}', '/workers/0'],
    ['{"version":1,', 'not valid JSON'],
  ])('a damaged file is named, never replaced silently: %s', async (content, reason) => {
    const path = join(folder, 'worker-credentials.json')
    await writeFile(path, content)
    const store = new CredentialsStore(folder)
    await expect(store.find(entry)).rejects.toThrow(path)
    await expect(store.save(entry)).rejects.toThrow(reason)
    expect(await readFile(path, 'utf8')).toBe(content)
  })

  it('secrets are 32 random bytes in hex', () => {
    expect(newSecret()).toMatch(/^[0-9a-f]{64}$/)
    expect(newSecret()).not.toBe(newSecret())
  })
})

describe('the machine id', () => {
  it('stays, once made, whatever the machine looks like later', async () => {
    const first = await machineId(folder, async () => ['host', 'abc'])
    expect(isUuid(first)).toBe(true)
    expect(await machineId(folder, async () => ['renamed', 'xyz'])).toBe(first)
  })

  it.each([
    [
      'win32',
      '\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n    MachineGuid    REG_SZ    7B0D7C5E-1a2b-4c3d-8e9f-001122334455\r\n\r\n',
      '7b0d7c5e-1a2b-4c3d-8e9f-001122334455',
    ],
    ['win32', 'ERROR: The system was unable to find the specified registry key or value.\r\n', undefined],
    [
      'darwin',
      '+-o J314sAP  <class IOPlatformExpertDevice, id 0x100000227>\n    {\n      "IOPlatformSerialNumber" = "X"\n      "IOPlatformUUID" = "564D3FA2-0000-1111-2222-333344445555"\n    }\n',
      '564d3fa2-0000-1111-2222-333344445555',
    ],
    ['darwin', '', undefined],
  ] as const)('comes from the number that %s has for it', (platform, output, expected) => {
    expect(SYSTEM_ID[platform]?.parse(output)).toBe(expected)
  })

  it('is the same for all data folders of a machine, and another one for another machine', () => {
    expect(uuidFrom('host\nabc')).toBe(uuidFrom('host\nabc'))
    expect(uuidFrom('host\nabc')).not.toBe(uuidFrom('other\nabc'))
    expect(uuidFrom('host\nabc')).toMatch(/^.{14}8.{4}[89ab]/)
  })
})

describe('the lock of a data folder', () => {
  it('keeps out a second worker until it is given back', async () => {
    const processes = processTable({ [process.pid]: 'mine' })
    const unlock = await lockDataFolder(folder, processes)
    await expect(lockDataFolder(folder, processes)).rejects.toThrow(DataFolderInUseError)
    await unlock()
    await (
      await lockDataFolder(folder, processes)
    )()
  })

  it.each([
    ['of a process that is gone', '99999 then\n'],
    ['of a number that another process has by now', '4242 earlier\n'],
    ['that was cut short', '42'],
  ])('%s is taken over', async (_case, content) => {
    await writeFile(join(folder, 'worker.lock'), content)
    const unlock = await lockDataFolder(folder, processTable({ [process.pid]: 'mine', 4242: 'now' }))
    await unlock()
    expect(await readdir(folder)).toEqual([])
  })
})

describe('the list of running programs', () => {
  const list = async () => (await readdir(join(folder, 'processes'))).toSorted()
  const tell = (cookie: string) => readFile(join(folder, 'processes', cookie), 'utf8')
  async function openedBy(processes: ProcessTools) {
    await endLeftovers({ dataDir: folder, processes, log: silentLogger })
    return openLedger({ dataDir: folder, processes, log: silentLogger })
  }

  it('names each from before its start to its end', async () => {
    const ledger = await openedBy(processTable({ 10: 'ten', 11: 'eleven' }))
    ledger.starting('a')
    ledger.starting('b')
    expect(await list()).toEqual(['a', 'b'])
    ledger.started('a', 10)
    await expect.poll(() => tell('a')).toBe('10 ten\n')
    expect(await tell('b')).toBe('')
    ledger.ended('a')
    expect(await list()).toEqual(['b'])
  })

  it('does not name one that ended before it was looked at', async () => {
    const ledger = await openedBy(processTable({ 10: 'ten' }))
    ledger.starting('a')
    ledger.started('a', 10)
    ledger.ended('a')
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(await list()).toEqual([])
  })

  it('lets the next start end those, and only those, that are still the same process', async () => {
    const ledger = await openedBy(processTable({ 10: 'ten', 11: 'eleven', 12: 'twelve' }))
    for (const pid of [10, 11, 12]) {
      ledger.starting(`cookie-${pid}`)
      ledger.started(`cookie-${pid}`, pid)
    }
    await expect.poll(() => tell('cookie-12')).not.toBe('')
    const after = processTable({ 10: 'ten', 11: 'another one' })
    expect(await endLeftovers({ dataDir: folder, processes: after, log: silentLogger })).toBe(1)
    expect(after.killed).toEqual([10])
    expect(await list()).toEqual([])
  })

  it('lets it end what a program left behind that is gone, or whose start was not seen', async () => {
    const ledger = await openedBy(processTable({ 10: 'ten' }))
    ledger.starting('gone')
    ledger.started('gone', 10)
    ledger.starting('unseen')
    await expect.poll(() => tell('gone')).not.toBe('')
    const after = processTable({}, ['gone', 'unseen'])
    expect(await endLeftovers({ dataDir: folder, processes: after, log: silentLogger })).toBe(2)
    expect(after.killed.toSorted()).toEqual(['gone', 'unseen'])
  })

  it('lets it end the group of a program that is gone, where that is all that can be found', async () => {
    const ledger = await openedBy(processTable({ 10: 'ten', 11: 'eleven' }))
    for (const pid of [10, 11]) {
      ledger.starting(`cookie-${pid}`)
      ledger.started(`cookie-${pid}`, pid)
    }
    await expect.poll(() => tell('cookie-11')).not.toBe('')
    const after = processTable({ 11: 'eleven' }, [], { 10: 'ten', 11: 'eleven' })
    expect(await endLeftovers({ dataDir: folder, processes: after, log: silentLogger })).toBe(2)
    expect(after.killed.toSorted()).toEqual([11, 'group 10'])
  })
})
