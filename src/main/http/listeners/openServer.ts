/**
 * One server socket, plain or TLS, that passes its requests to the routes. Fastify's own server never listens: all listeners are
 * equal, and each can be opened and closed while the others go on.
 */
import { createServer as createPlain, type RequestListener, type Server } from 'node:http'
import { createServer as createTls, type Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { CLOSE_GRACE_MS, clientErrorHandler, HTTP_OPTIONS, SILENCE_TIMEOUT_MS } from '../connections.ts'
import { refuseUpgrade, type UpgradeListener } from '../upgrades.ts'

export interface KeyPair {
  cert: string
  key: string
}

export interface OpenServerOptions {
  /** An address or host name to bind. */
  host: string
  /** 0 picks any free one. */
  port: number
  /** Missing: plain HTTP. */
  tls?: KeyPair
  /** Whether a request is answered here, by its URL and the address that its connection was made to; missing: all are. */
  serves?(url: string, localAddress: string): boolean
}

export interface OpenServer {
  readonly port: number
  /** Present another certificate from now on. Nothing for plain HTTP. */
  present(pair: KeyPair): void
  /**
   * Stops accepting connections. Resolves when all have ended. @param mayFinish false: those that last are cut off after the
   * grace period, WebSockets too
   */
  close(mayFinish?: boolean): Promise<void>
}

/** The app must be ready. @throws Error with `code`, `address` and `port` (EADDRINUSE, …) */
export async function openServer(app: FastifyInstance, { host, port, tls, serves }: OpenServerOptions): Promise<OpenServer> {
  const handler: RequestListener = serves
    ? (request, response) =>
        serves(request.url ?? '/', request.socket.localAddress ?? '') ? app.routing(request, response) : refuse(response)
    : app.routing
  const secure: TlsServer | undefined = tls && createTls({ ...HTTP_OPTIONS, ...tls, minVersion: 'TLSv1.2' }, handler)
  const server: Server = secure ?? createPlain(HTTP_OPTIONS, handler)
  server.keepAliveTimeout = 0
  server.requestTimeout = 0
  server.setTimeout(SILENCE_TIMEOUT_MS)
  server.on('clientError', clientErrorHandler)
  // The listeners of Fastify's server for WebSockets and for rejected upgrades; see upgrades.ts.
  for (const listener of app.server.listeners('upgrade')) {
    // They have the event's type.
    const upgrade = listener as UpgradeListener
    server.on('upgrade', function (this: Server, request, socket: Socket, head) {
      if (serves && !serves(request.url ?? '/', socket.localAddress ?? '')) refuseUpgrade(socket)
      else upgrade.call(this, request, socket, head)
    })
  }
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return {
    // A listening TCP server's address is an object.
    port: (server.address() as AddressInfo).port,
    present: (pair) => secure?.setSecureContext({ ...pair, minVersion: 'TLSv1.2' }),
    close(mayFinish = false) {
      const end = mayFinish ? undefined : setTimeout(() => sockets.forEach((socket) => socket.destroy()), CLOSE_GRACE_MS).unref()
      return new Promise((resolve) => {
        server.close(() => {
          clearTimeout(end)
          resolve()
        })
      })
    },
  }
}

function refuse(response: Parameters<RequestListener>[1]): void {
  const body = JSON.stringify({ status: 404, code: 'not-found', message: 'this listener does not serve this API' })
  response.writeHead(404, { 'content-type': 'application/json' }).end(body)
}
