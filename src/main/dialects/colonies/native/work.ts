/** /colonies/…/processes and workflows of the native API, and channels as they grow. */
import {
  getColonyProcess,
  listColonyProcesses,
  listColonyWorkflows,
  readColonyChannel,
} from '../../../../shared/operations/colonies/work.ts'
import type { ChannelEntry, ColonyProcess, ColonyWorkflow } from '../../../../shared/schemas/colonies/work.ts'
import { PROCESS_STATES, type ProcessState } from '../../../../shared/schemas/colonies/people.ts'
import { taskPublicId } from '../../../../shared/ids.ts'
import { InvalidInputError, NotFoundError } from '../../../engine/base/errors.ts'
import { time, timeOrNull } from '../../../store/queries/format.ts'
import type { Colony } from '../people/registry.ts'
import { graphState } from '../processes/graphs.ts'
import { specOf, SUCCESS, WAITING } from '../processes/views.ts'
import type { Service } from '../service.ts'
import type { EntryRow } from '../store/entries.ts'
import { listGraphs, listProcesses, type GraphRow, type ProcessRow } from '../store/processes.ts'
import { stringifyExact } from '../wire/exactJson.ts'
import { graphIdOf, processIdOf } from '../wire/values.ts'
import { needColony } from './errors.ts'
import type { NativeApp } from './routes.ts'

const PAGE = 100
/** Characters of an entry that are shown. */
const LONGEST_TEXT = 16_384

export function workRoutes(app: NativeApp, service: Service): void {
  const { context, processes, channels } = service

  app.route({
    ...listColonyProcesses,
    handler: async ({ params, query }) => {
      const colony = needColony(service, params.colony)
      const { limit = PAGE } = query
      const before = place(query.cursor)
      const filter = { colonyId: colony.id, state: PROCESS_STATES.indexOf(query.state), count: limit + 1, ...(before && { before }) }
      const rows = await listProcesses(context.read, filter)
      const items = rows.slice(0, limit)
      const last = rows.length > limit ? items.at(-1) : undefined
      return { items: items.map(processView), next: last ? `${last.submittedAt}-${last.taskId}` : null }
    },
  })

  app.route({
    ...getColonyProcess,
    handler: async ({ params }) => {
      const row = await needProcess(service, needColony(service, params.colony), params.process)
      const view = await processes.view(row)
      const spec = specOf(row.spec)
      return {
        ...processView(row),
        args: stringifyExact(spec.args),
        kwargs: stringifyExact(spec.kwargs),
        conditions: stringifyExact(spec.conditions),
        input: stringifyExact(view['in']),
        output: stringifyExact(view['out']),
        errors: texts(view['errors']),
        attributes: attributes(view['attributes']),
      }
    },
  })

  app.route({
    ...readColonyChannel,
    handler: async (request, reply) => {
      const colony = needColony(service, request.params.colony)
      const row = await needProcess(service, colony, request.params.process)
      const { after, waitMs = 0 } = request.query
      const stop = new AbortController()
      reply.raw.once('close', () => stop.abort())
      const rows = await channels.peek(row, request.params.channel, { after, waitMs, signal: stop.signal })
      return { items: (rows ?? []).map((entry) => entryView(service, colony, entry)), ended: rows === undefined }
    },
  })

  app.route({
    ...listColonyWorkflows,
    handler: async ({ params, query }) => {
      const colony = needColony(service, params.colony)
      const { limit = PAGE, state } = query
      const rows = await listGraphs(
        context.read,
        colony.id,
        state === undefined ? undefined : PROCESS_STATES.indexOf(state),
        limit + 1,
        place(query.cursor),
      )
      const items = rows.slice(0, limit)
      const last = rows.length > limit ? items.at(-1) : undefined
      return { items: items.map(workflowView), next: last ? `${last.submittedAt}-${last.jobId}` : null }
    },
  })
}

/** Where a page begins: behind this one. @throws InvalidInputError */
function place(cursor: string | undefined): { at: number; id: number } | undefined {
  if (cursor === undefined) return undefined
  const [, at, id] = /^(\d{1,15})-(\d{1,15})$/.exec(cursor) ?? []
  if (at === undefined || id === undefined) throw new InvalidInputError('cursor', 'not a cursor of this list')
  return { at: Number(at), id: Number(id) }
}

/** @throws NotFoundError */
async function needProcess({ processes }: Service, colony: Colony, id: string): Promise<ProcessRow> {
  const row = await processes.find(id)
  if (row?.colonyId !== colony.id) throw new NotFoundError('process', id)
  return row
}

const stateOf = (state: number): ProcessState => PROCESS_STATES[state] ?? 'waiting'

function processView(row: ProcessRow): ColonyProcess {
  const { jobPublicId, index, state } = row
  const spec = specOf(row.spec)
  const ran = state !== WAITING && row.attempts > 0
  return {
    id: processIdOf(jobPublicId, index),
    name: spec.funcname,
    node: spec.nodename,
    state: stateOf(state),
    jobId: jobPublicId,
    taskId: taskPublicId(jobPublicId, index),
    inWorkflow: row.isGraph !== 0,
    executorType: spec.conditions.executortype,
    executor: ran ? row.executorName : null,
    label: row.label,
    submittedBy: row.initiatorName,
    priority: spec.priority,
    submittedAt: time(row.submittedAt),
    startedAt: timeOrNull(ran ? row.startedAt : null),
    finishedAt: timeOrNull(state >= SUCCESS ? row.finishedAt : null),
    channels: spec.channels,
  }
}

function workflowView(row: GraphRow): ColonyWorkflow {
  const { active, completed, failed, canceled, waiting } = row
  const state = graphState(row)
  return {
    id: graphIdOf(row.jobPublicId),
    jobId: row.jobPublicId,
    state: stateOf(state),
    submittedBy: row.initiatorName,
    submittedAt: time(row.submittedAt),
    startedAt: timeOrNull(row.startedAt),
    finishedAt: timeOrNull(state >= SUCCESS ? row.finishedAt : null),
    processes: { waiting, running: active, successful: completed, failed, cancelled: canceled },
  }
}

function entryView({ registry }: Service, colony: Colony, { id, at, senderId, type, sequence, payload }: EntryRow): ChannelEntry {
  return {
    id,
    at: time(at),
    sender: registry.executorIn(colony, senderId)?.name ?? registry.userIn(colony, senderId)?.name ?? senderId,
    type,
    sequence,
    text: textOf(payload),
    bytes: payload.length,
  }
}

/** Null: no text. */
function textOf(payload: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(payload).slice(0, LONGEST_TEXT)
  } catch {
    return null
  }
}

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])

function attributes(value: unknown): { key: string; value: string }[] {
  // As views.ts makes them.
  return (value as { key: string; value: string }[]).map(({ key, value: text }) => ({ key, value: text }))
}
