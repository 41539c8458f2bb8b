/**
 * TLS to a farm elsewhere. A farm is trusted by the key of its own authority, whatever its address and certificate: a connection is
 * handed over only after the handshake proved that key, so another server receives nothing, neither token nor request.
 */
import { Agent, type RequestOptions } from 'node:https'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect } from 'node:tls'
import { shownBy } from '../../../system/farmTrust.ts'

const CONNECT_MS = 5_000

/** The server does not prove that it is the farm. */
export class FarmNotProvenError extends Error {
  override readonly name = 'FarmNotProvenError'
}

/** Connections to a farm by the key of its authority. */
class FarmAgent extends Agent {
  constructor(private readonly authority: string) {
    super({ keepAlive: true })
  }

  override createConnection(options: RequestOptions, callback?: (error: Error | null, stream: Duplex) => void): null {
    const host = (options.host ?? options.hostname ?? '').replace(/^\[|\]$/g, '')
    const socket = connect({
      host,
      port: Number(options.port) || 443,
      // Judged below. Sessions that are taken up again show no certificate, so none is kept.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 && { servername: host }),
    })
    const fail = (error: Error): void => {
      socket.destroy()
      callback?.(error, socket)
    }
    const tooLong = (): void => fail(new Error(`no connection within ${CONNECT_MS / 1000} s`))
    socket.setTimeout(CONNECT_MS, tooLong)
    socket.once('error', fail)
    socket.once('secureConnect', () => {
      if (shownBy(socket, Date.now())?.authority !== this.authority) {
        return fail(new FarmNotProvenError('another authority vouches for this server than for the farm of this window'))
      }
      socket.setTimeout(0)
      socket.removeListener('timeout', tooLong)
      socket.removeListener('error', fail)
      callback?.(null, socket)
    })
    return null
  }
}

/** @param authority fingerprint of the key of the farm's authority; empty: one that this system trusts vouches for the server */
export function farmAgent(authority: string): Agent {
  return authority === '' ? new Agent({ keepAlive: true }) : new FarmAgent(authority)
}
