/** …/attempts/{attempt}/log: the plain log with byte ranges, its lines with times, search, and following it as it grows. */
import {
  getLog,
  getLogLines,
  searchLog as searchLogOperation,
  followLog as followLogOperation,
} from '../../../../shared/operations/jobs/logs.ts'
import { Readable } from 'node:stream'
import { NotFoundError, TooManyError } from '../../../engine/base/errors.ts'
import { searchLog } from '../../../logs/logSearch.ts'
import { time } from '../../../store/queries/format.ts'
import { RangeNotSatisfiableError } from '../../../http/errors.ts'
import type { ServerContext } from '../../../http/context.ts'
import type { AttemptParams } from '../../../../shared/operations/params.ts'
import type { NativeApp } from '../common.ts'
import { assertStillRoom, assertStreamRoom, holdResponse } from '../../../http/streams.ts'
import { followLog } from './logFollow.ts'
import { parseRange } from './range.ts'
import { userContentHeaders } from './userContent.ts'

/** Bytes per read while a log is sent. */
const PIECE_BYTES = 262_144
/** Concurrent searches, each of which costs a thread: of one caller, and of all. */
const SEARCHES_PER_CALLER = 2
const MAX_SEARCHES = 8

export function logRoutes(app: NativeApp, context: ServerContext): void {
  const { logs } = context
  const searches = new Map<string, number>()

  async function requireLog({
    taskId,
    attempt,
  }: AttemptParams): Promise<{ taskId: string; attempt: number; bytes: number; lines: number }> {
    const info = await logs.info(taskId.toLowerCase(), attempt)
    if (!info) throw new NotFoundError('attempt', `${taskId}/${attempt}`)
    return { taskId: taskId.toLowerCase(), attempt, ...info }
  }

  app.route({
    ...getLog,
    handler: async (request, reply) => {
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
  })

  async function* pieces(taskId: string, attempt: number, start: number, end: number): AsyncGenerator<Buffer> {
    for (let at = start; at < end;) {
      const piece = await logs.read(taskId, attempt, at, Math.min(PIECE_BYTES, end - at))
      if (piece.length === 0) return
      at += piece.length
      yield piece
    }
  }

  app.route({
    ...getLogLines,
    handler: async ({ params, query }) => {
      const log = await requireLog(params)
      const first = Math.min(query.from ?? 0, log.lines)
      const lines = await logs.lines(log.taskId, log.attempt, first, query.count ?? 1_000)
      return { first, total: log.lines, lines: lines.map((line) => ({ ...line, at: time(line.at) })) }
    },
  })

  app.route({
    ...searchLogOperation,
    handler: async ({ params, query, caller }) => {
      const log = await requireLog(params)
      const account = caller.token?.account ?? caller.id
      const own = searches.get(account) ?? 0
      const all = [...searches.values()].reduce((sum, each) => sum + each, 0)
      if (own >= SEARCHES_PER_CALLER || all >= MAX_SEARCHES) throw new TooManyError('too many searches are running; try again in a moment')
      searches.set(account, own + 1)
      try {
        return await searchLog(logs, log, query)
      } finally {
        const left = (searches.get(account) ?? 1) - 1
        if (left > 0) searches.set(account, left)
        else searches.delete(account)
      }
    },
  })

  app.route({
    ...followLogOperation,
    preHandler: assertStreamRoom(context),
    handler: async (request, reply) => {
      const log = await requireLog(request.params)
      assertStillRoom(context, request)
      // From here on, the follower writes the reply.
      reply.hijack()
      holdResponse(context, request, reply.raw)
      void followLog(context, { ...log, from: request.query.from ?? log.bytes }, reply.raw)
    },
  })
}
