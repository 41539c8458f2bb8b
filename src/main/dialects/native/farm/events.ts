/** The WebSocket `/api/v1/events`: batched hints about changes, for subscribers that may be slow. */
import type { WebSocket } from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import { Compile } from 'typebox/compile'
import { Value } from 'typebox/value'
import { EventsSubscription, type EventsControl, type FramehouseEvent } from '../../../../shared/events.ts'
import type { ServerContext } from '../../../http/context.ts'
import { parseJson } from '../../../http/body.ts'
import { assertStreamRoom, holdSocket } from '../../../http/streams.ts'
import { wants, type Wishes } from './eventFilter.ts'

/** Events are collected for this long, so that a busy farm costs a subscriber a few messages a second. */
const BATCH_MS = 50
/** Beyond this, reloading everything is cheaper than sending the events. */
const MAX_BATCH = 2_000
/** Bytes that may wait in a subscriber's socket; beyond, its events are dropped until it has caught up. */
const MAX_WAITING_BYTES = 4 * 1_048_576
/** A message is sent at least this often, so that a subscriber can tell a quiet farm from a dead connection. */
const PING_MS = 10_000

const check = Compile(EventsSubscription)

/** @param app with the prefix `/api/v1` and WebSockets */
export function eventRoutes(app: FastifyInstance, context: ServerContext): void {
  const hub = new EventHub(context)

  app.get(
    '/events',
    {
      websocket: true,
      config: { access: 'read', ticket: 'events' },
      preValidation: assertStreamRoom(context),
    },
    (socket, request) => {
      hub.add(socket)
      holdSocket(context, request, socket)
    },
  )
  app.addHook('preClose', (done) => {
    hub.close()
    done()
  })
}

/** All subscribers. While there are none, the hub does not listen to the engine. */
class EventHub {
  private readonly listeners = new Set<Listener>()
  private stop: (() => void) | undefined
  private timer: NodeJS.Timeout | undefined

  constructor(private readonly context: ServerContext) {}

  add(socket: WebSocket): void {
    const listener = new Listener(socket, this.context.now)
    this.listeners.add(listener)
    this.stop ??= this.context.farm.onAny((event) => this.publish(event))
    this.timer ??= setInterval(() => this.ping(), PING_MS).unref()
    socket.on('message', (data: Buffer) => listener.receive(data.toString()))
    socket.on('error', () => socket.terminate())
    socket.on('close', () => this.remove(listener))
    listener.control({ type: 'hello', at: this.context.now(), version: this.context.version })
  }

  close(): void {
    for (const listener of this.listeners) listener.close()
  }

  private remove(listener: Listener): void {
    listener.end()
    this.listeners.delete(listener)
    if (this.listeners.size > 0) return
    this.stop?.()
    clearInterval(this.timer)
    this.stop = this.timer = undefined
  }

  /** An event is serialized once for all subscribers. */
  private publish(event: FramehouseEvent): void {
    let text: string | undefined
    for (const listener of this.listeners) {
      if (wants(listener.wishes, event)) listener.push((text ??= JSON.stringify(event)))
    }
  }

  private ping(): void {
    for (const listener of this.listeners) listener.control({ type: 'ping', at: this.context.now() })
  }
}

/** One socket: collects events, sends them in batches, drops them when the client is too slow. */
class Listener {
  readonly wishes: Wishes = { types: null, jobs: null, watch: new Set() }
  private batch: string[] = []
  private timer: NodeJS.Timeout | undefined
  /** Events were dropped: the next message reports it. */
  private lost = false

  constructor(
    private readonly socket: WebSocket,
    private readonly now: () => number,
  ) {}

  push(text: string): void {
    if (this.lost) return
    if (this.batch.length >= MAX_BATCH) {
      this.lost = true
      this.batch = []
    } else this.batch.push(text)
    this.timer ??= setTimeout(() => this.flush(), BATCH_MS)
  }

  control(message: EventsControl): void {
    if (this.socket.readyState === this.socket.OPEN && this.socket.bufferedAmount < MAX_WAITING_BYTES)
      this.socket.send(JSON.stringify(message))
  }

  /** Handles a client's subscription. An invalid message is answered, and changes nothing. */
  receive(text: string): void {
    let message: unknown
    try {
      message = parseJson(text)
    } catch (error) {
      return this.control({ type: 'refused', at: this.now(), message: error instanceof Error ? error.message : String(error) })
    }
    if (!check.Check(message)) {
      const first = Value.Errors(EventsSubscription, message)[0]
      return this.control({
        type: 'refused',
        at: this.now(),
        message: `${first?.instancePath ?? ''} ${first?.message ?? 'is not a subscription'}`.trim(),
      })
    }
    if (message.watch !== undefined) this.wishes.watch = new Set(message.watch.map((id) => id.toLowerCase()))
    if (message.types !== undefined) this.wishes.types = message.types && new Set(message.types)
    if (message.jobs !== undefined) this.wishes.jobs = message.jobs && new Set(message.jobs.map((id) => id.toLowerCase()))
  }

  close(): void {
    this.socket.close(1001, 'the manager is stopping')
  }

  end(): void {
    clearTimeout(this.timer)
    this.batch = []
  }

  private flush(): void {
    this.timer = undefined
    if (this.socket.readyState !== this.socket.OPEN) return
    if (this.socket.bufferedAmount >= MAX_WAITING_BYTES) {
      this.lost = true
      this.batch = []
    } else if (this.lost) {
      this.lost = false
      this.control({ type: 'resync', at: this.now() })
      return
    } else {
      const batch = this.batch
      this.batch = []
      if (batch.length > 0) this.socket.send(`[${batch.join(',')}]`)
      return
    }
    // Not caught up yet: check again.
    this.timer = setTimeout(() => this.flush(), BATCH_MS * 4)
  }
}
