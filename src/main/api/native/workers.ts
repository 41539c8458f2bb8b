/** /workers: who is there, approval, what they are asked to do, tags, sleep schedule. */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { ContainerCapabilities } from '../../../shared/schemas/container.ts'
import type { SleepSchedule } from '../../../shared/schemas/worker.ts'
import { SleepScheduleInput, Worker, WorkerAction, WorkerTagsInput } from '../../../shared/schemas/worker.ts'
import { InvalidInputError, NotFoundError } from '../../engine/errors.ts'
import type { WorkerState } from '../../engine/model.ts'
import { time, timeOrNull } from '../../store/queries/format.ts'
import { machineRefs, runningByWorker } from '../../store/queries/staff.ts'
import { shownSession } from '../../store/queries/sessions.ts'
import type { ServerContext } from '../context.ts'
import { Nothing, WorkerParams, type NativeApp } from './common.ts'

const tags = ['workers']

export function workerRoutes(app: NativeApp, context: ServerContext): void {
  const { farm, read } = context

  /** @throws NotFoundError */
  function requireWorker(workerId: string): WorkerState {
    const worker = farm.findWorker(workerId.toLowerCase())
    if (!worker || worker.deletedAt !== null) throw new NotFoundError('worker', workerId)
    return worker
  }

  async function shown(workers: readonly WorkerState[]): Promise<Worker[]> {
    const only = workers.length === 1 ? workers[0]?.id : undefined
    const [running, machines] = await Promise.all([runningByWorker(read, only), machineRefs(read)])
    const tagsById = new Map(farm.tags().map((tag) => [tag.id, { id: tag.publicId, name: tag.name, description: tag.description }]))
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
      kinds: worker.kinds,
      capacity: worker.capacity,
      tags: [...worker.tagIds].flatMap((id) => tagsById.get(id) ?? []),
      machine: worker.machineId === null ? null : (machines.get(worker.machineId) ?? null),
      running: running.get(worker.id) ?? [],
      sessions: farm.openSessions({ worker: worker.id }).map((row) => shownSession(row, { id: worker.publicId, name: worker.name })),
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

  app.get(
    '/workers',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'listWorkers',
        summary: 'All workers, by name',
        response: { 200: Type.Object({ items: Type.Array(Worker) }) },
      },
    },
    async () => ({ items: (await shown(farm.workers())).sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id)) }),
  )

  app.get(
    '/workers/:workerId',
    {
      config: { access: 'read' },
      schema: { tags, operationId: 'getWorker', summary: 'One worker', params: WorkerParams, response: { 200: Worker } },
    },
    ({ params }) => one(params.workerId),
  )

  app.get(
    '/workers/:workerId/containers',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'getWorkerContainers',
        summary: 'The Docker engines of a worker and their images, as of its last sign-on; none for one that runs no containers',
        params: WorkerParams,
        response: { 200: ContainerCapabilities },
      },
    },
    ({ params }) => {
      const told = requireWorker(params.workerId).capabilities['containers']
      return Value.Check(ContainerCapabilities, told) ? told : { engines: [] }
    },
  )

  app.post(
    '/workers/:workerId/approve',
    {
      config: { access: 'admin' },
      schema: {
        tags,
        operationId: 'approveWorker',
        summary: 'Let a worker that asked to join have tasks',
        params: WorkerParams,
        response: { 200: Worker },
      },
    },
    async ({ params }) => {
      await farm.approveWorker(requireWorker(params.workerId).publicId)
      return one(params.workerId)
    },
  )

  app.post(
    '/workers/:workerId/actions',
    {
      config: { access: 'admin' },
      schema: {
        tags,
        operationId: 'actOnWorker',
        summary: 'Send a worker to sleep, wake, restart or shut it down; now, or after its task',
        params: WorkerParams,
        body: WorkerAction,
        response: { 200: Worker },
      },
    },
    async ({ params, body }) => {
      await farm.requestWorkerStatus(requireWorker(params.workerId).publicId, body.status, body.lazy ?? false)
      return one(params.workerId)
    },
  )

  app.put(
    '/workers/:workerId/tags',
    {
      config: { access: 'admin' },
      schema: {
        tags,
        operationId: 'setWorkerTags',
        summary: 'Replace the tags of a worker',
        params: WorkerParams,
        body: WorkerTagsInput,
        response: { 200: Worker },
      },
    },
    async ({ params, body }) => {
      const worker = requireWorker(params.workerId)
      const known = new Set(farm.tags().map((tag) => tag.publicId))
      const wanted = body.tags.map((id) => id.toLowerCase())
      const unknown = wanted.findIndex((id) => !known.has(id))
      if (unknown >= 0) throw new InvalidInputError(`/tags/${unknown}`, `there is no tag "${wanted[unknown]}"`)
      await farm.setWorkerTags(worker.publicId, wanted)
      return one(params.workerId)
    },
  )

  app.put(
    '/workers/:workerId/sleep-schedule',
    {
      config: { access: 'admin' },
      schema: {
        tags,
        operationId: 'setSleepSchedule',
        summary: "When a worker sleeps, in the manager's time zone",
        params: WorkerParams,
        body: SleepScheduleInput,
        response: { 200: Worker },
      },
    },
    async ({ params, body }) => {
      await farm.setSleepSchedule(requireWorker(params.workerId).publicId, {
        ...body,
        daysOfWeek: body.daysOfWeek.trim().replace(/\s+/g, ' '),
      })
      return one(params.workerId)
    },
  )

  app.delete(
    '/workers/:workerId',
    {
      config: { access: 'admin' },
      schema: {
        tags,
        operationId: 'deleteWorker',
        summary: 'Forget a worker; what it runs is requeued',
        params: WorkerParams,
        response: Nothing,
      },
    },
    async ({ params }, reply) => {
      await farm.deleteWorker(requireWorker(params.workerId).publicId)
      return reply.code(204).send(null)
    },
  )
}

function scheduleOf({ isActive, daysOfWeek, startTime, endTime }: SleepSchedule): SleepSchedule {
  return { isActive, daysOfWeek, startTime, endTime }
}
