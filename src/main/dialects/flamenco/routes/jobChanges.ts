/** Changing and deleting jobs (§1.4). Artists change their own jobs, admins all. */
import type { FastifyRequest } from 'fastify'
import { NotFoundError } from '../../../engine/base/errors.ts'
import { jobsUpdatedUntil, type JobFacts } from '../store/queries.ts'
import type { ApiContext } from '../../../http/context.ts'
import { WireError } from '../errors.ts'
import { assertMayManage, errors, id, JobParams, needJob, NOTHING, type TypedApp } from '../routeSupport.ts'
import {
  JobBlocklist,
  JobDeletionInfo,
  JobMassDeletionSelection,
  JobPriorityChange,
  JobStatusChange,
  JobTagChange,
} from '../schemas/jobs.ts'

/** Concurrent deletions of a mass deletion: enough to share commits, few enough to leave room for other requests. */
const DELETIONS_AT_ONCE = 50

export function jobChangeRoutes(app: TypedApp, context: ApiContext): void {
  const { farm, read, shaman } = context

  /** The job of the request, if the caller may change it. */
  async function jobToChange(request: FastifyRequest, jobId: string): Promise<JobFacts> {
    const job = await needJob(read, jobId)
    assertMayManage(request, job)
    return job
  }

  app.post(
    '/jobs/:job_id/setstatus',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'setJobStatus',
        tags: ['jobs'],
        params: JobParams,
        body: JobStatusChange,
        response: { ...NOTHING, ...errors(400, 404, 422) },
      },
    },
    async (request, reply) => {
      const { status, reason } = request.body
      if (status === 'under-construction')
        throw new WireError(422, 'status: a job that is complete cannot go back to "under-construction"', 'status')
      const job = await jobToChange(request, request.params.job_id)
      await farm.jobs.setStatus(job.publicId, status, reason)
      return reply.code(204).send()
    },
  )

  app.post(
    '/jobs/:job_id/setpriority',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'setJobPriority',
        tags: ['jobs'],
        params: JobParams,
        body: JobPriorityChange,
        response: { ...NOTHING, ...errors(400, 404) },
      },
    },
    async (request, reply) => {
      const job = await jobToChange(request, request.params.job_id)
      await farm.jobs.change(job.publicId, { priority: request.body.priority })
      return reply.code(204).send()
    },
  )

  app.post(
    '/jobs/:job_id/settag',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'setJobTag',
        tags: ['jobs'],
        params: JobParams,
        body: JobTagChange,
        response: { ...NOTHING, ...errors(400, 404, 406) },
      },
    },
    async (request, reply) => {
      const job = await jobToChange(request, request.params.job_id)
      await farm.jobs.change(job.publicId, { tag: tagOf(request.body) })
      return reply.code(204).send()
    },
  )

  /** The tag's id, by id or else by name; null for "no tag". */
  function tagOf(change: { id?: string; name?: string }): string | null {
    const wanted = change.id || change.name
    if (!wanted) return null
    const found = farm.tags.all().find((tag) => (change.id ? tag.publicId === id(change.id) : tag.name === change.name))
    if (!found) throw new WireError(406, 'tag not found', change.id ? 'id' : 'name')
    return found.publicId
  }

  app.get(
    '/jobs/:job_id/what-would-delete-do',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'deleteJobWhatWouldItDo',
        tags: ['jobs'],
        params: JobParams,
        response: { 200: JobDeletionInfo, ...errors(400, 404) },
      },
    },
    async (request) => {
      const job = await needJob(read, request.params.job_id)
      return { shaman_checkout: shaman.enabled && job.checkoutId !== null }
    },
  )

  app.delete(
    '/jobs/:job_id',
    {
      config: { access: 'manage' },
      schema: { operationId: 'deleteJob', tags: ['jobs'], params: JobParams, response: { ...NOTHING, ...errors(400, 404, 503) } },
    },
    async (request, reply) => {
      const job = await jobToChange(request, request.params.job_id)
      await farm.jobs.act(job.publicId, 'delete', request.caller.actor)
      return reply.code(204).send()
    },
  )

  app.delete(
    '/jobs/mass-delete',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'deleteJobMass',
        tags: ['jobs'],
        body: JobMassDeletionSelection,
        response: { ...NOTHING, ...errors(400, 416, 503) },
      },
    },
    async (request, reply) => {
      const stamp = request.body.last_updated_max
      if (stamp === undefined)
        throw new WireError(400, 'last_updated_max is missing: without it all jobs would be deleted', 'last_updated_max')
      // Clients show whole seconds; a job shown with this time is included.
      const until = Math.ceil(Date.parse(stamp) / 1000) * 1000
      const { caller } = request
      // Admins may delete all jobs, artists their own.
      const jobs = await jobsUpdatedUntil(read, until, caller.role === 'admin' ? undefined : caller.id)
      if (jobs.length === 0) throw new WireError(416, 'no jobs found that were last updated by then', 'last_updated_max')
      for (let i = 0; i < jobs.length; i += DELETIONS_AT_ONCE) {
        await Promise.all(jobs.slice(i, i + DELETIONS_AT_ONCE).map(({ publicId }) => deleteUnlessGone(publicId, caller.actor)))
      }
      return reply.code(204).send()
    },
  )

  async function deleteUnlessGone(jobId: string, actor: string): Promise<void> {
    try {
      await farm.jobs.act(jobId, 'delete', actor)
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error
    }
  }

  app.delete(
    '/jobs/:job_id/blocklist',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'removeJobBlocklist',
        tags: ['jobs'],
        params: JobParams,
        body: JobBlocklist,
        response: { ...NOTHING, ...errors(400, 404) },
      },
    },
    async (request, reply) => {
      const entries = request.body
      if (entries.length === 0) throw new WireError(400, 'the list of entries to remove is empty', 'body')
      const job = await jobToChange(request, request.params.job_id)
      for (const { worker_id, task_type } of entries) await farm.jobs.unblock(job.publicId, id(worker_id), task_type)
      return reply.code(204).send()
    },
  )
}
