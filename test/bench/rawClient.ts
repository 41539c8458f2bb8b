/**
 * A load generator's HTTP client: one keep-alive socket, requests prebuilt as text, replies parsed no further than their
 * status and length. It costs a small part of what the server spends, so two cores measure the server and not the client.
 */
import { connect, type Socket } from 'node:net'

export interface RawReply {
  status: number
  body: string
}

export class RawClient {
  private buffer: Buffer = Buffer.alloc(0)
  private waiting: { resolve(reply: RawReply): void; reject(error: Error): void } | undefined

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.receive(chunk))
    socket.on('error', (error) => this.fail(error))
    socket.on('close', () => this.fail(new Error('the server closed the connection')))
  }

  static open(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.off('error', reject)
        resolve(new RawClient(socket))
      })
      socket.once('error', reject)
    })
  }

  /** One request at a time. */
  send(request: string): Promise<RawReply> {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
      this.socket.write(request)
    })
  }

  close(): void {
    this.waiting = undefined
    this.socket.destroy()
  }

  private receive(chunk: Buffer): void {
    this.buffer = this.buffer.length === 0 ? chunk : Buffer.concat([this.buffer, chunk])
    const end = this.buffer.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.buffer.toString('latin1', 0, end)
    const status = Number(head.slice(9, 12))
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
    if (this.buffer.length < end + 4 + length) return
    const body = this.buffer.toString('utf8', end + 4, end + 4 + length)
    this.buffer = this.buffer.subarray(end + 4 + length)
    const { waiting } = this
    this.waiting = undefined
    waiting?.resolve({ status, body })
  }

  private fail(error: Error): void {
    this.waiting?.reject(error)
    this.waiting = undefined
  }
}

/** The text of a request. `auth` is the whole Authorization header's value. */
export function requestText(method: string, path: string, options: { auth?: string; body?: string } = {}): string {
  const auth = options.auth ? `Authorization: ${options.auth}\r\n` : ''
  const { body } = options
  const length = body === undefined ? (method === 'POST' ? 'Content-Length: 0\r\n' : '') : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`
  return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${auth}${length}\r\n${body ?? ''}`
}

export const basic = (id: string, secret: string): string => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
