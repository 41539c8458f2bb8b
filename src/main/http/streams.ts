/**
 * Ties a stream that outlives its request to its caller: it counts toward the caller's limit and ends with the caller's
 * token.
 */
import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import type { ServerContext } from './context.ts'

/** WebSocket's policy violation: our clients authenticate again before they reconnect. */
const POLICY_VIOLATION = 1008

type Streams = Pick<ServerContext, 'security'>

/** A preValidation hook: refuses with 429 while the caller has too many open. */
export function assertStreamRoom({ security }: Streams) {
  return (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void => {
    try {
      security.streams.assertRoom(request.caller, addressOf(request))
    } catch (error) {
      return done(error instanceof Error ? error : new Error(String(error)))
    }
    done()
  }
}

/** For routes that wait between that hook and the stream: others may have opened theirs meanwhile. @throws TooManyError */
export function assertStillRoom({ security }: Streams, request: FastifyRequest): void {
  security.streams.assertRoom(request.caller, addressOf(request))
}

export function holdSocket({ security }: Streams, request: FastifyRequest, socket: WebSocket): void {
  const release = security.streams.add(request.caller, addressOf(request), () => {
    socket.close(POLICY_VIOLATION, 'the login or token has ended')
    // A client that does not answer is cut off: nothing more is sent.
    setTimeout(() => socket.terminate(), 1_000).unref()
  })
  socket.on('close', release)
}

export function holdResponse({ security }: Streams, request: FastifyRequest, response: ServerResponse): void {
  const release = security.streams.add(request.caller, addressOf(request), () => response.destroy())
  response.once('close', release)
}

function addressOf(request: FastifyRequest): string {
  return request.raw.socket.remoteAddress ?? ''
}
