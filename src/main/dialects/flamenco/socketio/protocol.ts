/**
 * The frames of SocketIO's second protocol over Engine.IO 3, as far as Flamenco clients use them: WebSocket only, default
 * namespace, text only (§8.1). Pure.
 */
import { isUuid } from '../../../../shared/ids.ts'

export const PING_INTERVAL_MS = 30_000
/** A client that is silent for this long is disconnected. */
export const PING_TIMEOUT_MS = 60_000

/** The frames that a client may send. */
export type ClientFrame =
  | { kind: 'ping'; data: string }
  | { kind: 'close' }
  | { kind: 'event'; name: string; argument: unknown; ack: number | undefined }
  | { kind: 'other' }

/** Parses a text frame of a client. An unknown frame is `other` and is ignored, as any server of the protocol does. */
export function parseFrame(text: string): ClientFrame {
  if (text.startsWith('2')) return { kind: 'ping', data: text.slice(1) }
  if (text === '1' || text === '41') return { kind: 'close' }
  const event = /^42(?:\/,)?(\d{0,9})(\[[^]*\])$/.exec(text)
  if (!event) return { kind: 'other' }
  const [, ack = '', json = ''] = event
  try {
    const [name, argument]: unknown[] = JSON.parse(json) as unknown[]
    if (typeof name !== 'string') return { kind: 'other' }
    return { kind: 'event', name, argument, ack: ack === '' ? undefined : Number(ack) }
  } catch {
    return { kind: 'other' }
  }
}

/** The two frames that open a connection: Engine.IO's handshake, and the connection to the default namespace. */
export function openingFrames(sessionId: string): [string, string] {
  return [`0${JSON.stringify({ sid: sessionId, upgrades: [], pingInterval: PING_INTERVAL_MS, pingTimeout: PING_TIMEOUT_MS })}`, '40']
}

export function pongFrame(data: string): string {
  return `3${data}`
}

/** An event with a payload that is JSON already. */
export function eventFrame(name: string, payloadJson: string): string {
  return `42[${JSON.stringify(name)},${payloadJson}]`
}

export function ackFrame(ack: number, answer: string): string {
  return `43${ack}${JSON.stringify([answer])}`
}

/** Rooms that every client joins at the start. */
export const DEFAULT_ROOMS: readonly string[] = ['/lifecycle', '/status']

export type Subscription = { join: boolean; rooms: string[] } | { problem: string }

/** The meaning of a `/subscription`: which rooms to join or leave, or the error, in the original's wording. */
export function readSubscription(argument: unknown): Subscription {
  const { op, type, uuid } = isObject(argument) ? argument : {}
  if (op !== 'subscribe' && op !== 'unsubscribe')
    return { problem: `unable to perform subscription operation: unknown operation ${JSON.stringify(op ?? null)}` }
  const hasId = typeof uuid === 'string' && uuid !== ''
  if (hasId && !isUuid(uuid)) return { problem: 'invalid UUID, ignoring request' }
  const join = op === 'subscribe'
  const id = hasId ? uuid.toLowerCase() : undefined
  switch (type) {
    case 'allJobs':
      return { join, rooms: ['/jobs'] }
    case 'allWorkers':
      return { join, rooms: ['/workers'] }
    case 'allLastRendered':
      return { join, rooms: ['/last-rendered'] }
    case 'allWorkerTags':
      return { join, rooms: ['/workertags'] }
    case 'job':
      return id === undefined
        ? { problem: 'operation on job requires a UUID' }
        : { join, rooms: [`/jobs/${id}`, `/jobs/${id}/last-rendered`] }
    case 'tasklog':
      return id === undefined ? { problem: 'operation on task requires a UUID' } : { join, rooms: [`/tasklog/${id}`] }
    default:
      return { problem: 'unknown subscription type, ignoring request' }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
