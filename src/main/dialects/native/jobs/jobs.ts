/** /jobs: find, submit, change, act. The contents of a job are in jobContents.ts. */
import {
  listJobs,
  groupJobs,
  submitJob,
  checkJob,
  actOnJobs,
  getJob,
  changeJob,
  actOnJob,
  unblockWorker,
} from '../../../../shared/operations/jobs/jobs.ts'
import type { Job } from '../../../../shared/schemas/jobs/job.ts'
import { InvalidInputError, NotFoundError } from '../../../engine/base/errors.ts'
import { mayManage, ownershipOf, type Caller } from '../../../security/accounts/callers.ts'
import { redact } from '../../../security/redaction.ts'
import { viewRules } from '../../../http/shownCommands.ts'
import { shownRules } from '../../../notify/rules.ts'
import { readJob } from '../../../store/queries/jobs/jobDetail.ts'
import { groupsOfJobs, pageOfJobs } from '../../../store/queries/jobs/jobs.ts'
import type { ServerContext } from '../../../http/context.ts'
import { closedSignal, SubmissionKeys } from '../../../http/hooks/idempotencyKeys.ts'
import { withWaits } from './waits.ts'
import { eachOf, requireJob, requireOwnJob, type NativeApp } from '../common.ts'

export function jobRoutes(app: NativeApp, context: ServerContext): void {
  const { farm, submission } = context
  const keys = new SubmissionKeys(context.read, 'native')

  /** The whole current job. @throws NotFoundError when it was purged in the meantime */
  async function whole(jobId: string, caller: Caller): Promise<Job> {
    const key = await requireJob(context, jobId)
    const job = await readJob(context.read, key.id, context.now())
    if (!job) throw new NotFoundError('job', jobId)
    // Callers who may change the job may also submit it again, and need it unredacted.
    const settings = mayManage(caller, job.ownerId) ? job.settings : redact(job.settings, viewRules(context.settings.current()))
    return { ...withWaits(farm, job), settings: settings as Job['settings'], notify: shownRules(job.notify) }
  }

  app.route({
    ...listJobs,
    handler: async (request) => {
      const page = await pageOfJobs(context.read, request.query, context.now())
      return { ...page, items: page.items.map((job) => withWaits(farm, job)) }
    },
  })

  app.route({ ...groupJobs, handler: ({ query: { by, ...filter } }) => groupsOfJobs(context.read, by, filter) })

  app.route({
    ...submitJob,
    handler: async (request, reply) => {
      const input = { ...request.body, origin: 'native' as const, ...ownershipOf(request.caller) }
      const state = await keys.submit(request, reply, (sender) => submission.submit({ ...input, ...sender }))
      request.audited = { kind: 'job', id: state.publicId, detail: { name: request.body.name, type: request.body.type } }
      return reply
        .code(201)
        .header('location', `/api/v1/jobs/${state.publicId}`)
        .send(await whole(state.publicId, request.caller))
    },
  })

  app.route({
    ...checkJob,
    handler: (request, reply) =>
      submission.check({ ...request.body, origin: 'native', ...ownershipOf(request.caller), signal: closedSignal(reply) }),
  })

  app.route({
    ...actOnJobs,
    handler: async (request) => {
      const { ids, action, ...choices } = request.body
      const result = await eachOf(ids, async (id) => {
        await requireOwnJob(context, request, id)
        await farm.jobs.act(id, action, request.caller.actor, choices)
      })
      request.audited = { kind: 'job', ids: result.done, detail: { action } }
      return result
    },
  })

  app.route({ ...getJob, handler: (request) => whole(request.params.jobId, request.caller) })

  app.route({
    ...changeJob,
    handler: async (request) => {
      const { publicId } = await requireOwnJob(context, request, request.params.jobId)
      const { startAfter, ...changes } = request.body
      if (Object.keys(request.body).length === 0) throw new InvalidInputError('', 'no change given; send at least one field')
      await farm.jobs.change(publicId, {
        ...changes,
        ...(startAfter === undefined ? {} : { startAfter: startAfter === null ? null : Date.parse(startAfter) }),
      })
      return whole(publicId, request.caller)
    },
  })

  app.route({
    ...actOnJob,
    handler: async (request) => {
      const { publicId } = await requireOwnJob(context, request, request.params.jobId)
      const { action, ...choices } = request.body
      await farm.jobs.act(publicId, action, request.caller.actor, choices)
      return whole(publicId, request.caller)
    },
  })

  app.route({
    ...unblockWorker,
    handler: async (request, reply) => {
      const { publicId } = await requireOwnJob(context, request, request.params.jobId)
      await farm.jobs.unblock(publicId, request.params.workerId.toLowerCase(), request.params.kind)
      return reply.code(204).send(null)
    },
  })
}
