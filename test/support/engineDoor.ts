/** An engine behind a door of the test's own, which counts, keeps events to itself, and may be jammed. */
import { once } from 'node:events'
import { createServer, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DEFAULT_SOCKET } from '../../src/main/docker/config.ts'
import { localSocket } from '../../src/main/docker/engines/engine.ts'

export class EngineDoor {
  /** Method and path of each request, ids as `ID`. */
  readonly asked: string[] = []
  events: 'told' | 'refused' | 'silent' = 'told'
  /** Calls that create a container have their connection cut. */
  isJammed = false
  /** When calls that start a container are answered; it runs before. */
  startAnswers: Promise<void> = Promise.resolve()
  private readonly streams = new Set<ServerResponse>()

  private constructor(private readonly server: Server) {}

  static async open(engine = DEFAULT_SOCKET): Promise<EngineDoor> {
    const server = createServer()
    const door = new EngineDoor(server)
    server.on('request', (incoming, outgoing) => {
      const path = (incoming.url ?? '').replace(/^\/v[\d.]+/, '')
      door.asked.push(`${incoming.method} ${path.replace(/\?.*/, '').replace(/[0-9a-f]{64}/, 'ID')}`)
      if (path.startsWith('/events')) {
        if (door.events === 'refused') return void outgoing.writeHead(400).end('{"message":"no events here"}')
        door.streams.add(outgoing)
        if (door.events === 'silent') return void outgoing.writeHead(200).flushHeaders()
      }
      if (door.isJammed && path.startsWith('/containers/create')) return void incoming.socket.destroy()
      const { method, headers } = incoming
      const onward = request({ socketPath: localSocket(engine), path: incoming.url, method, headers }, async (answer) => {
        if (path.endsWith('/start')) await door.startAnswers
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers).flushHeaders()
        answer.on('error', () => outgoing.destroy())
        answer.pipe(outgoing)
      })
      onward.on('error', () => outgoing.destroy())
      outgoing.on('close', () => onward.destroy())
      incoming.pipe(onward)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return door
  }

  get host(): string {
    // A server that listens on TCP has an address of this kind.
    return `tcp://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** Ends the open streams of events. */
  breakEvents(): void {
    for (const stream of this.streams) stream.destroy()
  }

  /** Cuts all connections; new ones are served. */
  breakAll(): void {
    this.server.closeAllConnections()
  }

  close(): void {
    this.server.closeAllConnections()
    this.server.close()
  }
}
