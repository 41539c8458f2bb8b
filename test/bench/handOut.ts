/** Hand-out: how many tasks a second go through, over both protocols, with what is queued behind them. */
import type { ManagerProcess } from '../support/managerProcess.ts'
import { RawClient, requestText } from './rawClient.ts'
import { closeAll, foreignWorkers, nativeWorkers, rate, type SimulatedWorker } from './workers.ts'

export const KIND = 'blender'
const SECONDS = 8
const WORKERS = 100

/** A job of so many independent one-frame tasks. */
export async function submitFrames(manager: ManagerProcess, tasks: number, name = 'bench'): Promise<string> {
  const { id } = await manager.json<{ id: string }>('POST', '/api/v1/jobs', {
    name,
    type: 'simple-blender-render',
    settings: {
      frames: `1-${tasks}`,
      chunk_size: 1,
      render_output_root: '/render/',
      add_path_components: 0,
      render_output_path: '/render/bench/######',
      blendfile: '/render/bench.blend',
      fps: 0,
      format: 'PNG',
      image_file_extension: '.png',
      has_previews: false,
      scene: 'Scene',
    },
  })
  return id
}

/** Requests a second that the same server answers on a route that does nothing. */
export async function noOpRate(manager: ManagerProcess): Promise<number> {
  const clients = await Promise.all(Array.from({ length: WORKERS }, async () => ({ client: await RawClient.open(manager.port), auth: '' })))
  const request = requestText('GET', '/api/v1/version')
  const perSecond = await rate(clients, SECONDS, async ({ client }) => {
    const { status } = await client.send(request)
    if (status !== 200) throw new Error(`no-op route: ${status}`)
    return true
  })
  closeAll(clients)
  return perSecond
}

export async function foreignRate(manager: ManagerProcess, full: boolean): Promise<number> {
  const workers = await foreignWorkers(manager, WORKERS, KIND)
  const log = JSON.stringify({ log: Array.from({ length: 20 }, (_, line) => `Fra:1 Mem:22.39M | Time:00:0${line % 10}.17 | Rendering ${line} / 20 samples\n`).join('') })
  const perSecond = await rate(workers, SECONDS, async (worker) => {
    const id = await takeForeign(worker)
    if (id === undefined) return false
    if (full) {
      await update(worker, id, '{"activity":"Started","taskStatus":"active"}')
      await update(worker, id, log)
      const may = await worker.client.send(requestText('GET', `/api/v3/worker/task/${id}/may-i-run`, { auth: worker.auth }))
      if (may.status !== 200) throw new Error(`may-i-run: ${may.status} ${may.body}`)
    }
    await update(worker, id, '{"activity":"Completed","taskStatus":"completed"}')
    return true
  })
  closeAll(workers)
  return perSecond
}

async function takeForeign({ client, auth }: SimulatedWorker): Promise<string | undefined> {
  const reply = await client.send(requestText('POST', '/api/v3/worker/task', { auth }))
  if (reply.status === 204) return undefined
  if (reply.status !== 200) throw new Error(`take: ${reply.status} ${reply.body}`)
  return /"uuid":"([^"]+)"/.exec(reply.body)?.[1]
}

async function update({ client, auth }: SimulatedWorker, id: string, body: string): Promise<void> {
  const reply = await client.send(requestText('POST', `/api/v3/worker/task/${id}`, { auth, body }))
  if (reply.status !== 204) throw new Error(`update: ${reply.status} ${reply.body}`)
}

/** `chained`: the end of one task and the request for the next are one call, as our worker does it; else take and finish apart. */
export async function nativeRate(manager: ManagerProcess, chained: boolean): Promise<number> {
  const workers = await nativeWorkers(manager, WORKERS, KIND)
  const sequence = workers.map(() => 0)
  const next: (string | undefined)[] = workers.map(() => undefined)
  const take = '{"slots":1,"waitMs":0,"running":[]}'
  const perSecond = await rate(workers, SECONDS, async ({ client, auth }, at) => {
    let assignment = next[at]
    if (assignment === undefined) {
      const reply = await client.send(requestText('POST', '/api/v1/agent/take', { auth, body: take }))
      if (reply.status !== 200) throw new Error(`take: ${reply.status} ${reply.body}`)
      assignment = /"taskId":"([^"]+)"/.exec(reply.body)?.[1]
      if (assignment === undefined) return false
    }
    const seq = (sequence[at] = (sequence[at] ?? 0) + 1)
    const body = `{"reports":[{"seq":${seq},"taskId":"${assignment}","attempt":1,"event":{"type":"finished","at":1,"outcome":"success","exitCode":0,"reason":""}}],"take":${chained ? 1 : 0}}`
    const reply = await client.send(requestText('POST', '/api/v1/agent/report', { auth, body }))
    if (reply.status !== 200) throw new Error(`report: ${reply.status} ${reply.body}`)
    next[at] = chained ? /"assignments":\[\{"taskId":"([^"]+)"/.exec(reply.body)?.[1] : undefined
    return true
  })
  closeAll(workers)
  return perSecond
}
