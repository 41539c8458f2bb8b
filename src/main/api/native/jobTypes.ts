/** /job-types: what can be submitted; their scripts, for admins. */
import { Type } from 'typebox'
import { JobTypeSchema } from '../../../shared/schemas/jobType.ts'
import { JobTypeScripts } from '../../jobtypes/scripts.ts'
import type { ServerContext } from '../server.ts'
import { Nothing, type NativeApp } from './common.ts'

const tags = ['job types']
const Broken = Type.Object({ file: Type.String(), message: Type.String() })
const TypeParams = Type.Object({ name: Type.String({ minLength: 1, maxLength: 100 }) })
const Source = Type.Object({
  source: Type.String(),
  /** True: it came with the program; saving makes a copy of one's own that takes its place. */
  shipped: Type.Boolean(),
})
const SourceInput = Type.Object({ source: Type.String({ minLength: 1, maxLength: 1_000_000 }) }, { additionalProperties: false })
const SOURCE_BODY_LIMIT = 4 * 1_048_576

export function jobTypeRoutes(app: NativeApp, context: ServerContext): void {
  const { jobTypes } = context
  const scripts = new JobTypeScripts(context.paths.scripts, jobTypes)

  app.get(
    '/job-types',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'listJobTypes',
        summary: 'What can be submitted, and scripts that cannot be used',
        response: { 200: Type.Object({ items: Type.Array(JobTypeSchema), broken: Type.Array(Broken) }) },
      },
    },
    async () => ({ items: await jobTypes.list(), broken: await jobTypes.broken() }),
  )

  app.get(
    '/job-types/:name',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'getJobType',
        summary: 'One job type with its settings',
        params: TypeParams,
        response: { 200: JobTypeSchema },
      },
    },
    ({ params }) => jobTypes.get(params.name),
  )

  app.get(
    '/job-types/:name/source',
    {
      config: { access: 'admin' },
      schema: { tags, operationId: 'getJobTypeSource', summary: 'The script of a job type', params: TypeParams, response: { 200: Source } },
    },
    ({ params }) => scripts.read(params.name),
  )

  app.put(
    '/job-types/:name/source',
    {
      bodyLimit: SOURCE_BODY_LIMIT,
      config: { access: 'admin' },
      schema: {
        tags,
        operationId: 'putJobTypeSource',
        summary: "Save a script of one's own; refused when it cannot be loaded",
        params: TypeParams,
        body: SourceInput,
        response: { 200: JobTypeSchema },
      },
    },
    async (request) => {
      request.audited = { detail: { chars: request.body.source.length } }
      return scripts.save(request.params.name, request.body.source)
    },
  )

  app.delete(
    '/job-types/:name/source',
    {
      config: { access: 'admin' },
      schema: {
        tags,
        operationId: 'deleteJobTypeSource',
        summary: "Remove a script of one's own; a shipped one of that name counts again",
        params: TypeParams,
        response: Nothing,
      },
    },
    async ({ params }, reply) => {
      await scripts.remove(params.name)
      return reply.code(204).send(null)
    },
  )
}
