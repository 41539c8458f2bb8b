/** /workers: the farm's workers, approval, status requests, tags, sleep schedule. */
import {
  listWorkers,
  getWorker,
  getWorkerContainers,
  approveWorker,
  grantSignIn,
  refuseSignIn,
  renameWorker,
  replaceWorker,
  actOnWorker,
  setWorkerTags,
  setSleepSchedule,
  deleteWorker,
} from '../../../../shared/operations/workers/workers.ts'
import { Value } from 'typebox/value'
import { ContainerCapabilities } from '../../../../shared/schemas/container.ts'
import type { SleepSchedule } from '../../../../shared/schemas/worker.ts'
import type { Worker } from '../../../../shared/schemas/worker.ts'
import { ConflictError, InvalidInputError, NotFoundError } from '../../../engine/base/errors.ts'
import type { WorkerState } from '../../../engine/base/model.ts'
import { time, timeOrNull } from '../../../store/queries/format.ts'
import { machineRefs, runningByWorker } from '../../../store/queries/farm/workers.ts'
import { shownSession } from '../../../store/queries/farm/warmApps.ts'
import type { ServerContext } from '../../../http/context.ts'
import { type NativeApp } from '../common.ts'

export function workerRoutes(app: NativeApp, context: ServerContext): void {
  const { farm, read } = context
  const { signIns } = context.security

  /** @throws NotFoundError */
  function requireWorker(workerId: string): WorkerState {
    const worker = farm.workers.find(workerId.toLowerCase())
    if (!worker || worker.deletedAt !== null) throw new NotFoundError('worker', workerId)
    return worker
  }

  async function shown(workers: readonly WorkerState[]): Promise<Worker[]> {
    const only = workers.length === 1 ? workers[0]?.id : undefined
    const [running, machines] = await Promise.all([runningByWorker(read, only), machineRefs(read)])
    const tagsById = new Map(farm.tags.all().map((tag) => [tag.id, { id: tag.publicId, name: tag.name, description: tag.description }]))
    return workers.map((worker) => ({
      id: worker.publicId,
      name: worker.name,
      adapter: worker.adapter,
      platform: worker.platform,
      address: worker.address,
      software: worker.software,
      status: worker.status,
      statusRequested: worker.statusRequested,
      statusRequestLazy: worker.statusRequestLazy,
      canRestart: worker.canRestart,
      approved: worker.approvedAt !== null,
      person: worker.person,
      signIn: signIns.of(worker.publicId) ?? null,
      replaces: replacedBy(worker, farm.workers.all()),
      kinds: worker.kinds,
      capacity: worker.capacity,
      folders: worker.folders.map((path) => ({ path, allowed: worker.allowedFolders.includes(path) })),
      tags: [...worker.tagIds].flatMap((id) => tagsById.get(id) ?? []),
      machine: worker.machineId === null ? null : (machines.get(worker.machineId) ?? null),
      running: running.get(worker.id) ?? [],
      sessions: farm.warmApps.ofWorker(worker.id).map((row) => shownSession(row, { id: worker.publicId, name: worker.name })),
      sleepSchedule: worker.sleepSchedule && scheduleOf(worker.sleepSchedule),
      lastSeenAt: timeOrNull(worker.lastSeenAt),
      createdAt: time(worker.createdAt),
    }))
  }

  async function one(workerId: string): Promise<Worker> {
    const [worker] = await shown([requireWorker(workerId)])
    if (!worker) throw new NotFoundError('worker', workerId)
    return worker
  }

  app.route({
    ...listWorkers,
    handler: async () => ({
      items: (await shown(farm.workers.all())).sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id)),
    }),
  })

  app.route({ ...getWorker, handler: ({ params }) => one(params.workerId) })

  app.route({
    ...getWorkerContainers,
    handler: ({ params }) => {
      const told = requireWorker(params.workerId).capabilities['containers']
      return Value.Check(ContainerCapabilities, told) ? told : { engines: [] }
    },
  })

  app.route({
    ...approveWorker,
    handler: async ({ params }) => {
      await farm.workers.approve(requireWorker(params.workerId).publicId)
      return one(params.workerId)
    },
  })

  app.route({
    ...grantSignIn,
    handler: async (request) => {
      const worker = requireWorker(request.params.workerId)
      const { role } = request.body
      const token = await signIns.grant(worker, role, request.caller)
      request.audited = { kind: 'worker', detail: { role, token: token.publicId, name: token.name } }
      return one(worker.publicId)
    },
  })

  app.route({
    ...refuseSignIn,
    handler: ({ params }) => {
      const { publicId } = requireWorker(params.workerId)
      signIns.refuse(publicId)
      return one(publicId)
    },
  })

  app.route({
    ...renameWorker,
    handler: async ({ params, body }) => {
      const name = body.name.trim()
      if (name === '') throw new InvalidInputError('/name', 'a worker needs a name')
      await farm.workers.rename(requireWorker(params.workerId).publicId, name)
      return one(params.workerId)
    },
  })

  app.route({
    ...replaceWorker,
    handler: async ({ params, body }) => {
      const worker = requireWorker(params.workerId)
      const former = requireWorker(body.worker)
      if (former === worker) throw new InvalidInputError('/worker', 'a worker does not replace itself')
      if (former.status !== 'offline') throw new ConflictError(`worker "${former.name}" is not offline`)
      const { name, sleepSchedule } = former
      const tags = farm.tags.all().filter(({ id }) => former.tagIds.has(id))
      await farm.workers.approve(worker.publicId)
      await farm.workers.setTags(
        worker.publicId,
        tags.map(({ publicId }) => publicId),
      )
      if (sleepSchedule) await farm.workers.setSleepSchedule(worker.publicId, scheduleOf(sleepSchedule))
      if (former.isRenamed) await farm.workers.rename(worker.publicId, name)
      await farm.workers.delete(former.publicId)
      return one(params.workerId)
    },
  })

  app.route({
    ...actOnWorker,
    handler: async ({ params, body }) => {
      await farm.workers.requestStatus(requireWorker(params.workerId).publicId, body.status, body.lazy ?? false)
      return one(params.workerId)
    },
  })

  app.route({
    ...setWorkerTags,
    handler: async ({ params, body }) => {
      const worker = requireWorker(params.workerId)
      const known = new Set(farm.tags.all().map((tag) => tag.publicId))
      const wanted = body.tags.map((id) => id.toLowerCase())
      const unknown = wanted.findIndex((id) => !known.has(id))
      if (unknown >= 0) throw new InvalidInputError(`/tags/${unknown}`, `tag "${wanted[unknown]}" not found`)
      await farm.workers.setTags(worker.publicId, wanted)
      return one(params.workerId)
    },
  })

  app.route({
    ...setSleepSchedule,
    handler: async ({ params, body }) => {
      await farm.workers.setSleepSchedule(requireWorker(params.workerId).publicId, {
        ...body,
        daysOfWeek: body.daysOfWeek.trim().replace(/\s+/g, ' '),
      })
      return one(params.workerId)
    },
  })

  app.route({
    ...deleteWorker,
    handler: async ({ params }, reply) => {
      await farm.workers.delete(requireWorker(params.workerId).publicId)
      return reply.code(204).send(null)
    },
  })
}

/** The worker that one which waits seems to be again: offline and of the same name, best also from the same address. Pure. */
function replacedBy(worker: WorkerState, all: readonly WorkerState[]): { id: string; name: string } | null {
  if (worker.approvedAt !== null) return null
  const gone = all.filter(
    (other) => other.approvedAt !== null && other.deletedAt === null && other.status === 'offline' && other !== worker,
  )
  const name = worker.name.toLowerCase()
  const former =
    gone.find((other) => other.name.toLowerCase() === name && other.address === worker.address) ??
    gone.find((other) => other.name.toLowerCase() === name)
  return former ? { id: former.publicId, name: former.name } : null
}

function scheduleOf({ isActive, daysOfWeek, startTime, endTime }: SleepSchedule): SleepSchedule {
  return { isActive, daysOfWeek, startTime, endTime }
}
