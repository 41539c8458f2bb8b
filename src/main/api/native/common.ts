/** What the native routes share: parameters, look-ups that answer 404 and 403, bulk actions. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Type, type Static } from 'typebox'
import { Id } from '../../../shared/schemas/common.ts'
import type { BulkResult } from '../../../shared/schemas/farm.ts'
import { FarmError, NotAllowedError, NotFoundError } from '../../engine/errors.ts'
import { mayManage } from '../../security/callers.ts'
import { findJobKey, type JobKey } from '../../store/queries/jobDetail.ts'
import { findTaskKey, type TaskKey } from '../../store/queries/tasks.ts'
import type { ServerContext } from '../context.ts'

/** The app as native routes see it: handlers know the types of their schemas. */
export type NativeApp = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>

export const JobParams = Type.Object({ jobId: Id })
export const TaskParams = Type.Object({ taskId: Id })
export const AttemptParams = Type.Object({ taskId: Id, attempt: Type.Integer({ minimum: 1, maximum: 1_000_000 }) })
export const WorkerParams = Type.Object({ workerId: Id })
export const IdParams = Type.Object({ id: Id })
export type AttemptParams = Static<typeof AttemptParams>

/** For actions whose outcome is told by the status alone. */
export const Nothing = { 204: Type.Null({ description: 'Done' }) }

/** @throws NotFoundError */
export async function requireJob({ read }: ServerContext, jobId: string): Promise<JobKey & { publicId: string }> {
  const job = await findJobKey(read, jobId)
  if (!job) throw new NotFoundError('job', jobId)
  return { ...job, publicId: jobId.toLowerCase() }
}

/** The job, if the caller may change it. @throws NotFoundError, NotAllowedError */
export async function requireOwnJob(
  context: ServerContext,
  request: FastifyRequest,
  jobId: string,
): Promise<JobKey & { publicId: string }> {
  const job = await requireJob(context, jobId)
  requireOwner(request, job.owner)
  return job
}

/** @throws NotFoundError */
export async function requireTask({ read }: ServerContext, taskId: string): Promise<TaskKey & { publicId: string }> {
  const task = await findTaskKey(read, taskId)
  if (!task) throw new NotFoundError('task', taskId)
  return { ...task, publicId: taskId.toLowerCase() }
}

/** @throws NotAllowedError when the job is somebody else's and the caller no admin */
export function requireOwner(request: FastifyRequest, owner: string): void {
  if (!mayManage(request.caller, owner))
    throw new NotAllowedError(`this job belongs to ${owner || 'nobody'}; ${request.caller.actor} may change own jobs only`)
}

/** Does something with each id in turn; what one refuses does not stop the others. Defects are not swallowed. */
export async function eachOf(ids: readonly string[], act: (id: string) => Promise<unknown>): Promise<BulkResult> {
  const result: BulkResult = { done: [], failed: [] }
  for (const id of new Set(ids.map((each) => each.toLowerCase()))) {
    try {
      await act(id)
      result.done.push(id)
    } catch (error) {
      if (!(error instanceof FarmError)) throw error
      result.failed.push({ id, code: error.code, message: error.message })
    }
  }
  return result
}
