/** /job-types: what can be submitted; their scripts, for admins. */
import { Type } from 'typebox'
import { JobTypeSchema, ScriptCheck, ScriptCheckInput, ScriptSource } from '../../../shared/schemas/jobType.ts'
import { firstTasks } from '../../jobtypes/submission.ts'
import { JobTypeScripts } from '../../jobtypes/scripts.ts'
import type { ServerContext } from '../context.ts'
import { Nothing, type NativeApp } from './common.ts'

const tags = ['job types']
const Broken = Type.Object({ file: Type.String(), message: Type.String() })
const TypeParams = Type.Object({ name: Type.String({ minLength: 1, maxLength: 100 }) })
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
      schema: {
        tags,
        operationId: 'getJobTypeSource',
        summary: 'The script of a job type',
        params: TypeParams,
        response: { 200: ScriptSource },
      },
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

  app.post(
    '/job-types/:name/check',
    {
      bodyLimit: SOURCE_BODY_LIMIT,
      config: { access: 'admin', audit: false },
      schema: {
        tags,
        operationId: 'checkJobTypeSource',
        summary: 'What a script would be, and what it would make of settings; nothing is saved',
        params: TypeParams,
        body: ScriptCheckInput,
        response: { 200: ScriptCheck },
      },
    },
    async ({ params, body }): Promise<ScriptCheck> => {
      const { type, compiled } = await scripts.check(params.name, body.source, body.settings, context.now())
      return { type, taskCount: compiled?.taskCount ?? null, tasks: compiled ? firstTasks(compiled) : [] }
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
