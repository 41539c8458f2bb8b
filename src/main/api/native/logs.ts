/** …/attempts/{attempt}/log: the plain log with byte ranges, its lines with times, search, and following it as it grows. */
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { LogLines, LogLinesQuery, LogMatches, LogSearchQuery } from '../../../shared/schemas/log.ts'
import { NotFoundError, TooManyError } from '../../engine/errors.ts'
import { searchLog } from '../../files/logSearch.ts'
import { time } from '../../store/queries/format.ts'
import { RangeNotSatisfiableError } from '../errors.ts'
import type { ServerContext } from '../context.ts'
import { AttemptParams, type NativeApp } from './common.ts'
import { followLog } from './logFollow.ts'
import { parseRange } from './range.ts'
import { userContentHeaders } from './userContent.ts'

const tags = ['logs']
/** Bytes that are read at once while a log is sent. */
const PIECE_BYTES = 262_144
/** Searches and followers at once; each costs a thread or a listener. */
const MAX_SEARCHES = 4
const MAX_FOLLOWERS = 200

const PlainQuery = Type.Object({
  /** Byte to start at, for callers that cannot send a Range header. */
  from: Type.Optional(Type.Integer({ minimum: 0 })),
  download: Type.Optional(Type.Boolean()),
  ticket: Type.Optional(Type.String({ maxLength: 1000 })),
})
const FollowQuery = Type.Object({
  from: Type.Optional(Type.Integer({ minimum: 0 })),
  ticket: Type.Optional(Type.String({ maxLength: 1000 })),
})

export function logRoutes(app: NativeApp, context: ServerContext): void {
  const { logs } = context
  let searches = 0
  let followers = 0

  async function requireLog({
    taskId,
    attempt,
  }: AttemptParams): Promise<{ taskId: string; attempt: number; bytes: number; lines: number }> {
    const info = await logs.info(taskId.toLowerCase(), attempt)
    if (!info) throw new NotFoundError('attempt', `${taskId}/${attempt}`)
    return { taskId: taskId.toLowerCase(), attempt, ...info }
  }

  app.get(
    '/tasks/:taskId/attempts/:attempt/log',
    {
      config: { access: 'read', ticket: 'media' },
      schema: {
        tags,
        operationId: 'getLog',
        summary: 'The plain log; Range, or `from`, reads a part',
        params: AttemptParams,
        querystring: PlainQuery,
      },
    },
    async (request, reply) => {
      const log = await requireLog(request.params)
      const range = parseRange(request.headers.range, log.bytes)
      if (range === 'unsatisfiable') throw new RangeNotSatisfiableError(log.bytes)
      const start = range?.start ?? Math.min(request.query.from ?? 0, log.bytes)
      const end = range?.end ?? log.bytes
      reply
        .headers(userContentHeaders('text/plain; charset=utf-8'))
        .headers({ 'accept-ranges': 'bytes', 'cache-control': 'no-store', 'content-length': end - start })
      if (request.query.download) reply.header('content-disposition', `attachment; filename="${log.taskId}-${log.attempt}.log"`)
      if (range) reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${log.bytes}`)
      return reply.send(Readable.from(pieces(log.taskId, log.attempt, start, end), { objectMode: false }))
    },
  )

  async function* pieces(taskId: string, attempt: number, start: number, end: number): AsyncGenerator<Buffer> {
    for (let at = start; at < end;) {
      const piece = await logs.read(taskId, attempt, at, Math.min(PIECE_BYTES, end - at))
      if (piece.length === 0) return
      at += piece.length
      yield piece
    }
  }

  app.get(
    '/tasks/:taskId/attempts/:attempt/log/lines',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'getLogLines',
        summary: 'Lines with time and stream',
        params: AttemptParams,
        querystring: LogLinesQuery,
        response: { 200: LogLines },
      },
    },
    async ({ params, query }) => {
      const log = await requireLog(params)
      const first = Math.min(query.from ?? 0, log.lines)
      const lines = await logs.lines(log.taskId, log.attempt, first, query.count ?? 1_000)
      return { first, total: log.lines, lines: lines.map((line) => ({ ...line, at: time(line.at) })) }
    },
  )

  app.get(
    '/tasks/:taskId/attempts/:attempt/log/search',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'searchLog',
        summary: 'Lines that contain a text or match a regular expression',
        params: AttemptParams,
        querystring: LogSearchQuery,
        response: { 200: LogMatches },
      },
    },
    async ({ params, query }) => {
      const log = await requireLog(params)
      if (searches >= MAX_SEARCHES) throw new TooManyError('too many searches at once; try again in a moment')
      searches++
      try {
        return await searchLog(logs, log, query)
      } finally {
        searches--
      }
    },
  )

  app.get(
    '/tasks/:taskId/attempts/:attempt/log/follow',
    {
      config: { access: 'read', ticket: 'media' },
      schema: {
        tags,
        operationId: 'followLog',
        summary: 'Server-sent events: the log from byte `from` on (default: what is new), as it grows',
        params: AttemptParams,
        querystring: FollowQuery,
      },
    },
    async (request, reply) => {
      const log = await requireLog(request.params)
      if (followers >= MAX_FOLLOWERS) throw new TooManyError('too many followers at once')
      followers++
      // The reply is written by the follower from here on.
      reply.hijack()
      void followLog(context, { ...log, from: request.query.from ?? log.bytes }, reply.raw).finally(() => followers--)
    },
  )
}
