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

export function closeAll(workers: SimulatedWorker[]): void {
  for (const { client } of workers) client.close()
}

/** Runs `step` on all workers side by side until the time is over; returns steps per second. */
export async function rate(
  workers: SimulatedWorker[],
  seconds: number,
  step: (worker: SimulatedWorker, at: number) => Promise<boolean>,
): Promise<number> {
  const began = performance.now()
  const until = began + seconds * 1000
  let done = 0
  await Promise.all(
    workers.map(async (worker, at) => {
      while (performance.now() < until) {
        if (!(await step(worker, at))) return
        done++
      }
    }),
  )
  return done / ((performance.now() - began) / 1000)
}
