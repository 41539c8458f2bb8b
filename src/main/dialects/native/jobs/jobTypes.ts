/** /job-types: job types to submit; their scripts, for admins. */
import {
  listJobTypes,
  getJobType,
  getJobTypeSource,
  putJobTypeSource,
  checkJobTypeSource,
  deleteJobTypeSource,
} from '../../../../shared/operations/jobs/jobTypes.ts'
import type { ScriptCheck } from '../../../../shared/schemas/jobs/jobType.ts'
import { firstTasks } from '../../../jobtypes/submission/submission.ts'
import { JobTypeScripts } from '../../../jobtypes/scripts/scripts.ts'
import type { ServerContext } from '../../../http/context.ts'
import { type NativeApp } from '../common.ts'

export function jobTypeRoutes(app: NativeApp, context: ServerContext): void {
  const { jobTypes } = context
  const scripts = new JobTypeScripts(context.paths.scripts, jobTypes)

  app.route({ ...listJobTypes, handler: async () => ({ items: await jobTypes.list(), broken: await jobTypes.broken() }) })

  app.route({ ...getJobType, handler: ({ params }) => jobTypes.get(params.name) })

  app.route({ ...getJobTypeSource, handler: ({ params }) => scripts.read(params.name) })

  app.route({
    ...putJobTypeSource,
    handler: async (request) => {
      request.audited = { detail: { chars: request.body.source.length } }
      return scripts.save(request.params.name, request.body.source)
    },
  })

  app.route({
    ...checkJobTypeSource,
    handler: async ({ params, body }): Promise<ScriptCheck> => {
      const { type, compiled } = await scripts.check(params.name, body.source, body.settings, context.now())
      return { type, taskCount: compiled?.taskCount ?? null, tasks: compiled ? firstTasks(compiled) : [] }
    },
  })

  app.route({
    ...deleteJobTypeSource,
    handler: async ({ params }, reply) => {
      await scripts.remove(params.name)
      return reply.code(204).send(null)
    },
  })
}
