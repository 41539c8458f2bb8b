/**
 * The second door of the server: the same routes over TLS. Fastify keeps one server of its own; this one hands what it
 * decrypted to the same handlers, with the same limits.
 */
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { ServerCertificate } from '../security/certificate.ts'
import { CLOSE_GRACE_MS, clientErrorHandler, HTTP_OPTIONS, SILENCE_TIMEOUT_MS } from './connections.ts'
import type { UpgradeListener } from './upgrades.ts'

export interface EncryptedDoorOptions {
  host: string
  /** 0 takes any free one. */
  port: number
  certificate: ServerCertificate
}

export interface EncryptedDoor {
  readonly host: string
  readonly port: number
  /** Of the certificate: SHA-256, hex with colons. */
  readonly fingerprint: string
  /** Takes nobody in from now on. Resolves when all have left: the app ends its streams when it closes, the rest has its grace. */
  close(): Promise<void>
}

/** The app listens already. @throws Error with `code`, `address` and `port` (EADDRINUSE, …) */
export async function openEncryptedDoor(app: FastifyInstance, { host, port, certificate }: EncryptedDoorOptions): Promise<EncryptedDoor> {
  const { cert, key, fingerprint } = certificate
  const server = createServer({ ...HTTP_OPTIONS, cert, key, minVersion: 'TLSv1.2' }, app.routing)
  server.keepAliveTimeout = 0
  server.requestTimeout = 0
  server.setTimeout(SILENCE_TIMEOUT_MS)
  server.on('clientError', clientErrorHandler)
  // What is asked of Fastify's server for WebSockets, and for offers that are refused; see upgrades.ts.
  for (const listener of app.server.listeners('upgrade')) server.on('upgrade', listener as UpgradeListener)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  // A listening TCP server's address is an object.
  const { port: taken } = server.address() as AddressInfo
  return { host, port: taken, fingerprint, close: () => closeServer(server) }
}

function closeServer(server: Server): Promise<void> {
  setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS).unref()
  return new Promise((resolve) => server.close(() => resolve()))
}
