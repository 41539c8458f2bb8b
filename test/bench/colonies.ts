/**
 * The Colonies API: how many processes a second are submitted, and assigned and closed, every signature checked and every
 * reply on disk, against the no-op route of the same run. Everything is signed before the clock starts: submits that all
 * differ, one constant assign, and a close for each process.
 */
import type { ManagerProcess } from '../support/managerProcess.ts'
import type { ColoniesCaller } from '../support/coloniesCaller.ts'
import { coloniesFixture, spec } from '../support/coloniesCaller.ts'
import { idOfPrivateKey, newPrivateKey } from '../../src/main/dialects/colonies/crypto/signatures.ts'
import { noOpRate } from './handOut.ts'
import { RawClient, requestText } from './rawClient.ts'

/** Connections. All sign as one executor. */
const CLIENTS = 16

export interface ColoniesRates {
  /** Requests a second of the no-op route: before, between and after. */
  noOps: [number, number, number]
  submitPerSecond: number
  /** Pairs of an assign and a close a second. */
  donePerSecond: number
}

/** @param queued how many wait at least while a rate is measured @param measured how many each rate counts */
export async function measureColonies(manager: ManagerProcess, queued: number, measured: number): Promise<ColoniesRates> {
  const { executor, colony } = await enabled(manager)
  const submit = (n: number): string => post(executor.envelope({ msgtype: 'submitfuncspecmsg', spec: spec(colony, { args: [String(n)] }) }))
  const ids: string[] = []
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => RawClient.open(manager.port)))
  const submitAll = (requests: string[]): Promise<number> =>
    each(clients, requests.length, async (client, at) => {
      ids.push(idIn(replied(await client.send(requests[at] ?? ''))))
    })
  await submitAll(Array.from({ length: queued }, (_, n) => submit(n)))
  const requests = Array.from({ length: measured }, (_, n) => submit(queued + n))
  const before = await noOpRate(manager)
  const submitPerSecond = measured / (await submitAll(requests))
  const between = await noOpRate(manager)

  const assign = post(executor.envelope({ msgtype: 'assignprocessmsg', colonyname: colony, timeout: -1 }))
  const closes = new Map<string, string>()
  for (const processid of ids) {
    closes.set(processid, post(executor.envelope({ msgtype: 'closesuccessfulmsg', processid, out: [] })))
  }
  const seconds = await each(clients, measured, async (client) => {
    const close = closes.get(idIn(replied(await client.send(assign))))
    if (close === undefined) throw new Error('an unknown process was assigned')
    replied(await client.send(close))
  })
  const after = await noOpRate(manager)
  for (const client of clients) client.close()
  return { noOps: [before, between, after], submitPerSecond, donePerSecond: measured / seconds }
}

async function enabled(manager: ManagerProcess): Promise<{ executor: ColoniesCaller; colony: string }> {
  const serverKey = newPrivateKey()
  await manager.json('PATCH', '/api/v1/settings', {
    coloniesEnabled: true,
    coloniesPort: 0,
    coloniesServerId: idOfPrivateKey(serverKey),
  })
  return coloniesFixture(manager.url, serverKey)
}

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
