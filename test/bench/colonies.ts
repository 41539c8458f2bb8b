/**
 * The Colonies API: how many processes a second are submitted, and assigned and closed, every signature checked and every
 * reply on disk, against the no-op route of the same run; and how soon those hear of it who wait. Everything is signed
 * before the clock starts: submits that all differ, one constant assign, and a close for each process.
 */
import { WebSocket } from 'ws'
import { idOfPrivateKey, newPrivateKey } from '../../src/main/dialects/colonies/crypto/signatures.ts'
import { type ColoniesCaller, coloniesFixture, spec } from '../support/coloniesCaller.ts'
import { ManagerProcess } from '../support/managerProcess.ts'
import { fillColony } from './coloniesFarm.ts'
import { noOpRate } from './handOut.ts'
import { RawClient, requestText } from './rawClient.ts'
import { percentile, sleep } from './statistics.ts'

/** Connections. All sign as one executor. */
const CLIENTS = 16
const SUBMITS_PER_LIST = 60
const WAKE_UPS = 300
const ENTRIES = 500

export interface ColonyAccess {
  executor: ColoniesCaller
  colony: string
}

export interface ColoniesRate {
  perSecond: number
  /** Requests that one of them is. */
  requests: number
  /** Requests a second of the no-op route, before and after. */
  noOp: number
  /** Processor time of the manager for each request, microseconds. */
  cpuMicros: number
}

export interface ColoniesRates {
  submit: ColoniesRate
  /** Assign and close; every assign is the same bytes, so half of the signatures were verified before. */
  done: ColoniesRate
  /** The same with assigns that all differ: no signature was verified before. */
  doneUncached: ColoniesRate
}

/** @param queued how many wait at least while a rate is measured @param measured how many each rate counts */
export async function measureColonies(manager: ManagerProcess, queued: number, measured: number): Promise<ColoniesRates> {
  const { executor, colony } = await enabled(manager)
  const submit = (n: number): string => post(executor.envelope({ msgtype: 'submitfuncspecmsg', spec: spec(colony, { args: [String(n)] }) }))
  const ids: string[] = []
  const clients = await open(manager)
  const submitAll = async (requests: string[]): Promise<number> =>
    each(clients, requests.length, async (client, at) => {
      ids.push(idIn(replied(await client.send(requests[at] ?? ''))))
    })
  await submitAll(Array.from({ length: queued }, (_, n) => submit(n)))
  const requests = Array.from({ length: measured }, (_, n) => submit(queued + n))
  const submitted = await rateOf(manager, 1, measured, () => submitAll(requests))
  const closes = closesOf(executor, ids)
  const done = await measureDone(manager, clients, { executor, colony }, closes, measured / 2)
  const doneUncached = await measureDone(manager, clients, { executor, colony }, closes, measured / 2, true)
  for (const client of clients) client.close()
  return { submit: submitted, done, doneUncached }
}

export interface ManyQueued {
  done: ColoniesRate
  submit: ColoniesRate
  lists: { name: string; p95Ms: number }[]
}

/** The same with a million queued, and lists of them. */
export async function measureManyQueued(measured: number): Promise<ManyQueued> {
  const first = await ManagerProcess.start()
  const access = await enabled(first)
  await access.executor.ask('submitfuncspecmsg', { spec: spec(access.colony, { label: 'frame' }) })
  const { dataDir } = first
  await first.stop(true)
  const ids = await fillColony(dataDir, measured)
  const manager = await ManagerProcess.start({ dataDir })
  try {
    const executor = access.executor.at(manager.url)
    const { colony } = access
    const clients = await open(manager)
    const done = await measureDone(manager, clients, { executor, colony }, closesOf(executor, ids), measured)
    const requests = Array.from({ length: measured }, (_, n) =>
      post(executor.envelope({ msgtype: 'submitfuncspecmsg', spec: spec(colony, { args: [String(n)] }) })),
    )
    const submit = await rateOf(manager, 1, measured, () =>
      each(clients, measured, async (client, at) => void replied(await client.send(requests[at] ?? ''))),
    )
    for (const client of clients) client.close()
    return { done, submit, lists: await measureLists(manager, { executor, colony }) }
  } finally {
    await manager.stop()
  }
}

async function measureLists(manager: ManagerProcess, { executor, colony }: ColonyAccess): Promise<ManyQueued['lists']> {
  const list = (body: Record<string, unknown>) => ({ msgtype: 'getprocessesmsg', colonyname: colony, count: 100, ...body })
  const asked: [string, Record<string, unknown>][] = [
    ['waiting processes', list({ state: 0 })],
    ['successful processes', list({ state: 2 })],
    ['all processes', list({ state: -1 })],
    ['waiting processes of a type', list({ state: 0, executortype: 'cli' })],
    ['waiting processes of a label', list({ state: 0, label: 'frame' })],
    ['processes of an initiator', list({ state: 0, initiator: 'one' })],
    ['failed processes of the last hour', { msgtype: 'getprocesshistmsg', colonyname: colony, seconds: 3_600, state: 3 }],
    ['statistics of the colony', { msgtype: 'getcolonystatsmsg', colonyname: colony }],
  ]
  const client = await RawClient.open(manager.port)
  const results: ManyQueued['lists'] = []
  for (const [name, message] of asked) {
    const request = post(executor.envelope(message))
    const latencies: number[] = []
    for (let n = 0; n < SUBMITS_PER_LIST; n++) {
      const began = performance.now()
      replied(await client.send(request))
      latencies.push(performance.now() - began)
    }
    results.push({ name, p95Ms: percentile(latencies, 0.95) })
  }
  client.close()
  return results
}

export interface Latencies {
  wakeUp: { p50Ms: number; p99Ms: number }
  channel: { p99Ms: number }
}

/** From a submit to the reply of an assign that waits; from an entry of a channel to its subscriber. */
export async function measureWaiting(manager: ManagerProcess): Promise<Latencies> {
  const { executor, colony } = await enabled(manager)
  const [waiting, submitting] = [await RawClient.open(manager.port), await RawClient.open(manager.port)]
  const assign = post(executor.envelope({ msgtype: 'assignprocessmsg', colonyname: colony, timeout: 60 }))
  const wakeUps: number[] = []
  let last = ''
  for (let n = 0; n < WAKE_UPS; n++) {
    const request = post(executor.envelope({ msgtype: 'submitfuncspecmsg', spec: spec(colony, { args: [String(n)], channels: ['chat'] }) }))
    const assigned = waiting.send(assign)
    // It waits by then.
    await sleep(5)
    const began = performance.now()
    const submitted = submitting.send(request)
    last = idIn(replied(await assigned))
    wakeUps.push(performance.now() - began)
    await submitted
  }
  const entries = await measureEntries(manager, executor, last)
  waiting.close()
  submitting.close()
  return {
    wakeUp: { p50Ms: percentile(wakeUps, 0.5), p99Ms: percentile(wakeUps, 0.99) },
    channel: { p99Ms: percentile(entries, 0.99) },
  }
}

async function measureEntries(manager: ManagerProcess, executor: ColoniesCaller, processid: string): Promise<number[]> {
  const client = await RawClient.open(manager.port)
  const socket = new WebSocket(`${manager.url.replace('http', 'ws')}/pubsub`)
  await new Promise((resolve) => socket.once('open', resolve))
  let heard: () => void = () => undefined
  socket.on('message', () => heard())
  socket.send(executor.envelope({ msgtype: 'subscribechannelmsg', processid, name: 'chat', afterseq: 0, timeout: 120 }))
  await sleep(200)
  const latencies: number[] = []
  for (let sequence = 1; sequence <= ENTRIES; sequence++) {
    const request = post(executor.envelope({ msgtype: 'channelappendmsg', processid, name: 'chat', sequence, payload: 'aGVsbG8=' }))
    const arrived = new Promise<void>((resolve) => (heard = resolve))
    const began = performance.now()
    const appended = client.send(request)
    await arrived
    latencies.push(performance.now() - began)
    replied(await appended)
  }
  socket.close()
  client.close()
  return latencies
}

async function measureDone(
  manager: ManagerProcess,
  clients: RawClient[],
  { executor, colony }: ColonyAccess,
  closes: ReadonlyMap<string, string>,
  measured: number,
  differ = false,
): Promise<ColoniesRate> {
  const assignOf = (n: number): string =>
    post(executor.envelope({ msgtype: 'assignprocessmsg', colonyname: colony, timeout: -1, ...(differ && { n }) }))
  const assigns = Array.from({ length: differ ? measured : 1 }, (_, n) => assignOf(n))
  return rateOf(manager, 2, measured, () =>
    each(clients, measured, async (client, at) => {
      const close = closes.get(idIn(replied(await client.send(assigns[at % assigns.length] ?? ''))))
      if (close === undefined) throw new Error('an unknown process was assigned')
      replied(await client.send(close))
    }),
  )
}

function closesOf(executor: ColoniesCaller, ids: readonly string[]): Map<string, string> {
  return new Map(ids.map((processid) => [processid, post(executor.envelope({ msgtype: 'closesuccessfulmsg', processid, out: [] }))]))
}

async function rateOf(manager: ManagerProcess, requests: number, count: number, work: () => Promise<number>): Promise<ColoniesRate> {
  const before = await noOpRate(manager)
  const { cpuSeconds } = await manager.usage()
  const seconds = await work()
  const used = (await manager.usage()).cpuSeconds - cpuSeconds
  const noOp = (before + (await noOpRate(manager))) / 2
  return { perSecond: count / seconds, requests, noOp, cpuMicros: (used / count / requests) * 1e6 }
}

async function enabled(manager: ManagerProcess): Promise<ColonyAccess> {
  const serverKey = newPrivateKey()
  await manager.json('PATCH', '/api/v1/settings', {
    coloniesEnabled: true,
    coloniesPort: 0,
    coloniesServerId: idOfPrivateKey(serverKey),
  })
  return coloniesFixture(manager.url, serverKey)
}

const open = (manager: ManagerProcess): Promise<RawClient[]> =>
  Promise.all(Array.from({ length: CLIENTS }, () => RawClient.open(manager.port)))

const post = (body: string): string => requestText('POST', '/api', { body })

/** Does so many steps, each client one after the other. @returns seconds */
async function each(clients: RawClient[], count: number, step: (client: RawClient, at: number) => Promise<void>): Promise<number> {
  let next = 0
  const began = performance.now()
  await Promise.all(
    clients.map(async (client) => {
      for (let at = next++; at < count; at = next++) await step(client, at)
    }),
  )
  return (performance.now() - began) / 1_000
}

/** The reply's payload as text. @throws Error when it is no success */
function replied({ status, body }: { status: number; body: string }): string {
  if (status !== 200) throw new Error(`Colonies: ${status} ${body}`)
  const mark = '"payload":"'
  const from = body.indexOf(mark) + mark.length
  return body.slice(from, body.indexOf('"', from))
}

/** A process begins with its id: `{"processid":"…64 digits…"`. Only that much is decoded. */
function idIn(payload: string): string {
  const text = Buffer.from(payload.slice(0, 120), 'base64').toString('latin1')
  const id = /^\{"processid":"([0-9a-f]{64})"/.exec(text)?.[1]
  if (id === undefined) throw new Error(`no process: ${text}`)
  return id
}
