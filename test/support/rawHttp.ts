/** HTTP as bytes, for what fetch does not let a test send: Host, Origin, broken requests, upgrades. */
import { connect } from 'node:net'

export interface RawReply {
  status: number
  headers: Record<string, string>
  body: string
}

/** Sends the text and reads until the other side closes or the reply is complete. @throws Error when nothing comes within 30 s */
export function rawRequest(port: number, text: string): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const chunks: Buffer[] = []
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error(`no reply; so far: ${Buffer.concat(chunks).toString()}`))
    }, 30_000)
    const finish = () => {
      clearTimeout(timer)
      socket.destroy()
      const reply = parse(Buffer.concat(chunks).toString())
      if (reply) resolve(reply)
      else reject(new Error('the connection was closed without a reply'))
    }
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      if (isComplete(Buffer.concat(chunks).toString())) finish()
    })
    socket.on('close', finish)
    socket.on('error', finish)
    socket.write(text)
  })
}

/** A request with these header lines; Host is 127.0.0.1 unless given. */
export function request(method: string, path: string, headers: Record<string, string> = {}, body = ''): string {
  const all: Record<string, string> = { Host: '127.0.0.1', ...headers }
  if (body !== '') all['Content-Length'] = String(Buffer.byteLength(body))
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`
}

function isComplete(text: string): boolean {
  const reply = parse(text)
  if (!reply) return false
  if (reply.status === 101 || reply.status === 204 || reply.status === 304) return true
  return Buffer.byteLength(reply.body) >= Number(reply.headers['content-length'] ?? Infinity)
}

function parse(text: string): RawReply | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  return { status: Number(first.split(' ')[1]), headers, body: text.slice(end + 4) }
}
