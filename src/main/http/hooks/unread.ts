/**
 * Handles the unread rest of a rejected request. Many clients read a reply only after they have sent everything: when
 * the connection closes while they send, or is no longer read, they never learn the reason.
 */
import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** Bodies up to this size fit in the connection's buffers, so the client does not wait for them to be read. */
const BUFFERED_BYTES = 65_536
/** How long the rest of a rejected body is read before the connection is closed. */
const DRAIN_MS = 30_000
/** How long an unauthenticated caller may take to send a body. */
const STRANGERS_BODY_MS = 30_000

/** Reads and discards what rejected requests still send, so that their clients get to read the reply. */
export function drainRefused(app: FastifyInstance, limitMs = DRAIN_MS): void {
  app.addHook('onError', (request, reply, _error, done) => {
    const { raw } = request
    if (!raw.complete && isLarge(raw)) {
      const closes = raw.headers.connection?.toLowerCase() === 'close'
      // With "close", Node would end the connection with the reply, even while the client is still sending.
      reply.header('connection', 'keep-alive')
      reply.raw.once('finish', () => drain(raw, closes, limitMs))
    }
    done()
  })
}

/** Ends a request whose body arrives too slowly: otherwise callers without credentials could hold any number of connections. */
export function limitBodyTime(raw: IncomingMessage, limitMs = STRANGERS_BODY_MS): void {
  const { headers } = raw
  if (headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0') return
  const timer = setTimeout(() => {
    if (!raw.complete) raw.destroy()
  }, limitMs).unref()
  raw.once('close', () => clearTimeout(timer))
}

function isLarge({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > BUFFERED_BYTES
}

/** @param closes whether the client asked to close the connection after the reply */
function drain(raw: IncomingMessage, closes: boolean, limitMs: number): void {
  const { socket } = raw
  const finish = () => {
    clearTimeout(timer)
    // A request that the manager sends to itself has no connection.
    if (closes && socket instanceof Socket) socket.destroySoon()
  }
  const timer = setTimeout(() => raw.destroy(), limitMs).unref()
  if (raw.complete || raw.destroyed) return finish()
  raw.once('close', finish)
  // A reader that stopped may have left a listener, which would keep the stream from flowing.
  raw.removeAllListeners('readable')
  raw.on('data', () => undefined)
  raw.resume()
}
