/** Operations of the native API: jobs/content. */
import { ContentQuestion, Inputs, MissingContent, NewInputs } from '../../schemas/jobs/content.ts'
import { Type } from 'typebox'
import { Nothing } from '../params.ts'
import { operation } from '../operation.ts'

const BlobParams = Type.Object({
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  bytes: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
})
/** 100,000 files with their paths. */
const INPUTS_BODY_LIMIT = 64 * 1_048_576

export const askForContent = operation({
  method: 'POST',
  url: '/content/missing',
  bodyLimit: 4 * 1_048_576,
  config: { access: 'submit', audit: false },
  schema: {
    tags: ['jobs'],
    operationId: 'askForContent',
    summary: 'Which of these files the manager does not have, by their content',
    body: ContentQuestion,
    response: { 200: MissingContent },
  },
})

export const sendContent = operation({
  method: 'PUT',
  url: '/content/:sha256/:bytes',
  config: { access: 'submit', audit: false },
  schema: {
    tags: ['jobs'],
    operationId: 'sendContent',
    summary: 'Send a file for a future job; a broken upload goes on at the offset that /content/missing tells',
    consumes: ['application/octet-stream'],
    params: BlobParams,
    querystring: Type.Object({ offset: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 })) }),
    response: Nothing,
  },
})

export const createInputs = operation({
  method: 'POST',
  url: '/inputs',
  bodyLimit: INPUTS_BODY_LIMIT,
  config: { access: 'submit', auditBody: false },
  schema: {
    tags: ['jobs'],
    operationId: 'createInputs',
    summary: 'Lay out stored files as the input folder of a future job',
    body: NewInputs,
    response: { 201: Inputs },
  },
})
