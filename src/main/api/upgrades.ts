/**
 * Requests with an Upgrade header. WebSockets go to their routes. Anything else is an offer that HTTP lets a server
 * ignore, and some clients make it with every first request (Java's offers HTTP/2), so those are answered as if the
 * header were not there: Node hands the bare socket over, and it gets it back with the header taken out.
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

/** To be called after the WebSocket plugin has been registered and before routes are. */
export function installUpgrades(app: FastifyInstance): void {
  app.addHook('onReady', (done) => {
    const { server } = app
    // What the plugin listens with is the event's.
    const listeners = server.listeners('upgrade') as UpgradeListener[]
    server.removeAllListeners('upgrade')
    // The encrypted door's server takes this listener as it is: `this` is the one that the socket came from.
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
        done(refused ? new HttpError({ status: 400, code: 'invalid-input', message: 'there is no WebSocket at this address' }) : undefined)
      },
    ]
  })
}

/** A socket that Node handed over for an upgrade is nobody's when the upgrade is refused: it ends with the reply. */
export function endAfterReply(request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => request.socket.destroySoon())
}

function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

/** Writes the head of the request anew in front of what follows it, and lets the server read it as a new connection. */
function handBack(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`]
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] ?? ''
    if (!OFFER_HEADERS.has(name.toLowerCase())) lines.push(`${name}: ${request.rawHeaders[i + 1] ?? ''}`)
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
}
