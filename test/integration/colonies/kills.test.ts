/** The manager is killed while a fleet of executors works: no process is lost, none ends twice, no channel entry goes. */
import { afterEach, expect, it } from 'vitest'
import { idOfPrivateKey, newPrivateKey } from '../../../src/main/dialects/colonies/crypto/signatures.ts'
import { ColoniesCaller, coloniesFixture, spec } from '../../support/coloniesCaller.ts'
import { until } from '../../support/liveManager.ts'
import { ManagerProcess } from '../../support/managerProcess.ts'

const EXECUTORS = 20
const PROCESSES = 300
const ROUNDS = 3
const PATIENCE_MS = 240_000

let manager: ManagerProcess | undefined
afterEach(() => manager?.kill())

it(
  'loses nothing that was acknowledged to a client',
  async () => {
    const serverKey = newPrivateKey()
    manager = await ManagerProcess.start()
    const { dataDir } = manager
    let url = manager.url
    await manager.json('PATCH', '/api/v1/settings', {
      coloniesEnabled: true,
      coloniesPort: 0,
      coloniesServerId: idOfPrivateKey(serverKey),
    })
    const { owner, executor, colony } = await coloniesFixture(url, serverKey)
    const fleet = Array.from({ length: EXECUTORS }, () => new ColoniesCaller(url))
    for (const [number, each] of fleet.entries()) {
      const body = { executorid: each.id, executorname: `e${number}`, executortype: 'cli', colonyname: colony }
      await owner.ask('addexecutormsg', { executor: body })
      await owner.ask('approveexecutormsg', { colonyname: colony, executorname: `e${number}` })
    }
    const submitted: string[] = []
    for (let n = 0; n < PROCESSES; n++)
      submitted.push((await executor.ask('submitfuncspecmsg', { spec: spec(colony, { channels: ['chat'] }) })).processid)
    // Told by the manager: these have ended.
    const ended = new Map<string, number>()
    const entries = new Map<string, number>()
    let done = false
    const work = async (caller: ColoniesCaller, number: number): Promise<void> => {
      const held: string[] = []
      while (!done) {
        const me = caller.at(url)
        const assigned = await me.send('assignprocessmsg', { colonyname: colony, timeout: -1 }).catch(() => undefined)
        if (assigned?.error === false) held.push(assigned.body.processid)
        const processid = held.at(-1)
        if (processid === undefined) continue
        const entry = { processid, name: 'chat', sequence: 1, payload: 'eA==' }
        const said = await me.send('channelappendmsg', entry).catch(() => undefined)
        if (said?.error === false && number % 4 === 0) {
          // One in four holds on to its process, so that something is left to look for.
          entries.set(processid, (entries.get(processid) ?? 0) + 1)
          held.pop()
          continue
        }
        const closed = await me.send('closesuccessfulmsg', { processid, out: [number] }).catch(() => undefined)
        if (closed !== undefined) held.pop()
        if (closed?.error === false) ended.set(processid, number)
      }
    }
    const working = fleet.map((caller, number) => work(caller, number))
    for (let round = 0; round < ROUNDS; round++) {
      const before = ended.size
      await until(() => ended.size >= before + 15, 'some processes ended')
      await manager.kill()
      manager = await ManagerProcess.start({ dataDir })
      url = manager.url
    }
    await until(() => ended.size + entries.size >= PROCESSES - EXECUTORS, 'nearly all have been worked on', 120_000)
    done = true
    await Promise.all(working)
    const look = executor.at(url)
    for (const processid of submitted) {
      const process = await look.ask('getprocessmsg', { processid })
      const by = ended.get(processid)
      if (by !== undefined) expect(process).toMatchObject({ state: 2, out: [by] })
      const wrote = entries.get(processid)
      if (wrote !== undefined && process.state < 2) {
        const found = await look.ask('channelreadmsg', { processid, name: 'chat', afterseq: 0, limit: 0 })
        expect(found.length).toBeGreaterThanOrEqual(wrote)
      }
    }
  },
  PATIENCE_MS,
)

it(
  'a generator submits each of its arguments once',
  async () => {
    const serverKey = newPrivateKey()
    manager = await ManagerProcess.start()
    const { dataDir } = manager
    let url = manager.url
    await manager.json('PATCH', '/api/v1/settings', {
      coloniesEnabled: true,
      coloniesPort: 0,
      coloniesServerId: idOfPrivateKey(serverKey),
    })
    const { executor, colony } = await coloniesFixture(url, serverKey)
    const workflowspec = JSON.stringify({ colonyname: colony, functionspecs: [spec(colony, { nodename: 'a' })] })
    const { generatorid } = await executor.ask('addgeneratormsg', {
      generator: { name: 'each', colonyname: colony, workflowspec, trigger: 1, timeout: -1 },
    })
    const args = Array.from({ length: PROCESSES }, (_, n) => `arg ${n}`)
    let packed = 0
    const count = async (): Promise<number> => (await executor.at(url).ask('getcolonystatsmsg', { colonyname: colony })).waitingprocesses
    for (let round = 0; round < ROUNDS; round++) {
      const before = await count()
      const pack = async (): Promise<void> => {
        for (const end = packed + PROCESSES / ROUNDS; packed < end; packed++)
          await executor.at(url).ask('packgeneratormsg', { generatorid, arg: args[packed] })
      }
      await pack()
      await until(async () => (await count()) > before, 'some were submitted')
      await manager.kill()
      manager = await ManagerProcess.start({ dataDir })
      url = manager.url
    }
    const queued = async (): Promise<number> => (await executor.at(url).ask('getgeneratormsg', { generatorid })).queuesize
    await until(async () => (await queued()) === 0, 'all were submitted')
    const seen: string[] = []
    for (let n = await count(); n > 0; n--) {
      const process = await executor.at(url).ask('assignprocessmsg', { colonyname: colony, timeout: 10 })
      seen.push(process.spec.args[0])
    }
    expect(seen.toSorted()).toEqual(args.toSorted())
  },
  PATIENCE_MS,
)
