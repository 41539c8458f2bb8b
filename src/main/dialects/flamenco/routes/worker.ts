/**
 * The protocol of Flamenco Workers (§1.2, §2.1). This is the hot path: handlers are a few lines, the worker is in
 * `request.worker`, and nothing is logged per request.
 */
import { goPlatform } from '../../../../shared/paths/crosspath.ts'
import type { WorkerState } from '../../../engine/base/model.ts'
import { joinsApproved } from '../../../security/accounts/callers.ts'
import { hashSecret } from '../../../security/tokens/secrets.ts'
import type { ApiContext } from '../../../http/context.ts'
import { registeredWorker, taskTypes } from '../convertWorker.ts'
import type { ForeignFrames } from '../foreignFrames.ts'
import { errors, id, NOTHING, TaskParams, type TypedApp } from '../routeSupport.ts'
import {
  AssignedTask,
  MayKeepRunning,
  RegisteredWorker,
  TaskUpdate,
  WorkerRegistration,
  WorkerSignOn,
  WorkerStateChange,
  WorkerStateChanged,
} from '../schemas/workers.ts'

/** A worker sends its log in chunks of about 10 kB; after an outage with long lines they may be larger. */
const UPDATE_LIMIT = 16 * 1024 * 1024

const OF_WORKERS = { access: 'worker', openToLan: true } as const

export function workerRoutes(app: TypedApp, { farm }: ApiContext, frames: ForeignFrames): void {
  app.post(
    '/worker/register-worker',
    {
      config: { access: 'join', openToLan: true, strangersMayAsk: true, auditBody: false },
      schema: {
        operationId: 'registerWorker',
        tags: ['worker'],
        body: WorkerRegistration,
        response: { 200: RegisteredWorker, ...errors(400, 429, 503) },
      },
    },
    async (request) => {
      const { name, secret, platform, supported_task_types } = request.body
      const worker = await farm.workers.register({
        adapter: 'flamenco',
        name,
        secretHash: await hashSecret(secret),
        platform: goPlatform(platform.toLowerCase()),
        address: request.ip,
        kinds: taskTypes(supported_task_types),
        machine: null,
        approved: joinsApproved(request.caller),
      })
      request.audited = { kind: 'worker', id: worker.publicId, detail: { name, address: request.ip } }
      return registeredWorker(worker)
    },
  )

  app.post(
    '/worker/sign-on',
    {
      config: OF_WORKERS,
      schema: { operationId: 'signOn', tags: ['worker'], body: WorkerSignOn, response: { 200: WorkerStateChange, ...errors(400, 403) } },
    },
    async (request) => {
      const { name, software_version, supported_task_types, can_restart } = request.body
      const { statusRequested } = await farm.workers.signOn(caller(request).publicId, {
        name,
        software: software_version,
        address: request.ip,
        kinds: taskTypes(supported_task_types),
        canRestart: can_restart ?? false,
      })
      return { status_requested: statusRequested }
    },
  )

  app.post(
    '/worker/sign-off',
    { config: OF_WORKERS, schema: { operationId: 'signOff', tags: ['worker'], response: { ...NOTHING, ...errors(403) } } },
    async (request, reply) => {
      await farm.workers.signOff(caller(request).publicId)
      return reply.code(204).send()
    },
  )

  app.get(
    '/worker/state',
    {
      config: OF_WORKERS,
      schema: { operationId: 'workerState', tags: ['worker'], response: { 200: WorkerStateChange, ...NOTHING, ...errors(403) } },
    },
    async (request, reply) => {
      const { publicId, statusRequested } = caller(request)
      farm.workers.seen(publicId)
      if (statusRequested === null) return reply.code(204).send()
      return reply.send({ status_requested: statusRequested })
    },
  )

  app.post(
    '/worker/state-changed',
    {
      config: OF_WORKERS,
      schema: {
        operationId: 'workerStateChanged',
        tags: ['worker'],
        body: WorkerStateChanged,
        response: { ...NOTHING, ...errors(400, 403) },
      },
    },
    async (request, reply) => {
      await farm.workers.changedStatus(caller(request).publicId, request.body.status)
      return reply.code(204).send()
    },
  )

  app.post(
    '/worker/task',
    {
      config: OF_WORKERS,
      schema: {
        operationId: 'scheduleTask',
        tags: ['worker'],
        response: { 200: AssignedTask, ...NOTHING, ...errors(403, 409, 503), 423: WorkerStateChange },
      },
    },
    async (request, reply) => {
      const worker = caller(request)
      const task = await farm.foreign.schedule(worker.publicId)
      if (task === undefined) return reply.code(204).send()
      const preparing = frames.prepare(worker, task)
      if (preparing !== undefined) await preparing
      const { assignment } = task
      return reply.send({
        uuid: assignment.taskId,
        job: assignment.jobId,
        name: assignment.taskName,
        status: 'active' as const,
        priority: task.priority,
        job_priority: task.jobPriority,
        job_type: assignment.jobType,
        task_type: assignment.kind,
        commands: assignment.commands.map(({ name, parameters, totalStepCount }) => ({
          name,
          parameters,
          total_step_count: totalStepCount,
        })),
        steps_completed: task.stepsCompleted,
        steps_total: assignment.stepsTotal,
      })
    },
  )

  app.post(
    '/worker/task/:task_id',
    {
      config: { ...OF_WORKERS, anyText: true },
      bodyLimit: UPDATE_LIMIT,
      schema: {
        operationId: 'taskUpdate',
        tags: ['worker'],
        params: TaskParams,
        body: TaskUpdate,
        response: { ...NOTHING, ...errors(400, 403, 404, 409) },
      },
    },
    async (request, reply) => {
      const worker = caller(request)
      const taskId = id(request.params.task_id)
      const { taskStatus, activity, log, steps_completed } = request.body
      const found = log === undefined ? undefined : frames.read(log)
      // The files that its last lines name are checked before the task counts as completed.
      const isLast = found !== undefined && taskStatus === 'completed' && farm.foreign.runs(worker.publicId, taskId)
      if (isLast) await frames.add(worker, taskId, found)
      await farm.foreign.update(worker.publicId, taskId, { status: taskStatus, activity, log, stepsCompleted: steps_completed })
      if (found !== undefined && !isLast) await frames.add(worker, taskId, found)
      return reply.code(204).send()
    },
  )

  app.get(
    '/worker/task/:task_id/may-i-run',
    {
      // A removed worker takes an error for a network problem and would render on, beside its successor.
      config: { ...OF_WORKERS, answersStrangers: true },
      schema: { operationId: 'mayWorkerRun', tags: ['worker'], params: TaskParams, response: { 200: MayKeepRunning, ...errors(400) } },
    },
    async (request) =>
      request.worker === null
        ? { mayKeepRunning: false, reason: 'worker is not registered (any more)', statusChangeRequested: false }
        : farm.foreign.mayKeepRunning(request.worker.publicId, id(request.params.task_id)),
  )
}

/** The authenticated worker: only such workers reach routes with access 'worker'. */
function caller(request: { worker: WorkerState | null }): WorkerState {
  if (request.worker === null) throw new Error('a route of workers was reached without a worker')
  return request.worker
}
