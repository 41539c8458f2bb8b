/** Operations of the native API: jobs/results. */
import { Results } from '../../schemas/jobs/content.ts'
import { Type } from 'typebox'
import { JobParams } from '../params.ts'
import { operation } from '../operation.ts'

const Ticket = { ticket: Type.Optional(Type.String({ maxLength: 1000 })) }

export const listResults = operation({
  method: 'GET',
  url: '/jobs/:jobId/results',
  config: { access: 'read' },
  schema: {
    tags: ['jobs'],
    operationId: 'listResults',
    summary: 'Files that the job saved, in the order in which they arrived',
    params: JobParams,
    querystring: Type.Object({
      /** `next` of an earlier call. */
      after: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 1000 })),
    }),
    response: { 200: Results },
  },
})

export const getResult = operation({
  method: 'GET',
  url: '/jobs/:jobId/results/file',
  config: { access: 'read', ticket: 'media' },
  schema: {
    tags: ['jobs'],
    operationId: 'getResult',
    summary: 'One of these files',
    params: JobParams,
    querystring: Type.Object({ path: Type.String({ minLength: 1, maxLength: 4096 }), ...Ticket }),
  },
})

export const getResultsZip = operation({
  method: 'GET',
  url: '/jobs/:jobId/results.zip',
  config: { access: 'read', ticket: 'media' },
  schema: {
    tags: ['jobs'],
    operationId: 'getResultsZip',
    summary: 'All of them as one zip file, not compressed',
    params: JobParams,
    querystring: Type.Object(Ticket),
  },
})
