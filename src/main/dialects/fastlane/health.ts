/** Health (protocol 2.1): the original's two stores correspond to the database's readers and its writer. */
import type { FastifyReply } from 'fastify'
import type { ApiContext } from '../../http/context.ts'
import { sendJson } from './support.ts'

/** A slower answer counts as unhealthy. */
const PATIENCE_MS = 5_000

export async function sendHealth(context: ApiContext, reply: FastifyReply): Promise<FastifyReply> {
  const [mongo, redis] = await Promise.all([
    problemOf(() => context.read.get('select 1')),
    problemOf(() => context.writer.exclusive((tx) => tx.get('select 1'))),
  ])
  const errors = [
    ...(redis === undefined ? [] : [{ source: 'redis', message: `Connection to redis failed (error: ${redis}).` }]),
    ...(mongo === undefined ? [] : [{ source: 'mongo', message: mongo }]),
  ]
  return sendJson(reply.code(errors.length === 0 ? 200 : 500), { errors, mongo: mongo === undefined, redis: redis === undefined })
}

async function problemOf(check: () => Promise<unknown>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('no answer in time'), PATIENCE_MS)
  })
  try {
    return await Promise.race([
      tooLong,
      check().then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      ),
    ])
  } finally {
    clearTimeout(timer)
  }
}
