/** `/socket.io/`: live events for Flamenco's web clients, by WebSocket only (§8.1). */
import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { WebSocket } from 'ws'
import type { ServerContext } from '../../../http/context.ts'
import { assertStreamRoom, holdSocket } from '../../../http/streams.ts'
import { WireError } from '../errors.ts'
import { EventFeed } from './feed.ts'
import { ackFrame, DEFAULT_ROOMS, openingFrames, parseFrame, PING_TIMEOUT_MS, pongFrame, readSubscription } from './protocol.ts'
import { Rooms, type Member } from './rooms.ts'

/** How often silent clients are searched for. */
const SWEEP_MS = 5_000
/** A client with this much unread data is too slow and is disconnected. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024
/** More rooms than any page needs. */
const MAX_ROOMS = 1_000

/** Register it where @fastify/websocket is. */
export function socketIoRoute(app: FastifyInstance, context: ServerContext): void {
  const rooms = new Rooms()
  const feed = new EventFeed(context, rooms)
  const clients = new Set<Client>()
  const sweep = setInterval(() => {
    for (const client of clients) client.closeIfSilent(context.now())
  }, SWEEP_MS).unref()

  app.addHook('onClose', (_app, done) => {
    clearInterval(sweep)
    feed.stop()
    done()
  })

  app.route({
    method: 'GET',
    url: '/socket.io/',
    config: { access: 'read', ticket: 'events' },
    schema: { hide: true },
    preValidation: assertStreamRoom(context),
    handler: () => {
      throw new WireError(400, 'this endpoint supports SocketIO over WebSocket only; connect with ?EIO=3&transport=websocket')
    },
    wsHandler: (socket, request) => {
      holdSocket(context, request, socket)
      const client = new Client(socket, rooms, context.now)
      clients.add(client)
      feed.start()
      socket.on('close', () => {
        clients.delete(client)
        rooms.leaveAll(client)
        if (clients.size === 0) feed.stop()
      })
      client.open()
    },
  })
}

class Client implements Member {
  private heardAt: number
  private readonly joined = new Set<string>()

  constructor(
    private readonly socket: WebSocket,
    private readonly rooms: Rooms,
    now: () => number,
  ) {
    this.heardAt = now()
    socket.on('message', (data, isBinary) => {
      this.heardAt = now()
      if (!isBinary) this.hear(String(data))
    })
  }

  open(): void {
    for (const frame of openingFrames(randomBytes(15).toString('base64url'))) this.send(frame)
    for (const room of DEFAULT_ROOMS) this.join(room)
  }

  send(frame: string): void {
    if (this.socket.readyState !== this.socket.OPEN) return
    if (this.socket.bufferedAmount > MAX_UNSENT_BYTES) this.socket.terminate()
    else this.socket.send(frame)
  }

  closeIfSilent(at: number): void {
    if (at - this.heardAt >= PING_TIMEOUT_MS) this.socket.terminate()
  }

  private hear(text: string): void {
    const frame = parseFrame(text)
    if (frame.kind === 'ping') return this.send(pongFrame(frame.data))
    if (frame.kind === 'close') return this.socket.close()
    if (frame.kind !== 'event' || frame.name !== '/subscription') return
    const answer = this.subscribe(frame.argument)
    if (frame.ack !== undefined) this.send(ackFrame(frame.ack, answer))
  }

  private subscribe(argument: unknown): string {
    const wanted = readSubscription(argument)
    if ('problem' in wanted) return wanted.problem
    if (wanted.join && this.joined.size + wanted.rooms.length > MAX_ROOMS) {
      return `unable to perform subscription operation: at most ${MAX_ROOMS} rooms for one client`
    }
    for (const room of wanted.rooms) {
      if (wanted.join) this.join(room)
      else this.leave(room)
    }
    return 'ok'
  }

  private join(room: string): void {
    this.joined.add(room)
    this.rooms.join(this, room)
  }

  private leave(room: string): void {
    this.joined.delete(room)
    this.rooms.leave(this, room)
  }
}
