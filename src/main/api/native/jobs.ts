/** /jobs: find, submit, change, act. What is inside a job is in jobContents.ts. */
import { Type } from 'typebox'
import {
  BulkJobAction,
  DryRun,
  Job,
  JobActionInput,
  JobGroupQuery,
  JobGroups,
  JobPatch,
  JobQuery,
  JobSummary,
  NewJob,
} from '../../../shared/schemas/job.ts'
import { Id, pageOf } from '../../../shared/schemas/common.ts'
import { BulkResult } from '../../../shared/schemas/farm.ts'
import { InvalidInputError, NotFoundError } from '../../engine/errors.ts'
import { shownRules } from '../../notify/rules.ts'
import { readJob } from '../../store/queries/jobDetail.ts'
import { groupsOfJobs, pageOfJobs } from '../../store/queries/jobs.ts'
import type { ServerContext } from '../context.ts'
import { eachOf, JobParams, Nothing, requireJob, requireOwnJob, type NativeApp } from './common.ts'

const tags = ['jobs']
/** Settings of a job may be long lists. */
const SUBMIT_BODY_LIMIT = 8 * 1_048_576

export function jobRoutes(app: NativeApp, context: ServerContext): void {
  const { farm, submission } = context

  /** The whole job as it is now. @throws NotFoundError when it was purged meanwhile */
  async function whole(jobId: string): Promise<Job> {
    const key = await requireJob(context, jobId)
    const job = await readJob(context.read, key.id, context.now())
    if (!job) throw new NotFoundError('job', jobId)
    return { ...job, notify: shownRules(job.notify) }
  }

  app.get(
    '/jobs',
    {
      config: { access: 'read' },
      schema: { tags, operationId: 'listJobs', summary: 'A page of jobs', querystring: JobQuery, response: { 200: pageOf(JobSummary) } },
    },
    (request) => pageOfJobs(context.read, request.query, context.now()),
  )

  app.get(
    '/jobs/groups',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'groupJobs',
        summary: 'How many jobs have which value',
        querystring: JobGroupQuery,
        response: { 200: JobGroups },
      },
    },
    ({ query: { by, ...filter } }) => groupsOfJobs(context.read, by, filter),
  )

  app.post(
    '/jobs',
    {
      bodyLimit: SUBMIT_BODY_LIMIT,
      config: { access: 'submit' },
      schema: { tags, operationId: 'submitJob', summary: 'Submit a job', body: NewJob, response: { 201: Job } },
    },
    async (request, reply) => {
      const state = await submission.submit({ ...request.body, origin: 'native', owner: request.caller.actor })
      request.audited = { kind: 'job', id: state.publicId, detail: { name: request.body.name, type: request.body.type } }
      return reply
        .code(201)
        .header('location', `/api/v1/jobs/${state.publicId}`)
        .send(await whole(state.publicId))
    },
  )

  app.post(
    '/jobs/check',
    {
      bodyLimit: SUBMIT_BODY_LIMIT,
      config: { access: 'submit', audit: false },
      schema: {
        tags,
        operationId: 'checkJob',
        summary: 'What a job would become; nothing is stored',
        body: NewJob,
        response: { 200: DryRun },
      },
    },
    (request) => submission.check({ ...request.body, origin: 'native', owner: request.caller.actor }),
  )

  app.post(
    '/jobs/actions',
    {
      config: { access: 'manage' },
      schema: { tags, operationId: 'actOnJobs', summary: 'Do the same with many jobs', body: BulkJobAction, response: { 200: BulkResult } },
    },
    async (request) => {
      const { ids, action } = request.body
      const result = await eachOf(ids, async (id) => {
        await requireOwnJob(context, request, id)
        await farm.actOnJob(id, action, request.caller.actor)
      })
      request.audited = { kind: 'job', ids: result.done, detail: { action } }
      return result
    },
  )

  app.get(
    '/jobs/:jobId',
    { config: { access: 'read' }, schema: { tags, operationId: 'getJob', summary: 'One job', params: JobParams, response: { 200: Job } } },
    (request) => whole(request.params.jobId),
  )

  app.patch(
    '/jobs/:jobId',
    {
      config: { access: 'manage' },
      schema: {
        tags,
        operationId: 'changeJob',
        summary: 'Change what may change while a job lives',
        params: JobParams,
        body: JobPatch,
        response: { 200: Job },
      },
    },
    async (request) => {
      const { publicId } = await requireOwnJob(context, request, request.params.jobId)
      const { startAfter, ...changes } = request.body
      if (Object.keys(request.body).length === 0) throw new InvalidInputError('', 'nothing to change was named')
      await farm.changeJob(publicId, {
        ...changes,
        ...(startAfter === undefined ? {} : { startAfter: startAfter === null ? null : Date.parse(startAfter) }),
      })
      return whole(publicId)
    },
  )

  app.post(
    '/jobs/:jobId/actions',
    {
      config: { access: 'manage' },
      schema: {
        tags,
        operationId: 'actOnJob',
        summary: 'Pause, resume, cancel, requeue, delete or bring back a job',
        params: JobParams,
        body: JobActionInput,
        response: { 200: Job },
      },
    },
    async (request) => {
      const { publicId } = await requireOwnJob(context, request, request.params.jobId)
      await farm.actOnJob(publicId, request.body.action, request.caller.actor)
      return whole(publicId)
    },
  )

  app.delete(
    '/jobs/:jobId/blocklist/:workerId/:kind',
    {
      config: { access: 'manage' },
      schema: {
        tags,
        operationId: 'unblockWorker',
        summary: 'Let a worker try this kind of task of the job again',
        params: Type.Object({ jobId: Id, workerId: Id, kind: Type.String({ minLength: 1, maxLength: 100 }) }),
        response: Nothing,
      },
    },
    async (request, reply) => {
      const { publicId } = await requireOwnJob(context, request, request.params.jobId)
      await farm.unblockWorker(publicId, request.params.workerId.toLowerCase(), request.params.kind)
      return reply.code(204).send(null)
    },
  )
}
