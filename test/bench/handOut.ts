/** Hand-out: how many tasks a second go through, over both protocols, with what is queued behind them. */
import type { ManagerProcess } from '../support/managerProcess.ts'
import { RawClient, requestText } from './rawClient.ts'
import { closeAll, foreignWorkers, leaveAll, nativeWorkers, rate } from './workers.ts'

export const KIND = 'blender'
const SECONDS = 8
const WORKERS = 100

/** A job of so many independent one-frame tasks. */
export async function submitFrames(manager: ManagerProcess, tasks: number, name = 'bench'): Promise<string> {
  const { id } = await manager.json<{ id: string }>('POST', '/api/v1/jobs', {
    name,
    type: 'simple-blender-render',
    allowSharedOutput: true,
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
  const log = JSON.stringify({
    log: Array.from({ length: 20 }, (_, line) => `Fra:1 Mem:22.39M | Time:00:0${line % 10}.17 | Rendering ${line} / 20 samples\n`).join(''),
  })
  const requests = workers.map(({ auth }) => ({
    take: requestText('POST', '/api/v3/worker/task', { auth }),
    start: aboutTask('POST', '', auth, '{"activity":"Started","taskStatus":"active"}'),
    log: aboutTask('POST', '', auth, log),
    mayIRun: aboutTask('GET', '/may-i-run', auth),
    finish: aboutTask('POST', '', auth, '{"activity":"Completed","taskStatus":"completed"}'),
  }))
  const perSecond = await rate(workers, SECONDS, async ({ client }, at) => {
    const prepared = requests[at]
    if (!prepared) return false
    const taken = await client.send(prepared.take)
    if (taken.status === 204) return false
    if (taken.status !== 200) throw new Error(`take: ${taken.status} ${taken.body}`)
    const id = valueAfter(taken.body, '"uuid":"')
    if (full) {
      await expect(client, prepared.start(id), 204)
      await expect(client, prepared.log(id), 204)
      await expect(client, prepared.mayIRun(id), 200)
    }
    await expect(client, prepared.finish(id), 204)
    return true
  })
  closeAll(workers)
  return perSecond
}

/** A request about a task whose id is not known yet: only the id is put in when it is. */
function aboutTask(method: string, suffix: string, auth: string, body?: string): (id: string) => string {
  const [before = '', after = ''] = requestText(
    method,
    `/api/v3/worker/task/{id}${suffix}`,
    body === undefined ? { auth } : { auth, body },
  ).split('{id}')
  return (id) => before + id + after
}

async function expect(client: RawClient, request: string, status: number): Promise<void> {
  const reply = await client.send(request)
  if (reply.status !== status) throw new Error(`${request.slice(0, request.indexOf('\r'))}: ${reply.status} ${reply.body}`)
}

/** The text between a mark and the next quote. @throws Error when the reply has no such mark */
function valueAfter(reply: string, mark: string): string {
  const at = reply.indexOf(mark)
  if (at < 0) throw new Error(`no ${mark} in ${reply}`)
  return reply.slice(at + mark.length, reply.indexOf('"', at + mark.length))
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
  await leaveAll(workers)
  return perSecond
}
