/** Operations of the native API: jobs/logs. */
import { AttemptParams } from '../params.ts'
import { LogLinesQuery, LogLines, LogSearchQuery, LogMatches } from '../../schemas/jobs/log.ts'
import { Type } from 'typebox'
import { operation } from '../operation.ts'

export const PlainQuery = Type.Object({
  /** Byte to start at, for callers that cannot send a Range header. */
  from: Type.Optional(Type.Integer({ minimum: 0 })),
  download: Type.Optional(Type.Boolean()),
  ticket: Type.Optional(Type.String({ maxLength: 1000 })),
})
export const FollowQuery = Type.Object({
  from: Type.Optional(Type.Integer({ minimum: 0 })),
  ticket: Type.Optional(Type.String({ maxLength: 1000 })),
})

export const getLog = operation({
  method: 'GET',
  url: '/tasks/:taskId/attempts/:attempt/log',
  config: { access: 'read', ticket: 'media' },
  schema: {
    tags: ['logs'],
    operationId: 'getLog',
    summary: 'The plain log; Range, or `from`, reads a part',
    params: AttemptParams,
    querystring: PlainQuery,
  },
})

export const getLogLines = operation({
  method: 'GET',
  url: '/tasks/:taskId/attempts/:attempt/log/lines',
  config: { access: 'read' },
  schema: {
    tags: ['logs'],
    operationId: 'getLogLines',
    summary: 'Lines with time and stream',
    params: AttemptParams,
    querystring: LogLinesQuery,
    response: { 200: LogLines },
  },
})

export const searchLog = operation({
  method: 'GET',
  url: '/tasks/:taskId/attempts/:attempt/log/search',
  config: { access: 'read' },
  schema: {
    tags: ['logs'],
    operationId: 'searchLog',
    summary: 'Lines that contain a text or match a regular expression',
    params: AttemptParams,
    querystring: LogSearchQuery,
    response: { 200: LogMatches },
  },
})

export const followLog = operation({
  method: 'GET',
  url: '/tasks/:taskId/attempts/:attempt/log/follow',
  config: { access: 'read', ticket: 'media' },
  schema: {
    tags: ['logs'],
    operationId: 'followLog',
    summary: 'Server-sent events: the log from byte `from` on (default: what is new), as it grows',
    params: AttemptParams,
    querystring: FollowQuery,
  },
})
