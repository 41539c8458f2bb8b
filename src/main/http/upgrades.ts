/**
 * Requests with an Upgrade header. WebSockets go to their routes. Any other upgrade is an offer that HTTP lets a server
 * ignore. Some clients make one with every first request (Java offers HTTP/2), so those requests are answered as if the
 * header were absent: Node hands over the bare socket, and gets it back without the header.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { HttpError } from './errors.ts'
import { hooksOf } from './routeHooks.ts'

const OFFER_HEADERS = new Set(['upgrade', 'connection', 'http2-settings'])

/** The shape of the event's listeners. */
export type UpgradeListener = (request: IncomingMessage, socket: Socket, head: Buffer) => void

/** Call it after the WebSocket plugin is registered and before routes are. */
export function installUpgrades(app: FastifyInstance): void {
  app.addHook('onReady', (done) => {
    const { server } = app
    // The plugin's listener has the event's type.
    const listeners = server.listeners('upgrade') as UpgradeListener[]
    server.removeAllListeners('upgrade')
    // The TLS server uses this listener unchanged: `this` is the server that the socket came from.
    server.on('upgrade', function (this: Server, request: IncomingMessage, socket: Socket, head: Buffer) {
      if (isWebSocket(request)) for (const listener of listeners) listener(request, socket, head)
      else handBack(this, request, socket, head)
    })
    done()
  })
  app.addHook('onRoute', (route) => {
    if (route.websocket || route.wsHandler) return
    route.onRequest = [
      ...hooksOf(route.onRequest),
      (request, _reply, done) => {
        const refused = request.raw.headers.upgrade !== undefined && isWebSocket(request.raw)
        done(refused ? new HttpError({ status: 400, code: 'invalid-input', message: 'no WebSocket at this address' }) : undefined)
      },
    ]
  })
}

/**
 * Node no longer manages a socket that it handed over for an upgrade: when the upgrade is refused, the socket ends with
 * the reply.
 */
export function endAfterReply(request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => request.socket.destroySoon())
}

/** Refuses an upgrade with 404: nothing at this address of this port takes one. */
export function refuseUpgrade(socket: Socket): void {
  // Node has taken its listeners from the socket. Without one, a client that resets the connection would end the process.
  socket.on('error', () => socket.destroy())
  socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n')
}

function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

/** Writes the request's head again in front of what follows it, and lets the server read it as a new connection. */
function handBack(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`]
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] ?? ''
    if (!OFFER_HEADERS.has(name.toLowerCase())) lines.push(`${name}: ${request.rawHeaders[i + 1] ?? ''}`)
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
}
