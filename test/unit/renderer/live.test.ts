import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LiveLink, type LinkState } from '../../../src/renderer/api/live.ts'

const READY_STATE = { CONNECTING: 0, OPEN: 1, CLOSING: 2 }

/** A socket whose other side the test plays; closing it is never answered. */
class FakeSocket {
  readyState = READY_STATE.CONNECTING
  readonly sent: string[] = []
  onopen: (() => void) | undefined
  onmessage: ((message: { data: unknown }) => void) | undefined
  onclose: (() => void) | undefined

  open(): void {
    this.readyState = READY_STATE.OPEN
    this.onopen?.()
  }
  send(text: string): void {
    this.sent.push(text)
  }
  close(): void {
    this.readyState = READY_STATE.CLOSING
  }
}

let sockets: FakeSocket[]
let states: LinkState[]
let events: unknown[]
let link: LiveLink
beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', READY_STATE)
  sockets = []
  states = []
  events = []
  link = new LiveLink({
    url: () => 'ws://farm/api/v1/events',
    onEvent: (event) => events.push(event),
    onState: (state) => states.push(state),
    open: () => {
      const socket = new FakeSocket()
      sockets.push(socket)
      // The link uses no more of a socket than this.
      return socket as unknown as WebSocket
    },
    random: () => 0.5,
  })
  link.start()
})
afterEach(() => {
  link.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('the live link', () => {
  it('is away as soon as the manager has been silent for too long, and tries again', () => {
    sockets[0]?.open()
    vi.advanceTimersByTime(24_000)
    sockets[0]?.onmessage?.({ data: '{"type":"ping"}' })
    vi.advanceTimersByTime(24_000)
    expect(states).toEqual(['connecting', 'live'])
    vi.advanceTimersByTime(1_000)
    expect(states).toEqual(['connecting', 'live', 'away'])
    vi.advanceTimersByTime(500)
    sockets[1]?.open()
    expect(states).toEqual(['connecting', 'live', 'away', 'connecting', 'live'])
  })

  it('is not disturbed when a socket that it gave up closes at last', () => {
    sockets[0]?.open()
    vi.advanceTimersByTime(25_500)
    sockets[1]?.open()
    sockets[0]?.onclose?.()
    vi.advanceTimersByTime(20_000)
    expect(states.at(-1)).toBe('live')
    expect(sockets).toHaveLength(2)
  })

  it('tells a new connection which logs are watched', () => {
    link.watch(['task'])
    sockets[0]?.open()
    sockets[0]?.onclose?.()
    vi.advanceTimersByTime(500)
    sockets[1]?.open()
    expect(sockets.map(({ sent }) => sent)).toEqual([['{"watch":["task"]}'], ['{"watch":["task"]}']])
  })
})
