/** Workers of an actor (protocol 2.9). */
import { ActorsError, notAuthorized } from '../errors.ts'
import type { Call } from '../http/api.ts'
import type { Actor } from '../model/actor.ts'
import { READ, UPDATE } from '../model/levels.ts'
import { parseId } from '../values/ids.ts'
import { idOf } from '../model/actor.ts'
import { workerView } from '../views.ts'
import type { Parts } from './parts.ts'
import { isSearch, searchWorkers } from './search.ts'

const MAX_WORKERS = 1_000

export function workerRoutes(parts: Parts): void {
  const { api, mailbox, workers } = parts

  api.on('GET', '/:actor/workers', 'listWorkers', async (call) => {
    const actor = await api.actor(call, READ)
    if (isSearch(call.query)) return searchWorkers(parts, call, actor)
    return { result: workers.list(actor).map((worker) => workerView(actor, worker, call)), message: 'Workers retrieved successfully.' }
  })

  api.on('POST', '/:actor/workers', 'addWorker', async (call) => {
    const actor = await api.actor(call, UPDATE)
    if (!call.who.isAdmin) throw notAuthorized('only admins are authorized to update workers.')
    const fields = call.fields('Invalid worker description')
    const num = fields.int('num', 1, MAX_WORKERS) ?? 1
    const before = workers.count(actor)
    const added = await workers.ensure(actor, num)
    if (added > 0) await mailbox.fit(actor, workers.count(actor))
    call.request.audited = { kind: 'job', id: actor.jobId, detail: { num } }
    const message =
      added > 0
        ? `Scheduled ${added} new worker(s) to start. Previously, there were ${before} workers.`
        : `Actor ${idOf(actor)} already had ${num} worker(s).`
    return { result: null, message }
  })

  api.on('GET', '/:actor/workers/:worker', 'getWorker', async (call) => {
    const actor = await api.actor(call, READ)
    const worker = workers.find(actor, numberOf(actor, call))
    if (!worker) throw new ActorsError('Worker not found.', 404)
    return { result: workerView(actor, worker, call), message: 'Worker retrieved successfully.' }
  })

  api.on('DELETE', '/:actor/workers/:worker', 'deleteWorker', async (call) => {
    const actor = await api.actor(call, UPDATE)
    if (!(await workers.remove(actor, numberOf(actor, call)))) throw new ActorsError('Worker not found.', 404)
    await mailbox.fit(actor, workers.count(actor))
    call.request.audited = { kind: 'job', id: actor.jobId, detail: null }
    return { result: null, message: 'Worker scheduled to be stopped.' }
  })
}

/** −1: no worker of this actor. */
function numberOf(actor: Actor, call: Call): number {
  const parsed = parseId(call.param('worker'))
  return parsed?.kind === 'worker' && parsed.actorKey === actor.key ? parsed.number : -1
}
