/**
 * What is still on its way when a request is refused. Many clients read a reply only after they have sent everything: a
 * connection that closes under their hands, or is no longer read, costs them the reason of the refusal.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

/** Bodies up to this size lie in the buffers of the connection: nobody waits for them to be read. */
const BUFFERED_BYTES = 65_536
/** How long the rest of a refused body is read; then the connection is closed. */
const DRAIN_MS = 30_000
/** How long somebody unknown may take to send a body. */
const STRANGERS_BODY_MS = 30_000

/** Reads and throws away what refused requests still send, so that their clients come to read the reply. */
export function drainRefused(app: FastifyInstance): void {
  app.addHook('onError', (request, reply, _error, done) => {
    const { raw } = request
    if (!raw.complete && isLarge(raw)) {
      const closes = raw.headers.connection?.toLowerCase() === 'close'
      // With "close", Node would end the connection with the reply, whatever is still being sent.
      reply.header('connection', 'keep-alive')
      reply.raw.once('finish', () => drain(raw, closes))
    }
    done()
  })
}

/** Ends a request whose body dribbles in: those who need not say who they are could hold any number of connections. */
export function limitBodyTime(raw: IncomingMessage, limitMs = STRANGERS_BODY_MS): void {
  const { headers } = raw
  if (headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0') return
  const timer = setTimeout(() => {
    if (!raw.complete) raw.socket.destroy()
  }, limitMs).unref()
  raw.once('close', () => clearTimeout(timer))
}

function isLarge({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > BUFFERED_BYTES
}

/** @param closes whether the client asked for the connection to end with the reply */
function drain(raw: IncomingMessage, closes: boolean): void {
  const { socket } = raw
  const finish = () => {
    clearTimeout(timer)
    if (closes) socket.destroySoon()
  }
  const timer = setTimeout(() => socket.destroy(), DRAIN_MS).unref()
  if (raw.complete || raw.destroyed) return finish()
  raw.once('close', finish)
  // Somebody who gave up reading may have left a listener, which would keep the stream from flowing.
  raw.removeAllListeners('readable')
  raw.on('data', () => undefined)
  raw.resume()
}
