/**
 * One WebSocket of hints. It tells that something changed; the data are pulled over HTTP. It reconnects with backoff,
 * and says in `state` whether what the page shows may be stale.
 */
import { Value } from 'typebox/value'
import { EventsControl, FramehouseEvent } from '../../shared/events.ts'
import { API_BASE } from '../../shared/operations/operation.ts'

export type LinkState = 'connecting' | 'live' | 'away'

export interface LiveOptions {
  url: () => string
  onEvent(event: FramehouseEvent): void
  /** Every `live` means: pull everything that is shown (after a gap, or when the server had to drop events). */
  onState(state: LinkState, retryAt: number | null): void
  open?: (url: string) => WebSocket
  now?: () => number
  random?: () => number
}

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 15_000
/** The server sends something at least this often; without it, the link counts as dead. */
const SILENCE_MS = 25_000

/** 0.5, 1, 2, … 15 s, each ± 20 % so that all windows do not come back in the same instant. */
export function retryDelay(attempt: number, random: number): number {
  const base = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt, 10))
  return Math.round(base * (0.8 + 0.4 * random))
}

export class LiveLink {
  private socket: WebSocket | null = null
  private attempt = 0
  private retryTimer: ReturnType<typeof setTimeout> | undefined
  private silenceTimer: ReturnType<typeof setTimeout> | undefined
  private watched: string[] = []
  private stopped = false

  constructor(private readonly options: LiveOptions) {}

  start(): void {
    this.stopped = false
    this.connect()
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.retryTimer)
    clearTimeout(this.silenceTimer)
    this.socket?.close()
  }

  /** Retries immediately, for a user who does not want to wait for the backoff. */
  retryNow(): void {
    if (this.socket && this.socket.readyState <= WebSocket.OPEN) return
    clearTimeout(this.retryTimer)
    this.connect()
  }

  /** Tasks whose log lines should come through the socket. */
  watch(taskIds: string[]): void {
    this.watched = taskIds
    this.sendWatch()
  }

  private sendWatch(): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ watch: this.watched }))
  }

  private connect(): void {
    if (this.stopped) return
    this.options.onState('connecting', null)
    const socket = this.options.open ? this.options.open(this.options.url()) : new WebSocket(this.options.url())
    this.socket = socket
    socket.onopen = () => {
      this.attempt = 0
      this.options.onState('live', null)
      this.sendWatch()
      this.touched()
    }
    socket.onmessage = (message) => {
      if (socket !== this.socket) return
      this.touched()
      this.receive(message.data)
    }
    socket.onclose = () => this.lost(socket)
    this.touched()
  }

  private touched(): void {
    clearTimeout(this.silenceTimer)
    this.silenceTimer = setTimeout(() => this.giveUp(), SILENCE_MS)
  }

  /** A dead peer never answers the closing handshake either, and the browser would wait for it: so the connection counts as lost immediately. */
  private giveUp(): void {
    const socket = this.socket
    if (!socket) return
    socket.close()
    this.lost(socket)
  }

  private receive(data: unknown): void {
    if (typeof data !== 'string') return
    let parsed: unknown
    try {
      parsed = JSON.parse(data)
    } catch {
      return
    }
    if (Value.Check(EventsControl, parsed)) {
      if (parsed.type === 'resync') this.options.onState('live', null)
      return
    }
    for (const event of Array.isArray(parsed) ? parsed : [parsed]) {
      if (Value.Check(FramehouseEvent, event)) this.options.onEvent(event)
    }
  }

  private lost(socket: WebSocket): void {
    if (socket !== this.socket || this.stopped) return
    this.socket = null
    clearTimeout(this.silenceTimer)
    const delay = retryDelay(this.attempt++, (this.options.random ?? Math.random)())
    this.options.onState('away', (this.options.now ?? Date.now)() + delay)
    this.retryTimer = setTimeout(() => this.connect(), delay)
  }
}

export function eventsUrl(): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${API_BASE}/events`
}
