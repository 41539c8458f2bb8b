/** What the route files of this dialect share: addresses, look-ups, replies. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { NotAllowedError } from '../../engine/errors.ts'
import { mayManage } from '../../security/callers.ts'
import { findExecution, findFastlaneJob, type ExecutionRow, type FastlaneJobRow } from '../../store/queries/fastlane.ts'
import { parseTaskId } from '../../../shared/ids.ts'
import type { ApiContext } from '../context.ts'
import { sortedJson } from './errors.ts'
import type { FastlaneJobs } from './jobs.ts'
import { executionId } from './output.ts'
import { urlsOf, type Urls } from './views.ts'

/** What every route gets. */
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

/** The addresses of a reply: the setting publicUrl, else as the request came. */
export function urlsFor(request: FastifyRequest, { settings }: ApiContext): Urls {
  const { publicUrl } = settings.current()
  return urlsOf(publicUrl === '' ? `${request.protocol}://${request.host}` : publicUrl.replace(/\/$/, ''))
}

/** JSON as the original writes it. */
export function sendJson(reply: FastifyReply, value: unknown): FastifyReply {
  return reply.type('application/json').send(sortedJson(value))
}

/** The address that a job shows for who asked (protocol 1.7). */
export function clientAddress({ headers, socket }: FastifyRequest): string {
  const real = headers['x-real-ip']
  const forwarded = headers['x-forwarded-for']
  const first = [real, typeof forwarded === 'string' ? forwarded.split(',')[0] : forwarded].flat().find((each) => each?.trim())
  return (first?.trim() ?? socket.remoteAddress ?? '').replace(/^::ffff:/, '').slice(0, 100)
}

export function findJob({ read }: ApiContext, { task, job }: JobParams): Promise<FastlaneJobRow | undefined> {
  return findFastlaneJob(read, task, job.toLowerCase())
}

/** The execution with this id, when it is one of the job's. */
export async function findRun({ read, now }: ApiContext, job: FastlaneJobRow, id: string): Promise<ExecutionRow | undefined> {
  const parsed = parseTaskId(id)
  if (!parsed) return undefined
  const row = await findExecution(read, job.id, parsed.index, now())
  return row && executionId(row) === id.toLowerCase() ? row : undefined
}

/** Artists act on their own jobs. @throws NotAllowedError */
export function assertMayManage(request: FastifyRequest, owner: string): void {
  if (!mayManage(request.caller, owner))
    throw new NotAllowedError(`this job belongs to ${owner || 'nobody'}; ${request.caller.actor} may change own jobs only`)
}

/** `{jobId, jobUrl, taskId, taskUrl}` (protocol 2.9). */
export function jobSummary({ task, clientId }: Pick<FastlaneJobRow, 'task' | 'clientId'>, urls: Urls): Record<string, unknown> {
  return { jobId: clientId, jobUrl: urls.job(task, clientId), taskId: task, taskUrl: urls.task(task) }
}

export function reference(id: string, url: string): { id: string; url: string } {
  return { id, url }
}
