/** Worker management (§1.3): statuses, tags and sleep schedules of workers. Only admins make changes. */
import type { Static } from 'typebox'
import type { WorkerState } from '../../../engine/base/model.ts'
import { InvalidInputError } from '../../../engine/base/errors.ts'
import { activeTaskOf, workerTask } from '../store/queries.ts'
import type { ApiContext } from '../../../http/context.ts'
import { workerSummary, workerTag } from '../convertWorker.ts'
import { WireError } from '../errors.ts'
import { errors, id, NOTHING, sendJson, WorkerParams, type TypedApp } from '../routeSupport.ts'
import { Worker, WorkerList, WorkerSleepSchedule, WorkerStatusChangeRequest, WorkerTagChangeRequest } from '../schemas/workers.ts'

export function workerMgtRoutes(app: TypedApp, { farm, read }: ApiContext): void {
  /** @throws WireError 404 with the original's text */
  function needWorker(params: { worker_id: string }): WorkerState {
    const worker = farm.workers.find(id(params.worker_id))
    if (!worker || worker.deletedAt !== null) throw new WireError(404, `worker "${params.worker_id}" not found`)
    return worker
  }

  app.get(
    '/worker-mgt/workers',
    { config: { access: 'read' }, schema: { operationId: 'fetchWorkers', tags: ['worker-mgt'], response: { 200: WorkerList } } },
    async () => ({ workers: farm.workers.all().map(workerSummary) }),
  )

  app.get(
    '/worker-mgt/workers/:worker_id',
    {
      config: { access: 'read' },
      schema: { operationId: 'fetchWorker', tags: ['worker-mgt'], params: WorkerParams, response: { 200: Worker, ...errors(400, 404) } },
    },
    async (request, reply) => {
      sendJson(reply, await workerText(needWorker(request.params)))
      return reply
    },
  )

  /** A Worker as text: its task comes as text from the database. */
  async function workerText(worker: WorkerState): Promise<string> {
    const details: Static<typeof Worker> = {
      ...workerSummary(worker),
      ip_address: worker.address,
      platform: worker.platform,
      supported_task_types: worker.kinds,
    }
    const tags = farm.tags.all().filter((tag) => worker.tagIds.has(tag.id))
    if (tags.length > 0) details.tags = tags.map(workerTag)
    const taskId = (await activeTaskOf(read, worker.id)) ?? worker.lastTaskId
    const task = taskId === null ? undefined : await workerTask(read, taskId)
    const text = JSON.stringify(details)
    return task === undefined ? text : `${text.slice(0, -1)},"task":${task}}`
  }

  app.delete(
    '/worker-mgt/workers/:worker_id',
    {
      config: { access: 'admin' },
      schema: { operationId: 'deleteWorker', tags: ['worker-mgt'], params: WorkerParams, response: { ...NOTHING, ...errors(400, 404) } },
    },
    async (request, reply) => {
      await farm.workers.delete(needWorker(request.params).publicId)
      return reply.code(204).send()
    },
  )

  app.post(
    '/worker-mgt/workers/:worker_id/setstatus',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'requestWorkerStatusChange',
        tags: ['worker-mgt'],
        params: WorkerParams,
        body: WorkerStatusChangeRequest,
        response: { ...NOTHING, ...errors(400, 404, 412) },
      },
    },
    async (request, reply) => {
      const { status, is_lazy } = request.body
      await farm.workers.requestStatus(needWorker(request.params).publicId, status, is_lazy)
      return reply.code(204).send()
    },
  )

  app.post(
    '/worker-mgt/workers/:worker_id/settags',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'setWorkerTags',
        tags: ['worker-mgt'],
        params: WorkerParams,
        body: WorkerTagChangeRequest,
        response: { ...NOTHING, ...errors(400, 404) },
      },
    },
    async (request, reply) => {
      await farm.workers.setTags(needWorker(request.params).publicId, request.body.tag_ids.map(id))
      return reply.code(204).send()
    },
  )

  app.get(
    '/worker-mgt/workers/:worker_id/sleep-schedule',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'fetchWorkerSleepSchedule',
        tags: ['worker-mgt'],
        params: WorkerParams,
        response: { 200: WorkerSleepSchedule, ...NOTHING, ...errors(400, 404) },
      },
    },
    async (request, reply) => {
      const schedule = needWorker(request.params).sleepSchedule
      if (schedule === null) return reply.code(204).send()
      return reply.send({
        is_active: schedule.isActive,
        days_of_week: schedule.daysOfWeek,
        start_time: schedule.startTime,
        end_time: schedule.endTime,
      })
    },
  )

  app.post(
    '/worker-mgt/workers/:worker_id/sleep-schedule',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'setWorkerSleepSchedule',
        tags: ['worker-mgt'],
        params: WorkerParams,
        body: WorkerSleepSchedule,
        response: { ...NOTHING, ...errors(400, 404) },
      },
    },
    async (request, reply) => {
      const worker = needWorker(request.params)
      const { is_active, days_of_week, start_time, end_time } = request.body
      await wireFieldNames(() =>
        farm.workers.setSleepSchedule(worker.publicId, {
          isActive: is_active,
          daysOfWeek: days_of_week,
          startTime: start_time,
          endTime: end_time,
        }),
      )
      return reply.code(204).send()
    },
  )
}

const WIRE_NAMES: Record<string, string> = { daysOfWeek: 'days_of_week', startTime: 'start_time', endTime: 'end_time' }

/** Engine errors use our field names; clients only know those of the wire format. */
async function wireFieldNames(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof InvalidInputError) throw new InvalidInputError(WIRE_NAMES[error.field] ?? error.field, error.message)
    throw error
  }
}
