/** /colonies/…/executors of the native API: who they are, what they hold, and when they last called. */
import {
  actOnColonyExecutor,
  addColonyExecutor,
  listColonyExecutors,
  removeColonyExecutor,
} from '../../../../shared/operations/colonies/colonies.ts'
import { EXECUTOR_STATES, type ColonyExecutor } from '../../../../shared/schemas/colonies/people.ts'
import { taskPublicId } from '../../../../shared/ids.ts'
import { ConflictError } from '../../../engine/base/errors.ts'
import { time, timeOrNull } from '../../../store/queries/format.ts'
import { EXECUTOR_SILENT_MS } from '../../../engine/rules/externalTerms.ts'
import { APPROVED, UNREGISTERED, type Colony, type Executor, type ExecutorStatus } from '../people/registry.ts'
import { RUNNING, specOf } from '../processes/views.ts'
import type { Service } from '../service.ts'
import { listProcesses, type ProcessRow } from '../store/processes.ts'
import { processIdOf } from '../wire/values.ts'
import { needColony, needExecutor } from './errors.ts'
import { identityFor } from './identities.ts'
import type { NativeApp } from './routes.ts'

/** Running processes of a colony that are looked at. */
const MOST_RUNNING = 2_000
/** Processes that are listed for each executor. */
const MOST_HELD = 20
const NOTHING = JSON.stringify({ hardware: null, software: null })

export function executorRoutes(app: NativeApp, service: Service): void {
  app.route({
    ...listColonyExecutors,
    handler: async ({ params }) => {
      const colony = needColony(service, params.colony)
      const held = await heldBy(service, colony)
      return { items: [...colony.executors.values()].map((executor) => viewOf(service, executor, held)) }
    },
  })

  app.route({
    ...addColonyExecutor,
    handler: async (request, reply) => {
      const colony = needColony(service, request.params.colony)
      const { name, type, id } = request.body
      const before = colony.executors.get(name)
      if (before && before.status !== UNREGISTERED) throw new ConflictError(`executor "${name}" already exists`)
      const identity = identityFor(service, name, id)
      const executor = await service.executors.add(colony, {
        executorId: identity.id,
        name,
        type,
        location: '',
        requiresFunctions: false,
        capabilities: NOTHING,
        allocations: JSON.stringify({ projects: null }),
        blueprintId: '',
        blueprintGeneration: 0,
      })
      await service.executors.approve(executor)
      request.audited = { kind: 'executor', id: name, detail: { colony: colony.name, type, identity: identity.id } }
      return reply.code(201).send(identity)
    },
  })

  app.route({
    ...actOnColonyExecutor,
    handler: async (request, reply) => {
      const executor = needExecutor(service, request.params.colony, request.params.executor)
      const { action } = request.body
      await service.executors[action](executor)
      request.audited = { kind: 'executor', id: executor.name, detail: { colony: executor.colony.name, action } }
      return reply.code(204).send(null)
    },
  })

  app.route({
    ...removeColonyExecutor,
    handler: async (request, reply) => {
      const executor = needExecutor(service, request.params.colony, request.params.executor)
      await service.executors.remove(executor)
      request.audited = { kind: 'executor', id: executor.name, detail: { colony: executor.colony.name } }
      return reply.code(204).send(null)
    },
  })
}

/** Executor's name → the running processes that it holds. */
export async function heldBy({ context }: Service, colony: Colony): Promise<Map<string, ProcessRow[]>> {
  const held = new Map<string, ProcessRow[]>()
  for (const row of await listProcesses(context.read, { colonyId: colony.id, state: RUNNING, count: MOST_RUNNING })) {
    const { executorName } = row
    if (executorName === null) continue
    const known = held.get(executorName)
    if (known) known.push(row)
    else held.set(executorName, [row])
  }
  return held
}

/**
 * Since when an executor that holds processes has not called; null: it is not silent. Pure.
 * @param heardAt its last call, milliseconds; null: it never called
 */
export function silentSince(
  { status, held, heardAt }: { status: ExecutorStatus; held: number; heardAt: number | null },
  now: number,
): number | null {
  return status === APPROVED && held > 0 && heardAt !== null && now - heardAt >= EXECUTOR_SILENT_MS ? heardAt : null
}

export function viewOf({ context }: Service, executor: Executor, held: ReadonlyMap<string, ProcessRow[]>): ColonyExecutor {
  const { name, executorId, type, status, location, commissionedAt, workerId, capabilities } = executor
  const worker = workerId === '' ? undefined : context.farm.workers.find(workerId)
  const heardAt = Math.max(executor.heardAt, worker?.lastSeenAt ?? 0) || null
  const holds = held.get(name) ?? []
  return {
    name,
    id: executorId,
    type,
    state: EXECUTOR_STATES[status],
    location,
    registeredAt: time(commissionedAt),
    heardAt: timeOrNull(heardAt),
    silentSince: timeOrNull(silentSince({ status, held: holds.length, heardAt }, context.now())),
    workerId: worker ? workerId : null,
    holds: holds.slice(0, MOST_HELD).map(({ jobPublicId, index, spec, startedAt }) => ({
      id: processIdOf(jobPublicId, index),
      name: specOf(spec).funcname,
      jobId: jobPublicId,
      taskId: taskPublicId(jobPublicId, index),
      since: timeOrNull(startedAt),
    })),
    held: holds.length,
    capabilities: capabilities === NOTHING ? '' : capabilities,
  }
}
