/** Operations of the native API: jobs/jobTypes. */
import { Type } from 'typebox'
import { JobTypeSchema, ScriptSource, ScriptCheckInput, ScriptCheck } from '../../schemas/jobs/jobType.ts'
import { Nothing } from '../params.ts'
import { operation } from '../operation.ts'

export const Broken = Type.Object({ file: Type.String(), message: Type.String() })
export const TypeParams = Type.Object({ name: Type.String({ minLength: 1, maxLength: 100 }) })
export const SourceInput = Type.Object({ source: Type.String({ minLength: 1, maxLength: 1_000_000 }) }, { additionalProperties: false })
export const SOURCE_BODY_LIMIT = 4 * 1_048_576

export const listJobTypes = operation({
  method: 'GET',
  url: '/job-types',
  config: { access: 'read' },
  schema: {
    tags: ['job types'],
    operationId: 'listJobTypes',
    summary: 'Job types, and scripts that cannot be loaded',
    response: { 200: Type.Object({ items: Type.Array(JobTypeSchema), broken: Type.Array(Broken) }) },
  },
})

export const getJobType = operation({
  method: 'GET',
  url: '/job-types/:name',
  config: { access: 'read' },
  schema: {
    tags: ['job types'],
    operationId: 'getJobType',
    summary: 'One job type with its settings',
    params: TypeParams,
    response: { 200: JobTypeSchema },
  },
})

export const getJobTypeSource = operation({
  method: 'GET',
  url: '/job-types/:name/source',
  config: { access: 'admin' },
  schema: {
    tags: ['job types'],
    operationId: 'getJobTypeSource',
    summary: 'The script of a job type',
    params: TypeParams,
    response: { 200: ScriptSource },
  },
})

export const putJobTypeSource = operation({
  method: 'PUT',
  url: '/job-types/:name/source',
  bodyLimit: SOURCE_BODY_LIMIT,
  config: { access: 'admin' },
  schema: {
    tags: ['job types'],
    operationId: 'putJobTypeSource',
    summary: 'Save a custom script; refused when it cannot be loaded',
    params: TypeParams,
    body: SourceInput,
    response: { 200: JobTypeSchema },
  },
})

export const checkJobTypeSource = operation({
  method: 'POST',
  url: '/job-types/:name/check',
  bodyLimit: SOURCE_BODY_LIMIT,
  config: { access: 'admin', audit: false },
  schema: {
    tags: ['job types'],
    operationId: 'checkJobTypeSource',
    summary: 'Preview a script and the tasks that it creates from settings; nothing is saved',
    params: TypeParams,
    body: ScriptCheckInput,
    response: { 200: ScriptCheck },
  },
})

export const deleteJobTypeSource = operation({
  method: 'DELETE',
  url: '/job-types/:name/source',
  config: { access: 'admin' },
  schema: {
    tags: ['job types'],
    operationId: 'deleteJobTypeSource',
    summary: 'Remove a custom script; a shipped one with that name becomes active again',
    params: TypeParams,
    response: Nothing,
  },
})
