/** What holds for every connection, plain or encrypted: how long it may be slow or silent, and what is said where no request can be read. */
import type { ServerOptions } from 'node:http'
import type { Socket } from 'node:net'

/** A connection that is silent for this long is closed; a long poll waits at most half of it. */
export const SILENCE_TIMEOUT_MS = 120_000
/** How long requests may take to end when the server closes. */
export const CLOSE_GRACE_MS = 2_000
/** Headers must have come by then: a connection that dribbles them is closed. */
const HEADERS_TIMEOUT_MS = 10_000

export const HTTP_OPTIONS = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  connectionsCheckingInterval: 2_000,
} satisfies ServerOptions

/** What comes before any request exists: broken HTTP, headers too long or too slow. */
export function clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
  const text = { 400: 'Bad Request', 408: 'Request Timeout', 431: 'Request Header Fields Too Large' }[status]
  const code = status === 408 ? 'timeout' : status === 431 ? 'too-large' : 'invalid-input'
  const body = JSON.stringify({ status, code, message: `the request is no valid HTTP: ${text}` })
  socket.end(
    `HTTP/1.1 ${status} ${text}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  )
}
