/**
 * A gateway on this machine to a remote farm: serves the GUI of this program and forwards `/api` to the other
 * manager, with the token that only this process knows. The window thus never loads a page from another machine. Only the
 * window's session has the gateway's cookie; other programs and pages on this machine do not.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createReadStream, existsSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { pipeline } from 'node:stream'
import type { FarmLink } from './link/farmLink.ts'

export interface GatewayOptions {
  /** The way to the other manager. */
  link: Pick<FarmLink, 'request'>
  /** Empty: none. */
  token: string
  /** Folder of the built GUI. */
  gui: string
}
export interface Gateway {
  url: string
  cookie: { name: string; value: string }
  close(): Promise<void>
}

const COOKIE = 'framehouse-door'
const CSP =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; " +
  "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
}
/** Ours, or about one hop only. */
const NOT_PASSED_ON = new Set([
  'host',
  'cookie',
  'origin',
  'referer',
  'connection',
  'authorization',
  'upgrade',
  'keep-alive',
  'transfer-encoding',
])

export async function openGateway({ link, token, gui }: GatewayOptions): Promise<Gateway> {
  const secret = randomBytes(32).toString('hex')
  const sockets = new Set<Socket>()

  const mayEnter = (request: IncomingMessage) => {
    const given = new RegExp(`(?:^|;\\s*)${COOKIE}=([0-9a-f]{64})(?:;|$)`).exec(request.headers.cookie ?? '')?.[1]
    return given !== undefined && timingSafeEqual(Buffer.from(given), Buffer.from(secret))
  }
  function upstream(request: IncomingMessage, extra: OutgoingHttpHeaders = {}) {
    const headers: OutgoingHttpHeaders = { ...extra }
    for (const [name, value] of Object.entries(request.headers)) if (!NOT_PASSED_ON.has(name)) headers[name] = value
    if (token) headers['authorization'] = `Bearer ${token}`
    return link.request(request.url ?? '/', { ...(request.method && { method: request.method }), headers })
  }
  function refuse(response: ServerResponse, status: number, message: string): void {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ status, code: 'gateway', message }))
  }

  const server = createServer((request, response) => {
    if (!mayEnter(request)) {
      refuse(response, 403, 'this gateway only serves the Framehouse window')
      return
    }
    const path = (request.url ?? '/').split('?')[0] ?? '/'
    if (!path.startsWith('/api/')) {
      serveFile(gui, path, response)
      return
    }
    const onward = upstream(request)
    onward.on('response', (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers)
      // When the manager breaks off, the page must notice, or a log that it follows would stop silently.
      pipeline(reply, response, () => undefined)
    })
    onward.on('error', (error) =>
      response.headersSent ? response.destroy() : refuse(response, 502, `the manager does not answer: ${error.message}`),
    )
    response.on('close', () => onward.destroy())
    request.pipe(onward)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('upgrade', (request, socket: Socket, head) => {
    // Node has taken its listeners from the socket. Without one, a connection that is reset would end the program.
    socket.on('error', () => socket.destroy())
    if (!mayEnter(request) || !(request.url ?? '').startsWith('/api/')) {
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      return
    }
    const onward = upstream(request, { connection: 'Upgrade', upgrade: 'websocket' })
    onward.on('upgrade', (reply, other, otherHead) => {
      const lines = Object.entries(reply.headers).map(([name, value]) => `${name}: ${String(value)}`)
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`)
      if (otherHead.length) socket.write(otherHead)
      if (head.length) other.write(head)
      other.pipe(socket).pipe(other)
      socket.on('close', () => other.destroy())
      other.on('error', () => socket.destroy())
    })
    socket.on('close', () => onward.destroy())
    onward.on('response', (reply) => socket.end(`HTTP/1.1 ${reply.statusCode ?? 502} Refused\r\n\r\n`))
    onward.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'))
    onward.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A server that listens on TCP has an AddressInfo.
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    cookie: { name: COOKIE, value: secret },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

function serveFile(gui: string, path: string, response: ServerResponse): void {
  let wanted: string
  try {
    wanted = normalize(join(gui, decodeURIComponent(path).replace(/^\/app/, '')))
  } catch {
    wanted = gui
  }
  const inside = wanted.startsWith(gui) && extname(wanted) !== '' && existsSync(wanted) && statSync(wanted).isFile()
  const file = inside ? wanted : join(gui, 'index.html')
  response.writeHead(200, {
    'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
    'content-security-policy': CSP,
    'x-content-type-options': 'nosniff',
    'cache-control': path.includes('/assets/') ? 'max-age=31536000, immutable' : 'no-cache',
  })
  // A file that an update took away breaks off this response, and nothing else.
  pipeline(createReadStream(file), response, () => undefined)
}
