/** Enqueue, PUT, job details, stop and retry (protocol 2.6 to 2.10). */
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { ownershipOf } from '../../../security/accounts/callers.ts'
import { countExecutions, executionsOf } from '../store/queries.ts'
import { OperationError, TextError } from '../errors.ts'
import { parseBody, readPayload, type Payload } from '../payload.ts'
import type { Routes } from '../paths.ts'
import { executionId } from '../output.ts'
import {
  assertMayManage,
  clientAddress,
  findJob,
  jobSummary,
  reference,
  sendJson,
  urlsFor,
  type JobParams,
  type Parts,
  type TaskParams,
} from '../support.ts'
import { normalUuid } from '../values.ts'
import { executionView, jobView, type Urls } from '../views.ts'
import type { Enqueued } from '../jobs/jobs.ts'
import { uuidOfKey } from '../../../http/hooks/idempotencyKeys.ts'
import { FastlaneSettings } from '../settings.ts'

/** Executions of a page of job details (protocol 2.8). */
const EXECUTIONS_SHOWN = 20
/** A task's name is one segment of an address. */
const MAX_TASK_CHARS = 255

const Query = Type.Object({ page: Type.Optional(Type.String()) })

export function jobRoutes(routes: Routes, { context, jobs }: Parts): void {
  const payloadOf = (request: FastifyRequest): Payload => {
    const payload = readPayload(
      parseBody(request.body),
      { maxRunMs: context.settings.of(FastlaneSettings).fastlaneMaxRunMs },
      context.now(),
    )
    return payload
  }

  routes.change('POST', '/tasks/:task/', { operationId: 'enqueueJob', access: 'submit' }, async (request, reply) => {
    const task = taskName(request)
    const payload = payloadOf(request)
    const enqueued = await jobs.enqueue(task, payload, { ...ownershipOf(request.caller), ip: clientAddress(request) }, uuidOfKey(request))
    request.audited = { kind: 'fastlane-job', id: `${task}/${enqueued.jobId}`, detail: { image: payload.image, command: payload.command } }
    return sendJson(reply, enqueuedView(task, enqueued, urlsFor(request, context)))
  })

  routes.change('PUT', '/tasks/:task/jobs/:job/', { operationId: 'putJob', access: 'submit' }, async (request, reply) => {
    const { job } = request.params as JobParams
    const jobId = normalUuid(job)
    if (jobId === undefined) throw new TextError(`The job_id ${job} is not a valid UUID4. All job IDs must be UUID4.`)
    const task = taskName(request)
    const payload = payloadOf(request)
    const by = { ...ownershipOf(request.caller), ip: clientAddress(request) }
    const enqueued = await jobs.put(task, jobId, payload, by, (owned) => assertMayManage(request, owned))
    request.audited = { kind: 'fastlane-job', id: `${task}/${jobId}`, detail: { image: payload.image, command: payload.command } }
    return sendJson(reply, enqueuedView(task, enqueued, urlsFor(request, context)))
  })

  routes.get('/tasks/:task/jobs/:job/', { operationId: 'getJob', querystring: Query }, async (request, reply) => {
    const params = request.params as JobParams
    const job = await findJob(context, params)
    if (!job) throw new OperationError(404, 'get_task', 'Job not found in task.')
    const urls = urlsFor(request, context)
    const { page = '1' } = request.query as { page?: string }
    const offset = (Math.max(1, /^\d{1,9}$/.test(page) ? Number(page) : 1) - 1) * EXECUTIONS_SHOWN
    const rows = await executionsOf(context.read, job.id, context.now(), offset, EXECUTIONS_SHOWN)
    const executions: Record<string, unknown>[] = []
    // One after the other: each may have a long log.
    for (const row of rows) {
      executions.push({ ...(await executionView(row, context)), url: urls.execution(job.task, job.clientId, executionId(row)) })
    }
    const shown = jobView(job, jobs.scheduleOf(job) !== undefined, context.settings.current())
    return sendJson(reply, {
      job: { ...shown, executionCount: await countExecutions(context.read, job.id, context.now()), executions },
      task: reference(job.task, urls.task(job.task)),
    })
  })

  routes.change('POST', '/tasks/:task/jobs/:job/stop/', { operationId: 'stopJob', access: 'manage' }, async (request, reply) => {
    const job = await findJob(context, request.params as JobParams)
    if (!job) throw new OperationError(404, 'stop_job', 'Job not found in task.')
    assertMayManage(request, job)
    await jobs.stop(job, request.caller.actor)
    request.audited = { kind: 'fastlane-job', id: `${job.task}/${job.clientId}`, detail: null }
    return sendJson(reply, jobSummary(job, urlsFor(request, context)))
  })

  routes.change('POST', '/tasks/:task/jobs/:job/retry/', { operationId: 'retryJob', access: 'manage' }, async (request, reply) => {
    const job = await findJob(context, request.params as JobParams)
    if (!job) throw new OperationError(404, 'retry_job', 'Job not found in task.')
    assertMayManage(request, job)
    if ((await countExecutions(context.read, job.id, context.now())) === 0)
      throw new OperationError(400, 'retry_job', 'No execution yet to retry.')
    if (await jobs.isScheduled(job)) throw new OperationError(400, 'retry_job', "Can't retry a scheduled job.")
    await jobs.retry(job, request.caller.actor)
    request.audited = { kind: 'fastlane-job', id: `${job.task}/${job.clientId}`, detail: null }
    return sendJson(reply, jobSummary(job, urlsFor(request, context)))
  })
}

function taskName(request: FastifyRequest): string {
  const { task } = request.params as TaskParams
  if (task === '' || task.length > MAX_TASK_CHARS || /[\0-\x1f/]/.test(task)) {
    throw new TextError(`The task_id must have 1 to ${MAX_TASK_CHARS} characters, none of them a slash or a control character.`)
  }
  return task
}

function enqueuedView(task: string, { jobId, executionId: id, queueId }: Enqueued, urls: Urls): Record<string, unknown> {
  return {
    executionId: id,
    executionUrl: id === null ? null : urls.execution(task, jobId, id),
    jobId,
    jobUrl: urls.job(task, jobId),
    queueJobId: queueId,
    taskId: task,
    taskUrl: urls.task(task),
  }
}
