/** Submitting, listing and reading jobs (§1.4). */
import type { FastifyRequest } from 'fastify'
import { InvalidInputError, NotFoundError } from '../../../engine/base/errors.ts'
import { assertCheckoutPath } from '../../../files/shaman/paths.ts'
import type { SubmissionInput } from '../../../jobtypes/submission/submission.ts'
import { ownershipOf } from '../../../security/accounts/callers.ts'
import { blocklist, findJob, JOB_ORDER_COLUMNS, jobFacts, lastRenderedJob, listJobs, listTasks, searchJobs } from '../store/queries.ts'
import type { ApiContext } from '../../../http/context.ts'
import { closedSignal, SubmissionKeys } from '../../../http/hooks/idempotencyKeys.ts'
import { WireError } from '../errors.ts'
import { lastRenderedInfo } from '../jobFiles.ts'
import { errors, id, JobParams, needJob, NOTHING, sendJson, sendJsonList, type TypedApp } from '../routeSupport.ts'
import { Job, JobBlocklist, JobLastRenderedImageInfo, JobsQuery, JobsQueryResult, JobTasksSummary, SubmittedJob } from '../schemas/jobs.ts'

/** Settings may contain long lists; no real job is larger than this. */
const SUBMISSION_LIMIT = 32 * 1024 * 1024
const MAX_ORDER_COLUMNS = 2

export function jobRoutes(app: TypedApp, context: ApiContext): void {
  const { read, lastRendered } = context
  const keys = new SubmissionKeys(read, 'flamenco')

  app.get(
    '/jobs',
    { config: { access: 'read' }, schema: { operationId: 'fetchJobs', tags: ['jobs'], response: { 200: JobsQueryResult } } },
    async (_request, reply) => {
      await sendJsonList(reply, '{"jobs":[', listJobs(read), ']}')
      return reply
    },
  )

  app.post(
    '/jobs/query',
    {
      config: { access: 'read' },
      schema: { operationId: 'queryJobs', tags: ['jobs'], body: JobsQuery, response: { 200: JobsQueryResult, ...errors(400) } },
    },
    async ({ body }, reply) => {
      const jobs = await searchJobs(read, {
        statuses: body.status_in,
        metadata: body.metadata ?? {},
        settings: body.settings ?? {},
        order: orderOf(body.order_by ?? []),
        offset: body.offset ?? 0,
        limit: body.limit ?? -1,
      })
      sendJson(reply, `{"jobs":[${jobs}]}`)
      return reply
    },
  )

  app.post(
    '/jobs',
    {
      config: { access: 'submit', openToLan: true },
      bodyLimit: SUBMISSION_LIMIT,
      schema: { operationId: 'submitJob', tags: ['jobs'], body: SubmittedJob, response: { 200: Job, ...errors(400, 412) } },
    },
    async (request, reply) => {
      const input = submissionOf(request.body, request, context)
      const job = await translated(() => keys.submit(request, reply, (sender) => context.submission.submit({ ...input, ...sender })))
      request.audited = { kind: 'job', id: job.publicId, detail: { name: input.name, type: input.type } }
      sendJson(reply, (await findJob(read, job.publicId)) ?? '{}')
      return reply
    },
  )

  app.post(
    '/jobs/check',
    {
      config: { access: 'submit', openToLan: true },
      bodyLimit: SUBMISSION_LIMIT,
      schema: { operationId: 'submitJobCheck', tags: ['jobs'], body: SubmittedJob, response: { ...NOTHING, ...errors(400, 412) } },
    },
    async (request, reply) => {
      const input = submissionOf(request.body, request, context)
      await translated(() => context.submission.check({ ...input, signal: closedSignal(reply) }))
      return reply.code(204).send()
    },
  )

  app.get(
    '/jobs/last-rendered',
    {
      config: { access: 'read' },
      schema: { operationId: 'fetchGlobalLastRenderedInfo', tags: ['jobs'], response: { 200: JobLastRenderedImageInfo, ...NOTHING } },
    },
    async (_request, reply) => {
      const jobId = await lastRenderedJob(read)
      if (jobId === undefined || !(await lastRendered.has(jobId))) return reply.code(204).send()
      return reply.send(lastRenderedInfo(jobId))
    },
  )

  app.get(
    '/jobs/:job_id',
    {
      config: { access: 'read' },
      schema: { operationId: 'fetchJob', tags: ['jobs'], params: JobParams, response: { 200: Job, ...errors(400, 404) } },
    },
    async (request, reply) => {
      const job = await findJob(read, id(request.params.job_id))
      if (job === undefined) throw new WireError(404, 'no such job')
      sendJson(reply, job)
      return reply
    },
  )

  app.get(
    '/jobs/:job_id/tasks',
    {
      config: { access: 'read' },
      schema: { operationId: 'fetchJobTasks', tags: ['jobs'], params: JobParams, response: { 200: JobTasksSummary, ...errors(400) } },
    },
    async (request, reply) => {
      await sendJsonList(reply, '{"tasks":[', listTasks(read, id(request.params.job_id)), ']}')
      return reply
    },
  )

  app.get(
    '/jobs/:job_id/blocklist',
    {
      config: { access: 'read' },
      schema: { operationId: 'fetchJobBlocklist', tags: ['jobs'], params: JobParams, response: { 200: JobBlocklist, ...errors(400, 404) } },
    },
    async (request) => {
      const job = await needJob(read, request.params.job_id)
      return blocklist(read, job.publicId)
    },
  )

  app.get(
    '/jobs/:job_id/last-rendered',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'fetchJobLastRenderedInfo',
        tags: ['jobs'],
        params: JobParams,
        response: { 200: JobLastRenderedImageInfo, ...NOTHING, ...errors(400) },
      },
    },
    async (request, reply) => {
      const job = await jobFacts(read, id(request.params.job_id))
      if (!job || !(await lastRendered.has(job.publicId))) return reply.code(204).send()
      return reply.send(lastRenderedInfo(job.publicId))
    },
  )
}

/** The submission in the farm's terms. @throws InvalidInputError */
function submissionOf(job: SubmittedJob, request: Pick<FastifyRequest, 'caller'>, { farm }: ApiContext): SubmissionInput {
  const checkoutId = job.storage?.shaman_checkout_id || undefined
  // The checkout is erased with the job, so it must be a proper path below the checkouts.
  if (checkoutId !== undefined) checkCheckoutId(checkoutId)
  const tag = job.worker_tag ? id(job.worker_tag) : undefined
  if (tag !== undefined && !farm.tags.all().some(({ publicId }) => publicId === tag)) {
    throw new InvalidInputError('worker_tag', `worker_tag "${job.worker_tag}" is not a tag of this farm`)
  }
  if (job.initial_status === 'under-construction') {
    throw new InvalidInputError('initial_status', 'initial_status cannot be "under-construction": a job is complete when it is submitted')
  }
  return {
    origin: 'flamenco',
    lenient: true,
    ...ownershipOf(request.caller),
    name: job.name,
    type: job.type,
    typeEtag: job.type_etag || undefined,
    settings: job.settings ?? {},
    metadata: job.metadata ?? {},
    priority: job.priority,
    tag,
    submitterPlatform: job.submitter_platform,
    checkoutId,
    initialStatus: job.initial_status,
    // §3.4: a task without any eligible worker fails the whole job.
    policy: { failJobWhenNobodyLeft: true },
  }
}

function checkCheckoutId(checkoutId: string): void {
  try {
    assertCheckoutPath(checkoutId)
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace('checkoutPath', 'shaman_checkout_id') : ''
    throw new InvalidInputError('storage/shaman_checkout_id', reason)
  }
}

/** An unknown job type is 400 here, with the original's text. */
async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof NotFoundError) throw new WireError(400, 'job type unknown', 'type')
    throw error
  }
}

/** `["-priority", "created"]` as columns. @throws InvalidInputError */
function orderOf(names: NonNullable<JobsQuery['order_by']>): { column: string; descending: boolean }[] {
  if (names.length > MAX_ORDER_COLUMNS) throw new InvalidInputError('order_by', `order_by may name at most ${MAX_ORDER_COLUMNS} columns`)
  return names.map((name) => {
    const descending = name.startsWith('-')
    const key = descending ? name.slice(1) : name
    const column = Object.hasOwn(JOB_ORDER_COLUMNS, key) ? JOB_ORDER_COLUMNS[key] : undefined
    if (column === undefined)
      throw new InvalidInputError(
        'order_by',
        `order_by: "${name}" is not one of ${Object.keys(JOB_ORDER_COLUMNS).join(', ')} (with - for descending)`,
      )
    return { column, descending }
  })
}
