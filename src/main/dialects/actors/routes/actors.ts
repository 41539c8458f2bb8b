/** Actors: list, add, get, update, delete (protocol 2.2). */
import { actorTarget, type Actor } from '../model/actor.ts'
import { READ, UPDATE } from '../model/levels.ts'
import { DESCRIPTION } from '../model/spec.ts'
import { ActorsError } from '../errors.ts'
import type { Call } from '../http/api.ts'
import { pageOf } from '../http/page.ts'
import { shownActor, type Parts } from './parts.ts'
import { searchActors } from './search.ts'
import { countsByStatus } from '../store/executions.ts'

/** Parameters of a plain page; any other one makes the list a search. */
const PAGE_PARAMETERS = ['limit', 'skip', 'offset', 'counts', 'x-nonce']

export function actorRoutes(parts: Parts): void {
  const { api, lifecycle } = parts
  const { registry } = api

  api.on('GET', '', 'listActors', async (call) => {
    const who = api.member(call)
    if ([...call.query.keys()].some((name) => !PAGE_PARAMETERS.includes(name))) return searchActors(parts, call)
    const visible = [...registry.all()].filter((actor) => {
      return actor.tenant === who.tenant && registry.levelOf(actorTarget(actor), who.principal) >= READ
    })
    const { skip, limit } = pageOf(call.query)
    const page = visible.slice(skip, limit === undefined ? undefined : skip + limit)
    const result = await Promise.all(
      page.map(async (actor) => ({ ...shownActor(parts, actor, call), ...(await countsOf(parts, actor, call)) })),
    )
    return { result, message: 'Actors retrieved successfully.' }
  })

  api.on('POST', '', 'addActor', async (call) => {
    const who = api.member(call, true)
    const fields = call.fields(DESCRIPTION)
    const actor = await lifecycle.create(who, fields)
    noteActor(call, actor.jobId)
    return { result: shownActor(parts, actor, call), message: 'Actor created successfully.' }
  })

  api.on('GET', '/:actor', 'getActor', async (call) => {
    const actor = await api.actor(call, READ)
    return {
      result: { ...shownActor(parts, actor, call), ...(await countsOf(parts, actor, call)) },
      message: 'Actor retrieved successfully.',
    }
  })

  api.on('PUT', '/:actor', 'updateActor', async (call) => {
    const actor = await api.actor(call, UPDATE)
    await lifecycle.update(call.who, actor, call.fields(DESCRIPTION))
    noteActor(call, actor.jobId)
    return { result: shownActor(parts, actor, call), message: 'Actor updated successfully.' }
  })

  api.on('DELETE', '/:actor', 'deleteActor', async (call) => {
    const actor = await api.actor(call, UPDATE)
    if (actor.status === 'SHUTTING_DOWN') throw new ActorsError('Actor is already shutting down.')
    const { cleaningUp } = await lifecycle.remove(actor, call.who.user)
    noteActor(call, actor.jobId)
    const more = cleaningUp ? ", though Abaco is still cleaning up some of the actor's resources." : '.'
    return { result: null, message: `Actor deleted successfully${more}` }
  })
}

/** For `?counts=true`, which the farm's own page sends: the job of the actor, and how many messages are in which state. The job also has tasks that fetch images. */
async function countsOf({ api, workers }: Parts, actor: Actor, call: Call): Promise<object> {
  if (call.query.get('counts') !== 'true') return {}
  const {
    SUBMITTED: waiting = 0,
    RUNNING: running = 0,
    COMPLETE: done = 0,
    ERROR: failed = 0,
  } = await countsByStatus(api.context.read, actor.key)
  return {
    jobId: actor.jobId,
    counts: { waiting, running, done, failed, workers: workers.count(actor) },
  }
}

/** The job stands for the actor in the audit log. */
function noteActor({ request }: Call, jobId: string): void {
  request.audited = { kind: 'job', id: jobId, detail: null }
}
