/** Limits for every connection, plain or TLS: how long it may be slow or idle, and the reply when no request can be parsed. */
import type { ServerOptions } from 'node:http'
import type { Socket } from 'node:net'

/** An idle connection is closed after this time; a long poll waits at most half of it. */
export const SILENCE_TIMEOUT_MS = 120_000
/** How long running requests may take when the server closes. */
export const CLOSE_GRACE_MS = 2_000
/** Deadline for the request headers: a connection that sends them too slowly is closed. */
const HEADERS_TIMEOUT_MS = 10_000

export const HTTP_OPTIONS = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  connectionsCheckingInterval: 2_000,
} satisfies ServerOptions

/** Handles errors that occur before a request exists: malformed HTTP, headers that are too long or too slow. */
export function clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
  const text = { 400: 'Bad Request', 408: 'Request Timeout', 431: 'Request Header Fields Too Large' }[status]
  const code = status === 408 ? 'timeout' : status === 431 ? 'too-large' : 'invalid-input'
  const body = JSON.stringify({ status, code, message: `the request is not valid HTTP: ${text}` })
  socket.end(
    `HTTP/1.1 ${status} ${text}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  )
}
