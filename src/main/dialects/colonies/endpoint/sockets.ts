/** `/pubsub`: subscriptions to processes and channels. A text frame is a request, every frame back is a reply. */
import type { FastifyInstance } from 'fastify'
import type { WebSocket } from 'ws'
import { assertStreamRoom, holdSocket } from '../../../http/streams.ts'
import type { Calls } from '../calls.ts'
import type { Service } from '../service.ts'
import { errorEnvelope } from '../wire/envelope.ts'
import { ColoniesError, wireError } from '../wire/errors.ts'
import { assertType, parseRequest } from '../wire/request.ts'
import { notThere } from './http.ts'
import { SUBSCRIPTIONS, type Subscriber } from './subscriptions.ts'

/** A client that does not read is let go when this much waits for it. */
const MOST_UNSENT = 83_886_080
/** Subscriptions that one socket may have at once. */
const MOST_AT_ONCE = 100
/** A dead connection is found by its missing answer to this. */
const PING_MS = 30_000

export function socketRoutes(app: FastifyInstance, { service, calls }: { service: Service; calls: Calls }): void {
  app.get(
    '/pubsub',
    { websocket: true, config: { access: 'public' }, schema: { hide: true }, preValidation: assertStreamRoom(service.context) },
    (socket, request) => {
      socket.on('error', () => socket.terminate())
      holdSocket(service.context, request, socket)
      if (!service.owner.isOn) {
        refuse(socket, notThere())
        return
      }
      const client = new Client(socket, service)
      socket.on('message', (data: Buffer) => client.read(data.toString('utf8'), calls))
    },
  )
}

class Client implements Subscriber {
  private readonly ends = new Set<() => void>()
  private alive = true
  private readonly pinging: NodeJS.Timeout

  constructor(
    private readonly socket: WebSocket,
    private readonly service: Service,
  ) {
    socket.on('pong', () => (this.alive = true))
    this.pinging = setInterval(() => this.ping(), PING_MS).unref()
    socket.on('close', () => {
      clearInterval(this.pinging)
      for (const end of [...this.ends]) end()
    })
  }

  read(text: string, calls: Calls): void {
    void this.subscribe(text, calls).catch((error: unknown) => {
      const told = wireError(error instanceof UnreadableError ? error.cause : error)
      if (told.status >= 500 && !(error instanceof ColoniesError)) this.service.context.log.error({ err: error }, 'a subscription failed')
      this.send(errorEnvelope(told))
      // What cannot be read, or is not signed, gets no second chance.
      if (isUnreadable(error)) this.socket.close()
    })
  }

  private async subscribe(text: string, calls: Calls): Promise<void> {
    let request
    let signer
    try {
      request = parseRequest(text)
      assertType(request)
      signer = await calls.signerOf(request)
    } catch (error) {
      throw new UnreadableError(error)
    }
    const subscription = SUBSCRIPTIONS.get(request.type)
    if (!subscription) throw new ColoniesError(403, `invalid rpcMsg.PayloadType: ${request.type.slice(0, 100)}`)
    if (this.ends.size >= MOST_AT_ONCE) throw new ColoniesError(429, `a connection has at most ${MOST_AT_ONCE} subscriptions`)
    await subscription(this.service, request.message, signer, this)
  }

  send(text: string): void {
    if (this.socket.bufferedAmount > MOST_UNSENT) this.socket.terminate()
    else if (this.socket.readyState === this.socket.OPEN) this.socket.send(text)
  }

  close(): void {
    this.socket.close()
  }

  onEnd(end: () => void): () => void {
    if (this.socket.readyState !== this.socket.OPEN) {
      end()
      return () => undefined
    }
    this.ends.add(end)
    return () => this.ends.delete(end)
  }

  private ping(): void {
    if (!this.alive) {
      this.socket.terminate()
      return
    }
    this.alive = false
    this.socket.ping()
  }
}

class UnreadableError extends Error {
  constructor(override readonly cause: unknown) {
    super('unreadable')
  }
}

function isUnreadable(error: unknown): boolean {
  return error instanceof UnreadableError
}

function refuse(socket: WebSocket, error: unknown): void {
  socket.send(errorEnvelope(wireError(error)))
  socket.close()
}
