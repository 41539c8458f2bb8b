/** Simulated workers over raw sockets, of both kinds. */
import { randomBytes } from 'node:crypto'
import type { ManagerProcess } from '../support/managerProcess.ts'
import { RawClient, basic, requestText } from './rawClient.ts'

export interface SimulatedWorker {
  client: RawClient
  auth: string
}

export async function foreignWorkers(manager: ManagerProcess, count: number, kind: string): Promise<SimulatedWorker[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const secret = randomBytes(32).toString('hex')
      const { uuid } = await manager.json<{ uuid: string }>('POST', '/api/v3/worker/register-worker', {
        name: `bench ${at}`,
        secret,
        platform: 'linux',
        supported_task_types: [kind],
      })
      const auth = basic(uuid, secret)
      const client = await RawClient.open(manager.port)
      await client.send(
        requestText('POST', '/api/v3/worker/sign-on', {
          auth,
          body: JSON.stringify({ name: `bench ${at}`, supported_task_types: [kind], software_version: 'bench' }),
        }),
      )
      await client.send(requestText('POST', '/api/v3/worker/state-changed', { auth, body: '{"status":"awake"}' }))
      return { client, auth }
    }),
  )
}

export async function nativeWorkers(manager: ManagerProcess, count: number, kind: string): Promise<SimulatedWorker[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const secret = randomBytes(32).toString('hex')
      const { workerId } = await manager.json<{ workerId: string }>('POST', '/api/v1/agent/join', {
        name: `bench ${at}`,
        secret,
        platform: 'linux',
        kinds: [kind],
      })
      const auth = basic(workerId, secret)
      const client = await RawClient.open(manager.port)
      const reply = await client.send(
        requestText('POST', '/api/v1/agent/sign-on', {
          auth,
          body: JSON.stringify({ name: `bench ${at}`, software: 'bench', kinds: [kind], capacity: 1, running: [] }),
        }),
      )
      if (reply.status !== 200) throw new Error(`sign-on: ${reply.status} ${reply.body}`)
      return { client, auth }
    }),
  )
}

export function closeAll(workers: { client: RawClient }[]): void {
  for (const { client } of workers) client.close()
}

/** Ours sign off as they do when their program ends: one that is only gone counts as there for a minute, and is asked about files. */
export async function leaveAll(workers: SimulatedWorker[]): Promise<void> {
  for (const { client, auth } of workers) await client.send(requestText('POST', '/api/v1/agent/sign-off', { auth }))
  closeAll(workers)
}

/** A program that has just been started still compiles what it does most: measured is how it goes on. */
const WARM_UP_SECONDS = 4

/** Runs `step` on all workers side by side until the time is over, after a warm-up; returns steps per second. */
export async function rate(
  workers: SimulatedWorker[],
  seconds: number,
  step: (worker: SimulatedWorker, at: number) => Promise<boolean>,
): Promise<number> {
  const from = performance.now() + WARM_UP_SECONDS * 1_000
  const until = from + seconds * 1_000
  let done = 0
  let last = from
  await Promise.all(
    workers.map(async (worker, at) => {
      for (let now = performance.now(); now < until; now = performance.now()) {
        if (!(await step(worker, at))) throw new Error('the queue ran empty: the rate would be of an idle farm')
        if (now >= from) {
          done++
          last = performance.now()
        }
      }
    }),
  )
  return done / ((last - from) / 1_000)
}
