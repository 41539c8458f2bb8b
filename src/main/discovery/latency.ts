/** How long a connection to an address takes: a hint for people who choose between several, and no proof of anything. */
import { connect } from 'node:net'

const PATIENCE_MS = 1_500

/** Milliseconds; null: nothing accepts connections there. Never throws. */
export function connectTime(url: string): Promise<number | null> {
  const { hostname, port, protocol } = new URL(url)
  const began = performance.now()
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (protocol === 'https:' ? 443 : 80) })
    const done = (result: number | null): void => {
      socket.destroy()
      resolve(result)
    }
    socket.setTimeout(PATIENCE_MS, () => done(null))
    socket.once('connect', () => done(performance.now() - began))
    socket.once('error', () => done(null))
  })
}
