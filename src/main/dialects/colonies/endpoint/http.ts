/** `POST /api` and `GET /health`: one message a request, whatever its content type. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { HttpError } from '../../../http/errors.ts'
import type { Calls } from '../calls.ts'
import type { Service } from '../service.ts'
import type { BodyBudget } from './budget.ts'
import { MOST_OF_ONE } from './budget.ts'
import { errorEnvelope } from '../wire/envelope.ts'
import { ColoniesError } from '../wire/errors.ts'
import { parseBody } from './bigBodies.ts'

/** A connection that sends nothing for so long is closed, also while a body is on its way. */
const BODY_SILENCE_MS = 30_000

export function httpRoutes(app: FastifyInstance, { service, calls, budget }: { service: Service; calls: Calls; budget: BodyBudget }): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (request, payload, done) => {
    readBody(request, payload, budget).then(
      (body) => done(null, body),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
    )
  })
  const isOn = (): boolean => service.owner.isOn

  app.post(
    '/api',
    { bodyLimit: MOST_OF_ONE + 1, config: { access: 'public', audit: false, anyText: true }, schema: { hide: true } },
    async (request, reply) => {
      if (!isOn()) throw notThere()
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      const { signal, undelivered } = watch(reply)
      reply.type('text/plain; charset=utf-8')
      return calls.answer(await parseBody(body), { signal, onUndelivered: undelivered }).catch((error: unknown) => {
        // An answer of the protocol, whatever its status, and nothing for the log.
        if (!(error instanceof ColoniesError)) throw error
        reply.code(error.statusCode)
        return errorEnvelope({ status: error.statusCode, message: error.message })
      })
    },
  )
  app.get('/health', { config: { access: 'public' }, schema: { hide: true } }, (_request, reply) => {
    if (!isOn()) throw notThere()
    return reply.type('text/plain; charset=utf-8').send('')
  })
}

export function notThere(): HttpError {
  return new HttpError({
    status: 404,
    code: 'not-found',
    message: 'Colonies clients are not answered here; an administrator switches them on in the settings',
  })
}

function readBody(request: FastifyRequest, payload: NodeJS.ReadableStream, budget: BodyBudget): Promise<Buffer> {
  const counted = budget.open(request.socket.remoteAddress ?? '')
  request.raw.socket.setTimeout(BODY_SILENCE_MS)
  // Until the reply has gone: parsed values take more room than the text.
  request.raw.once('close', counted.done)
  const chunks: Buffer[] = []
  // An iterator over the stream would cost more than all of this.
  return new Promise((resolve, reject) => {
    payload.on('data', (bytes: Buffer) => {
      try {
        counted.add(bytes.length)
        chunks.push(bytes)
      } catch (error) {
        payload.removeAllListeners('data')
        payload.pause()
        chunks.length = 0
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    })
    payload.once('error', reject)
    payload.once('close', () => reject(new Error('the connection ended within the request')))
    payload.once('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
  })
}

interface Watched {
  signal: EndSignal
  undelivered(undo: () => Promise<void>): void
}

/** Ends when the client disconnects before its reply has gone. A real AbortSignal for each call would cost microseconds. */
class EndSignal {
  aborted = false
  private readonly listeners = new Set<() => void>()
  addEventListener(_type: 'abort', listener: () => void): void {
    this.listeners.add(listener)
  }
  removeEventListener(_type: 'abort', listener: () => void): void {
    this.listeners.delete(listener)
  }
  abort(): void {
    this.aborted = true
    for (const listener of [...this.listeners]) listener()
    this.listeners.clear()
  }
}

function watch(reply: FastifyReply): Watched {
  const signal = new EndSignal()
  const undos: (() => Promise<void>)[] = []
  // A long poll may be silent for as long as the client asked.
  reply.raw.socket?.setTimeout(0)
  reply.raw.once('close', () => {
    if (reply.raw.writableFinished) return
    signal.abort()
    for (const undo of undos) undo().catch((error: unknown) => reply.log.error({ err: error }, 'cannot undo what a lost reply promised'))
  })
  return { signal, undelivered: (undo) => undos.push(undo) }
}
