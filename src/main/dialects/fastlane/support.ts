/** Shared by the route files of this dialect: addresses, look-ups, replies. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { NotAllowedError } from '../../engine/base/errors.ts'
import { mayManage } from '../../security/accounts/callers.ts'
import { findExecution, findFastlaneJob, type ExecutionRow, type FastlaneJobRow } from './store/queries.ts'
import { parseTaskId } from '../../../shared/ids.ts'
import type { ApiContext } from '../../http/context.ts'
import { sortedJson } from './errors.ts'
import type { FastlaneJobs } from './jobs/jobs.ts'
import { executionId } from './output.ts'
import { urlsOf, type Urls } from './views.ts'

/** What every route receives. */
export interface Parts {
  context: ApiContext
  jobs: FastlaneJobs
}

export interface TaskParams {
  task: string
}
export interface JobParams extends TaskParams {
  job: string
}
export interface ExecutionParams extends JobParams {
  execution: string
}

/** The addresses of a reply: from the setting publicUrl, or from the request. */
export function urlsFor(request: FastifyRequest, { settings }: ApiContext): Urls {
  const { publicUrl } = settings.current()
  return urlsOf(publicUrl === '' ? `${request.protocol}://${request.host}` : publicUrl.replace(/\/$/, ''))
}

/** JSON as the original writes it. */
export function sendJson(reply: FastifyReply, value: unknown): FastifyReply {
  return reply.type('application/json').send(sortedJson(value))
}

/** The address that a job shows for its caller (protocol 1.7). */
export function clientAddress({ headers, socket }: FastifyRequest): string {
  const real = headers['x-real-ip']
  const forwarded = headers['x-forwarded-for']
  const first = [real, typeof forwarded === 'string' ? forwarded.split(',')[0] : forwarded].flat().find((each) => each?.trim())
  return (first?.trim() ?? socket.remoteAddress ?? '').replace(/^::ffff:/, '').slice(0, 100)
}

export function findJob({ read }: ApiContext, { task, job }: JobParams): Promise<FastlaneJobRow | undefined> {
  return findFastlaneJob(read, task, job.toLowerCase())
}

/** The execution with this id, if it belongs to the job. */
export async function findRun({ read, now }: ApiContext, job: FastlaneJobRow, id: string): Promise<ExecutionRow | undefined> {
  const parsed = parseTaskId(id)
  if (!parsed) return undefined
  const row = await findExecution(read, job.id, parsed.index, now())
  return row && executionId(row) === id.toLowerCase() ? row : undefined
}

/** Artists may change their own jobs. @throws NotAllowedError */
export function assertMayManage(request: FastifyRequest, { owner, ownerId }: { owner: string; ownerId: string }): void {
  if (!mayManage(request.caller, ownerId))
    throw new NotAllowedError(`${request.caller.actor} may only change their own jobs; this job belongs to ${owner || 'another owner'}`)
}

/** `{jobId, jobUrl, taskId, taskUrl}` (protocol 2.9). */
export function jobSummary({ task, clientId }: Pick<FastlaneJobRow, 'task' | 'clientId'>, urls: Urls): Record<string, unknown> {
  return { jobId: clientId, jobUrl: urls.job(task, clientId), taskId: task, taskUrl: urls.task(task) }
}

export function reference(id: string, url: string): { id: string; url: string } {
  return { id, url }
}
