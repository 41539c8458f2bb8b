/**
 * A load generator's HTTP client: one keep-alive socket, requests prebuilt as text, replies parsed no further than their
 * status and length. It costs a small part of what the server spends, so two cores measure the server and not the client.
 */
import { connect, type Socket } from 'node:net'

export interface RawReply {
  status: number
  /** In Latin-1, a character for each byte: what the farm says to these requests is ASCII. */
  body: string
}

export class RawClient {
  private received = ''
  private waiting: { resolve(reply: RawReply): void; reject(error: Error): void } | undefined

  private constructor(private readonly socket: Socket) {}

  static open(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      let client: RawClient | undefined
      const socket = connect({
        port,
        host: '127.0.0.1',
        noDelay: true,
        // One buffer for all replies of the socket, past the machinery of streams.
        onread: {
          buffer: Buffer.allocUnsafe(16_384),
          callback: (bytes, buffer) => {
            client?.receive(Buffer.from(buffer.buffer, buffer.byteOffset, bytes).toString('latin1'))
            return true
          },
        },
      })
      socket.on('connect', () => resolve((client = new RawClient(socket))))
      socket.on('error', (error) => {
        reject(error)
        client?.fail(error)
      })
      socket.on('close', () => client?.fail(new Error('the server closed the connection')))
    })
  }

  /** One request at a time, its text in ASCII. */
  send(request: string): Promise<RawReply> {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
      this.socket.write(request, 'latin1')
    })
  }

  close(): void {
    this.waiting = undefined
    this.socket.destroy()
  }

  private receive(text: string): void {
    this.received += text
    const { received } = this
    const end = received.indexOf('\r\n\r\n')
    if (end < 0) return
    const from = end + 4
    const length = lengthOf(received, end)
    if (received.length < from + length) return
    this.received = received.slice(from + length)
    const { waiting } = this
    this.waiting = undefined
    waiting?.resolve({ status: Number(received.slice(9, 12)), body: length === 0 ? '' : received.slice(from, from + length) })
  }

  private fail(error: Error): void {
    this.waiting?.reject(error)
    this.waiting = undefined
  }
}

/** Fastify writes the name in small letters, Node in large ones. */
const LENGTH_NAMES = ['content-length: ', 'Content-Length: ']

function lengthOf(reply: string, end: number): number {
  for (const name of LENGTH_NAMES) {
    const at = reply.indexOf(name)
    if (at >= 0 && at < end) return parseInt(reply.slice(at + name.length, reply.indexOf('\r', at)), 10)
  }
  return 0
}

/** The text of a request. `auth` is the whole Authorization header's value. */
export function requestText(method: string, path: string, options: { auth?: string; body?: string } = {}): string {
  const auth = options.auth ? `Authorization: ${options.auth}\r\n` : ''
  const { body } = options
  const length =
    body === undefined
      ? method === 'POST'
        ? 'Content-Length: 0\r\n'
        : ''
      : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`
  return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${auth}${length}\r\n${body ?? ''}`
}

export const basic = (id: string, secret: string): string => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
