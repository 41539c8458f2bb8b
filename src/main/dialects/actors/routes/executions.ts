/** Executions: list, one, halt, results, logs (protocol 2.5). */
import { ConflictError } from '../../../engine/base/errors.ts'
import { popResult, resultsOf } from '../../../store/queries/jobs/attemptResults.ts'
import { ActorsError } from '../errors.ts'
import type { Call } from '../http/api.ts'
import { MAX_LIMIT, pageOf } from '../http/page.ts'
import { logOf } from '../engine/logs.ts'
import { idOf, type Actor } from '../model/actor.ts'
import { READ, UPDATE } from '../model/levels.ts'
import { executionsOf, findExecution, newestExecutions, totalsOf, type ExecutionDetail } from '../store/executions.ts'
import { executionId, parseId } from '../values/ids.ts'
import { wireTime } from '../values/times.ts'
import { shown } from '../values/names.ts'
import { actorUrl, executionView, profileUrl, summaryView } from '../views.ts'
import type { Parts } from './parts.ts'
import { isSearch, metadataOf, searchExecutions, searchLogs } from './search.ts'

/** Results that the farm's own page shows at once. */
const PEEKED = 100
/** Executions that it asks for at once. */
const NEWEST = 100

export function executionRoutes(parts: Parts): void {
  const { api, lifecycle } = parts
  const { read, writer } = api.context

  api.on('GET', '/:actor/executions', 'listExecutions', async (call) => {
    const actor = await api.actor(call, READ)
    if (call.query.get('newest') === 'true') return newest(call, actor)
    if (isSearch(call.query)) return searchExecutions(parts, call, actor)
    const { skip, limit } = pageOf(call.query)
    const [rows, totals] = await Promise.all([executionsOf(read, actor.key, skip, limit ?? MAX_LIMIT), totalsOf(read, actor.key)])
    const result = summaryView(actor, { rows, totals }, call)
    const isPage = ['limit', 'skip', 'offset'].some((name) => call.query.has(name))
    // What asks for a page gets the original's search object as well.
    const page = isPage && {
      _metadata: metadataOf({ total: totals.executions, skip, limit: limit ?? MAX_LIMIT, returned: rows.length }, call.case),
      search: rows.map((row) => executionView(actor, row, call)),
    }
    return { result: { ...result, ...page }, message: 'Actor executions retrieved successfully.' }
  })

  /** For the farm's own page: the newest first, a page at a time; `before` is the last one of the page before. */
  async function newest(call: Call, actor: Actor): Promise<{ result: object; message: string }> {
    const limit = pageOf(call.query).limit ?? NEWEST
    const last = call.query.get('before')
    const before = last === null ? undefined : numberOf(actor, last)
    if (last !== null && before === undefined)
      throw new ActorsError("Invalid query parameter: {'before': 'must be the id of an execution'}")
    const rows = await newestExecutions(read, actor.key, before, limit + 1)
    const items = rows.slice(0, limit).map((row) => executionView(actor, row, call))
    const next = rows.length > limit ? (items.at(-1)?.['id'] ?? null) : null
    return { result: { items, next }, message: 'Actor executions retrieved successfully.' }
  }

  api.on('GET', '/:actor/executions/:execution', 'getExecution', async (call) => {
    const actor = await api.actor(call, READ)
    const row = await execution(parts, call, actor)
    return { result: executionView(actor, row, call), message: 'Actor execution retrieved successfully.' }
  })

  api.on('DELETE', '/:actor/executions/:execution', 'haltExecution', async (call) => {
    const actor = await api.actor(call, UPDATE)
    const row = await execution(parts, call, actor)
    const refusal = (): ActorsError =>
      new ActorsError(`Cannot force quit an execution not in RUNNING status. Execution was found in status: ${row.status}`)
    if (row.status !== 'RUNNING') throw refusal()
    try {
      await lifecycle.halt(actor, row.number)
    } catch (error) {
      throw error instanceof ConflictError ? refusal() : error
    }
    call.request.audited = { kind: 'job', id: actor.jobId, detail: null }
    return { result: null, message: `Issued force quit command for execution ${executionId(actor.key, row.number)}.` }
  })

  api.on('GET', '/:actor/executions/:execution/results', 'popResult', async (call) => {
    const actor = await api.actor(call, READ)
    const number = numberOf(actor, call.param('execution'))
    const row = number === undefined ? undefined : await findExecution(read, actor.key, number)
    if (call.query.get('peek') === 'true') return { result: row ? await peek(row.taskId) : [], message: 'Results retrieved.' }
    const result = row && (await popResult(writer, row.taskId))
    await call.reply.type('application/octet-stream').send(result ?? Buffer.alloc(0))
    return undefined
  })

  /** What is left, without taking it. */
  async function peek(taskKey: number): Promise<object[]> {
    const results = await resultsOf(read, taskKey, PEEKED)
    return results.map(({ at, body }) => ({ at: wireTime(at), bytes: body.length, data: body.toString('base64') }))
  }

  api.on('GET', '/:actor/executions/:execution/logs', 'getExecutionLogs', async (call) => {
    const actor = await api.actor(call, READ)
    const row = await execution(parts, call, actor)
    if (isSearch(call.query)) return searchLogs(parts, call, actor, row)
    const logs = await logOf(api.context, actor, row)
    const link = `${actorUrl(call, idOf(actor))}/executions/${executionId(actor.key, row.number)}`
    const view = { logs, _links: { self: `${link}/logs`, owner: profileUrl(call, actor.owner), execution: link } }
    const isPage = ['limit', 'skip', 'offset'].some((name) => call.query.has(name))
    const { skip, limit } = pageOf(call.query)
    const found = skip === 0 && limit !== 0 ? [{ logs, _links: view._links }] : []
    const page = isPage && {
      _metadata: metadataOf({ total: 1, skip, limit: limit ?? 100, returned: found.length }, call.case),
      search: found,
    }
    return { result: { ...shown(view, call.case), ...page }, message: 'Logs retrieved successfully.' }
  })
}

function numberOf(actor: Actor, id: string): number | undefined {
  const parsed = parseId(id)
  return parsed?.kind === 'execution' && parsed.actorKey === actor.key ? parsed.number : undefined
}

/** @throws ActorsError 400 when the actor has no such execution */
async function execution({ api }: Parts, call: Call, actor: Actor): Promise<ExecutionDetail> {
  const id = call.param('execution')
  const number = numberOf(actor, id)
  const row = number === undefined ? undefined : await findExecution(api.context.read, actor.key, number)
  if (!row) throw new ActorsError(`No executions found with actor id of ${idOf(actor)} and execution id of ${id}.`)
  return row
}
