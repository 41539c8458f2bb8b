/** The manager is killed while a fleet of executors works: no process is lost, none ends twice, no channel entry goes. */
import { afterEach, expect, it } from 'vitest'
import { idOfPrivateKey, newPrivateKey } from '../../../src/main/dialects/colonies/crypto/signatures.ts'
import { ColoniesCaller, coloniesFixture, spec } from '../../support/coloniesCaller.ts'
import { until } from '../../support/liveManager.ts'
import { ManagerProcess } from '../../support/managerProcess.ts'

const EXECUTORS = 20
const PROCESSES = 300
const ROUNDS = 3
/** Of the workflow: so many nodes, in rows of this width. */
const NODES = 200
const WIDTH = 20
const KILLS = 2
const PATIENCE_MS = 240_000

let manager: ManagerProcess | undefined
afterEach(() => manager?.kill())

async function fleetOf(owner: ColoniesCaller, colony: string): Promise<ColoniesCaller[]> {
  const fleet = Array.from({ length: EXECUTORS }, () => new ColoniesCaller(owner.url))
  for (const [number, each] of fleet.entries()) {
    const body = { executorid: each.id, executorname: `e${number}`, executortype: 'cli', colonyname: colony }
    await owner.ask('addexecutormsg', { executor: body })
    await owner.ask('approveexecutormsg', { colonyname: colony, executorname: `e${number}` })
  }
  return fleet
}

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
    const fleet = await fleetOf(owner, colony)
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
  'a workflow of 200 nodes is worked off, each node once and after its parents',
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
    const { owner, colony } = await coloniesFixture(url, serverKey)
    const fleet = await fleetOf(owner, colony)
    const [submitter = owner] = fleet
    // Ten rows of twenty; each node depends on two of the row before. An executor whose reply went with the manager does not
    // know that it has a node: its time is over after a few seconds, and another one gets it.
    const parentsOf = (row: number, at: number): string[] => (row === 0 ? [] : [`n${row - 1}-${at}`, `n${row - 1}-${(at + 1) % WIDTH}`])
    const nodes = Array.from({ length: NODES }, (_, n) => ({ row: Math.floor(n / WIDTH), at: n % WIDTH }))
    const functionspecs = nodes.map(({ row, at }) =>
      spec(colony, {
        nodename: `n${row}-${at}`,
        maxexectime: 5,
        conditions: { colonyname: colony, executortype: 'cli', dependencies: parentsOf(row, at) },
      }),
    )
    const { processgraphid, processids } = await submitter.ask('submitworkflowspecmsg', { spec: { colonyname: colony, functionspecs } })
    expect(processids).toHaveLength(NODES)

    const inputs = new Map<string, Set<string>>()
    const closedBy = new Map<string, Set<number>>()
    const note = <T>(map: Map<string, Set<T>>, key: string, value: T): void => void map.set(key, (map.get(key) ?? new Set()).add(value))
    let done = false
    const work = async (caller: ColoniesCaller, number: number): Promise<void> => {
      while (!done) {
        const assigned = await caller.at(url).send('assignprocessmsg', { colonyname: colony, timeout: 1 }).catch(away)
        if (assigned?.error !== false) continue
        const { processid, spec: given, in: input } = assigned.body
        note(inputs, given.nodename, JSON.stringify(input.toSorted()))
        let closed
        while (closed === undefined && !done)
          closed = await caller
            .at(url)
            .send('closesuccessfulmsg', { processid, out: [given.nodename] })
            .catch(away)
        if (closed?.error === false) note(closedBy, given.nodename, number)
      }
    }
    const working = fleet.map((caller, number) => work(caller, number))
    for (let round = 1; round <= KILLS; round++) {
      await until(() => closedBy.size >= (round * NODES) / (KILLS + 1), 'some nodes were closed', 60_000)
      await manager.kill()
      manager = await ManagerProcess.start({ dataDir })
      url = manager.url
    }
    const graph = async () => submitter.at(url).ask('getprocessgraphmsg', { processgraphid })
    await until(async () => (await graph()).state === 2, 'the workflow succeeded', 120_000)
    done = true
    await Promise.all(working)
    expect(closedBy.size).toBe(NODES)
    expect([...closedBy].filter(([, by]) => by.size > 1)).toEqual([])
    for (const { row, at } of nodes) {
      expect([...(inputs.get(`n${row}-${at}`) ?? [])]).toEqual([JSON.stringify(parentsOf(row, at).toSorted())])
    }
    expect(await submitter.at(url).ask('getcolonystatsmsg', { colonyname: colony })).toMatchObject({
      successfulprocesses: NODES,
      waitingprocesses: 0,
      runningprocesses: 0,
      successfulworkflows: 1,
    })
  },
  PATIENCE_MS,
)

/** The manager is gone: it is asked again in a moment. */
async function away(): Promise<undefined> {
  await new Promise((resolve) => setTimeout(resolve, 50))
}

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
