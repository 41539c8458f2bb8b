/** The actors API: how fast messages are accepted, executions drained, and executions found. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Docker from 'dockerode'
import { Connection } from '../../src/main/store/connection.ts'
import { CliProcess } from '../support/cliProcess.ts'
import { docker, importBusybox } from '../support/containers.ts'
import { ManagerProcess } from '../support/managerProcess.ts'
import { drainBare } from './containers.ts'
import { RawClient, requestText } from './rawClient.ts'
import { percentile, sleep } from './statistics.ts'
import { closeAll, rate } from './workers.ts'

const CLIENTS = 100
const SECONDS = 6
const MESSAGE = JSON.stringify({ message: 'm'.repeat(1_000) })
const EXECUTIONS = 100
const PARALLEL = 4
export const SEARCHED = 1_000_000
const ROUNDS = 40

async function actorsOf(manager: ManagerProcess, count: number, description: object): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i++) {
    ids.push((await manager.json<{ result: { id: string } }>('POST', '/actors/v2', description)).result.id)
  }
  return ids
}

/** Messages a second that are on disk when their sender hears of it: 100 connections with a token, over so many actors. */
export async function messageRate(manager: ManagerProcess, actors: number): Promise<number> {
  const token = { kind: 'token', name: `bench ${actors}`, role: 'admin', scopes: ['read', 'submit', 'manage'] }
  const { secret } = await manager.json<{ secret: string }>('POST', '/api/v1/tokens', token)
  const auth = `Bearer ${secret}`
  const maker = await RawClient.open(manager.port)
  const add = requestText('POST', '/actors/v2', { auth, body: '{"image":"bench"}' })
  const ids: string[] = []
  for (let i = 0; i < actors; i++) {
    const { body } = await maker.send(add)
    const id = /"id":"(\w+)"/.exec(body)?.[1]
    if (id === undefined) throw new Error(`no actor: ${body}`)
    ids.push(id)
  }
  maker.close()
  const requests = ids.map((id) => requestText('POST', `/actors/v2/${id}/messages`, { auth, body: MESSAGE }))
  const clients = await Promise.all(Array.from({ length: CLIENTS }, async () => ({ client: await RawClient.open(manager.port), auth })))
  let next = 0
  const perSecond = await rate(clients, SECONDS, async ({ client }) => {
    const { status, body } = await client.send(requests[next++ % requests.length] ?? '')
    if (status !== 200) throw new Error(`message: ${status} ${body}`)
    return true
  })
  closeAll(clients)
  return perSecond
}

/** Executions a second of a mailbox that a worker drains, and containers a second without the farm, as many at once. */
export async function drainRates(manager: ManagerProcess): Promise<{ farmRate: number; bareRate: number }> {
  const base = importBusybox()
  const image = base.name.replace(':latest', '-actor:latest')
  const container = docker(['create', base.name, 'true'])
  docker(['commit', '--change', 'CMD ["true"]', container, image])
  docker(['rm', container])
  const folder = await mkdtemp(join(tmpdir(), 'framehouse-bench-actors-'))
  const worker = CliProcess.start('worker', '--manager', manager.url, '--data', folder, '--name', 'bench', '--containers', String(PARALLEL))
  try {
    const [id = ''] = await actorsOf(manager, 1, { image })
    const counts = async () =>
      (
        await manager.json<{ result: { status: string; counts: { waiting: number; running: number; done: number } } }>(
          'GET',
          `/actors/v2/${id}?counts=true`,
        )
      ).result
    while ((await counts()).status !== 'READY') await sleep(50)
    const engine = new Docker({ socketPath: '/var/run/docker.sock', host: undefined })
    const bareBegan = performance.now()
    await drainBare(engine, image, EXECUTIONS, PARALLEL)
    const bareMs = performance.now() - bareBegan
    const began = performance.now()
    await Promise.all(Array.from({ length: EXECUTIONS }, () => manager.json('POST', `/actors/v2/${id}/messages`, { message: 'go' })))
    for (let { done } = (await counts()).counts; done < EXECUTIONS; { done } = (await counts()).counts) await sleep(50)
    return { farmRate: (EXECUTIONS * 1000) / (performance.now() - began), bareRate: (EXECUTIONS * 1000) / bareMs }
  } finally {
    await worker.end()
    docker(['rmi', '--force', image])
    base.remove()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Ended executions of one actor, written by SQL while the manager is stopped. */
async function fillExecutions(dataDir: string): Promise<void> {
  const db = await Connection.open(join(dataDir, 'framehouse.sqlite'), 'write')
  await db.exec('pragma foreign_keys = on; begin immediate')
  await db.run(
    `with recursive n (i) as (select 1 union all select i + 1 from n where i < ?1)
     insert into tasks (job_id, idx, name, kind, status, priority, order_key, template_id, attempts, updated_at, finished_at, input)
     select j.id, 1000 + n.i, 'message', 'actor', 'completed', 50, n.i, (select id from command_templates where job_id = j.id limit 1), 1,
       1700000000000 + n.i * 1000, 1700000000000 + n.i * 1000, json_object('executor', 'user ' || (n.i % 1000))
     from (select max(job_key) as id from actors) j, n`,
    [SEARCHED],
  )
  await db.run(
    `update actor_executions set status = iif(number % 100 = 0, 'ERROR', 'COMPLETE'), exit_code = number % 7, runtime = number % 60000,
       started_at = received_at + 500, finished_at = received_at + 900`,
    [],
  )
  await db.exec('commit; pragma wal_checkpoint(truncate)')
  await db.close()
}

/** How long searches over many executions take, by condition. */
export async function searchTimes(): Promise<{ name: string; p95Ms: number }[]> {
  const first = await ManagerProcess.start()
  await actorsOf(first, 1, { image: 'bench' })
  const { dataDir } = first
  await first.stop(true)
  await fillExecutions(dataDir)
  const manager = await ManagerProcess.start({ dataDir })
  try {
    const client = await RawClient.open(manager.port)
    const results: { name: string; p95Ms: number }[] = []
    for (const [name, query] of [
      ['equality', 'executor=user%207'],
      ['equality with many', 'status=COMPLETE'],
      ['in', 'executor.in=[%22user%207%22,%22user%208%22]'],
      ['between in runtimes', 'runtime.between=100,200'],
      ['between', 'messageReceivedTime.between=2023-11-20T00:00:00,2023-11-20T01:00:00'],
    ] as const) {
      const latencies: number[] = []
      for (let i = 0; i < ROUNDS; i++) {
        const began = performance.now()
        const { status, body } = await client.send(requestText('GET', `/actors/v2/search/executions?${query}&limit=10`))
        latencies.push(performance.now() - began)
        if (status !== 200 || !body.includes('"totalCount":')) throw new Error(`${query}: ${status} ${body.slice(0, 500)}`)
      }
      results.push({ name, p95Ms: percentile(latencies, 0.95) })
    }
    client.close()
    return results
  } finally {
    await manager.stop()
  }
}
