/** Searches over actors, executions, workers and logs (protocol 2.12). */
import type { Answer, Call } from '../http/api.ts'
import { ActorsError } from '../errors.ts'
import { logOf } from '../engine/logs.ts'
import { actorTarget, idOf, type Actor } from '../model/actor.ts'
import { readSearch, type Search } from '../search/conditions.ts'
import { matches, score, type Document } from '../search/match.ts'
import { sqlFilter } from '../search/executionSql.ts'
import type { ExecutionDetail } from '../store/executions.ts'
import { countExecutions, searchedExecutions } from '../store/search.ts'
import { executionId, workerId } from '../values/ids.ts'
import { toCamel, type Case } from '../values/names.ts'
import { actorUrl, finalStateOf, type FinalState, plainJson, profileUrl, workerView, type Wire } from '../views.ts'
import { mountsOf } from '../model/mounts.ts'
import { ActorsSettings } from '../settings.ts'
import { cronText } from '../values/cron.ts'
import type { Parts } from './parts.ts'

/** Parameters that ask for a page of the normal list. */
const NO_SEARCH = ['x-nonce', 'limit', 'skip', 'offset']
/** How long conditions that need a look at each document may take. */
const BUDGET_MS = 2_000
const SLICE = 1_000

export const isSearch = (query: URLSearchParams): boolean => [...query.keys()].some((name) => !NO_SEARCH.includes(name))

export function searchRoutes(parts: Parts): void {
  const { api } = parts
  api.on('GET', '/search/:type', 'search', async (call) => {
    api.member(call)
    switch (call.param('type').toLowerCase()) {
      case 'actors':
        return searchActors(parts, call)
      case 'executions':
        return searchExecutions(parts, call)
      case 'workers':
        return searchWorkers(parts, call)
      case 'logs':
        return searchLogs(parts, call)
      default:
        throw new ActorsError(`Invalid search type: ${call.param('type')}. (search_type) It must be actors, executions, workers or logs.`)
    }
  })
}

export function metadataOf(
  { total, skip, limit, returned }: { total: number; skip: number; limit: number; returned: number },
  spelling: Case,
): Record<string, number> {
  return spelling === 'camel'
    ? { totalCount: total, recordsSkipped: skip, recordLimit: limit, countReturned: returned }
    : { total_count: total, records_skipped: skip, record_limit: limit, count_returned: returned }
}

/** Actors of the tenant for which the caller has a permission of its own, or the one that a scoped search is about. */
function visible({ api }: Parts, { who }: Call, only?: Actor): Actor[] {
  if (only) return [only]
  return [...api.registry.all()].filter((actor) => actor.tenant === who.tenant && api.registry.hasRow(actorTarget(actor), who.principal))
}

export async function searchActors(parts: Parts, call: Call): Promise<Answer> {
  const { actorsMounts } = parts.api.context.settings.of(ActorsSettings)
  const actors = visible(parts, call)
  const documents = actors.map((actor) => actorDocument(actor, mountsOf(actor, actorsMounts), call))
  // In the original, what the configuration says is a text; clients of searches expect that.
  const texts = new Map(
    documents.flatMap((each, at) => (actors[at]?.spec.tokenByDefault ? [[each, { token: String(each['token']) }]] : [])),
  )
  return answer(readSearch(call.query), documents, call, 'Actors search completed successfully.', (each) => texts.get(each))
}

export async function searchWorkers(parts: Parts, call: Call, only?: Actor): Promise<Answer> {
  const documents = visible(parts, call, only).flatMap((actor) =>
    parts.workers.list(actor).map((worker): Document => {
      const view = workerView(actor, worker, { ...call, case: 'snake' })
      return {
        ...view,
        actor_id: idOf(actor),
        create_time: new Date(worker.createdAt),
        last_execution_time: worker.lastExecutionAt === null ? null : new Date(worker.lastExecutionAt),
        last_health_check_time: new Date(worker.host.seenAt ?? worker.createdAt),
        id: workerId(actor.key, worker.number),
      }
    }),
  )
  return answer(readSearch(call.query), documents, call, 'Workers search completed successfully.')
}

export async function searchExecutions(parts: Parts, call: Call, only?: Actor): Promise<Answer> {
  const search = readSearch(call.query)
  const { total, rows } = await findExecutions(parts, call, search, visible(parts, call, only))
  const items = rows.map(({ document }) => item(document, call.case))
  return result(search, total, items, call, 'Executions search completed successfully.')
}

export async function searchLogs(parts: Parts, call: Call, only?: Actor, row?: ExecutionDetail): Promise<Answer> {
  const search = readSearch(call.query)
  const { context } = parts.api
  const actors = visible(parts, call, only)
  if (row && only) {
    const logs = await logOf(context, only, row)
    const found = matches({ ...executionDocument(only, row, call), logs }, search.where) ? [logItem(only, row, logs, call)] : []
    return result(search, found.length, found.slice(search.skip, search.skip + search.limit), call, 'Log search completed successfully.')
  }
  // Conditions are on the log's text and on what is known of its execution.
  const needsText =
    JSON.stringify(search.where).includes('"logs') || search.where.kind !== 'all' || search.where.of.some(({ kind }) => kind === 'phrase')
  const { total, rows } = await findExecutions(parts, call, search, actors, needsText)
  const items = await Promise.all(rows.map(async ({ actor, row: each }) => logItem(actor, each, await logOf(context, actor, each), call)))
  return result(search, total, items, call, 'Log search completed successfully.')
}

function logItem(actor: Actor, row: ExecutionDetail, logs: string, wire: Wire): Record<string, unknown> {
  const link = `${actorUrl(wire, idOf(actor))}/executions/${executionId(actor.key, row.number)}`
  return { logs, _links: { self: `${link}/logs`, owner: profileUrl(wire, actor.owner), execution: link } }
}

interface FoundExecution {
  actor: Actor
  row: ExecutionDetail
  document: Document
}

/** A page, and how many there are in all. @throws ActorsError when looking at each takes too long */
async function findExecutions(
  { api }: Parts,
  call: Call,
  { where, skip, limit }: Search,
  actors: readonly Actor[],
  withLogs = false,
): Promise<{ total: number; rows: FoundExecution[] }> {
  const { read } = api.context
  const byKey = new Map(actors.map((actor) => [actor.key, actor]))
  const { rest, ...sql } = sqlFilter(where)
  const query = { actors: [...byKey.keys()], ...sql }
  const found = (row: ExecutionDetail): FoundExecution[] => {
    const actor = byKey.get(row.actorKey)
    return actor ? [{ actor, row, document: executionDocument(actor, row, call) }] : []
  }
  if (!rest && !withLogs) {
    const total = await countExecutions(read, query)
    const rows = limit === 0 || total <= skip ? [] : await searchedExecutions(read, query, { after: 0, skip, limit, total })
    return { total, rows: rows.flatMap(found) }
  }
  const end = performance.now() + BUDGET_MS
  const rows: FoundExecution[] = []
  let total = 0
  for (let after = 0; ;) {
    const slice = await searchedExecutions(read, query, { after, skip: 0, limit: SLICE })
    for (const each of slice.flatMap(found)) {
      const document = withLogs ? { ...each.document, logs: await logOf(api.context, each.actor, each.row) } : each.document
      if (performance.now() > end)
        throw new ActorsError('The search takes too long: add a condition on status, executor, actorId or a time.')
      if (rest && !matches(document, rest)) continue
      if (total >= skip && rows.length < limit) rows.push(each)
      total++
    }
    const last = slice.at(-1)
    if (!last || slice.length < SLICE) return { total, rows }
    after = last.taskId
    // Others get their turn.
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function executionDocument(actor: Actor, row: ExecutionDetail, wire: Wire): Document {
  const link = `${actorUrl(wire, idOf(actor))}/executions/${executionId(actor.key, row.number)}`
  return {
    id: executionId(actor.key, row.number),
    actor_id: idOf(actor),
    owner: actor.owner,
    executor: row.executor,
    status: row.status,
    worker_id: row.worker === null ? null : workerId(actor.key, row.worker),
    message_received_time: new Date(row.receivedAt),
    start_time: dateOrNull(row.startedAt),
    finish_time: dateOrNull(row.finishedAt),
    runtime: row.runtime,
    cpu: row.cpu,
    io: row.io,
    exit_code: row.exitCode,
    final_state: withDates(finalStateOf(row)),
    _links: { self: link, owner: profileUrl(wire, actor.owner), logs: `${link}/logs` },
  }
}

const withDates = (state: FinalState | null): object | null =>
  state && { ...state, StartedAt: new Date(state.StartedAt), FinishedAt: new Date(state.FinishedAt) }

const dateOrNull = (at: number | null): Date | null => (at === null ? null : new Date(at))

function actorDocument(actor: Actor, mounts: readonly object[], wire: Wire): Document {
  const { spec } = actor
  const id = idOf(actor)
  return {
    id,
    name: actor.name,
    image: spec.image,
    stateless: spec.stateless,
    type: spec.type,
    link: spec.link,
    token: spec.token,
    webhook: spec.webhook,
    hints: spec.hints,
    description: spec.description,
    privileged: spec.privileged,
    max_workers: spec.maxWorkers,
    mem_limit: spec.memLimit,
    max_cpus: spec.maxCpus,
    use_container_uid: spec.useContainerUid,
    default_environment: plainJson(spec.defaultEnvironment),
    status: actor.status,
    status_message: actor.statusMessage,
    state: plainJson(actor.state),
    owner: actor.owner,
    mounts,
    tasdir: null,
    uid: null,
    gid: null,
    revision: actor.revision,
    queue: spec.queue,
    log_ex: spec.logEx,
    cron_schedule: spec.cronSchedule,
    cron_on: spec.cronOn,
    cron_next_ex: actor.cronNext === null ? null : cronText(actor.cronNext),
    create_time: new Date(actor.createdAt),
    last_update_time: new Date(actor.updatedAt),
    _links: { self: actorUrl(wire, id), owner: profileUrl(wire, actor.owner), executions: `${actorUrl(wire, id)}/executions` },
  }
}

/** @param shownAs fields of a document that are shown otherwise than they are compared */
function answer(
  search: Search,
  documents: readonly Document[],
  call: Call,
  message: string,
  shownAs: (document: Document) => Document | undefined = () => undefined,
): Answer {
  const found = documents.filter((document) => matches(document, search.where))
  if (search.words.length > 0) {
    const scores = new Map(found.map((document) => [document, score(document, search.words)]))
    found.sort((a, b) => (scores.get(b) ?? 0) - (scores.get(a) ?? 0))
  }
  const shown = found.slice(search.skip, search.skip + search.limit)
  const page = shown.map((document) => item({ ...document, ...shownAs(document) }, call.case))
  return result(search, found.length, page, call, message)
}

function result({ skip, limit }: Search, total: number, search: readonly object[], call: Call, message: string): Answer {
  return { result: { _metadata: metadataOf({ total, skip, limit, returned: search.length }, call.case), search }, message }
}

/** Fields without a value stay. Dates become ISO texts as JSON is written. */
function item(document: Document, spelling: Case): Record<string, unknown> {
  if (spelling === 'snake') return { ...document }
  return Object.fromEntries(Object.entries(document).map(([name, value]) => [name === '_links' ? name : toCamel(name), value]))
}
