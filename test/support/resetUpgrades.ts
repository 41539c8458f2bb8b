/** Clients that ask for a WebSocket and reset the connection at once, before or after the reply. */
import { connect } from 'node:net'

const CLIENTS = 60
const DELAYS_MS = [0, 1, 3]

export async function resetUpgrades(port: number, path: string, { host = '127.0.0.1', headers = '' } = {}): Promise<void> {
  const head =
    `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${headers}\r\n`
  for (const delay of DELAYS_MS) await Promise.all(Array.from({ length: CLIENTS }, () => resetOne(port, host, head, delay)))
}

function resetOne(port: number, host: string, head: string, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.write(head)
      setTimeout(() => {
        socket.resetAndDestroy()
        resolve()
      }, delayMs)
    })
    socket.on('error', () => resolve())
  })
}
