/** Shared by the native routes: parameters, look-ups that answer 404 and 403, bulk actions. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BulkResult } from '../../../shared/schemas/farm.ts'
import { FarmError, NotAllowedError, NotFoundError } from '../../engine/base/errors.ts'
import { mayManage } from '../../security/accounts/callers.ts'
import { findJobKey, type JobKey } from '../../store/queries/jobs/jobDetail.ts'
import { findTaskKey, type TaskKey } from '../../store/queries/tasks/tasks.ts'
import type { ServerContext } from '../../http/context.ts'

/** The app as native routes see it: handlers know the types of their schemas. */
export type NativeApp = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>

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
  requireOwner(request, job)
  return job
}

/** @throws NotFoundError */
export async function requireTask({ read }: ServerContext, taskId: string): Promise<TaskKey & { publicId: string }> {
  const task = await findTaskKey(read, taskId)
  if (!task) throw new NotFoundError('task', taskId)
  return { ...task, publicId: taskId.toLowerCase() }
}

/** @throws NotAllowedError when the job belongs to another owner and the caller is not an admin */
export function requireOwner(request: FastifyRequest, { owner, ownerId }: { owner: string; ownerId: string }): void {
  if (!mayManage(request.caller, ownerId))
    throw new NotAllowedError(`${request.caller.actor} may only change their own jobs; this job belongs to ${owner || 'another owner'}`)
}

/** Processes the ids one after the other; one refusal does not stop the others. Unexpected errors are thrown. */
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
