/**
 * One open stream of an engine's events, held while containers run there: the end of a container is reported with its exit
 * code, in the moment in which it ends, and without a request of its own. What the stream cannot vouch for is asked (ends.ts).
 */
import type { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { deferred } from '../../../shared/async.ts'
import type { Engine } from '../engines/engine.ts'
import { isCodeOfShutdown } from './outage.ts'
import { LABELS } from '../engines/sweep.ts'

/** A container's own end. */
export interface HeardEnd {
  exitCode: number
  /** Milliseconds since the epoch, by the engine's clock. */
  startedAt: number
  finishedAt: number
  /** Memory ran out for one of its processes. */
  oom: boolean
}

/** Between one container and the next the stream stays open for so long. */
const LINGER_MS = 10_000
/** The event of a start is written before the request for it is answered. */
const START_MS = 5000

export const ContainerEvent = Type.Object({
  Action: Type.String(),
  Actor: Type.Object({ ID: Type.String(), Attributes: Type.Optional(Type.Record(Type.String(), Type.String())) }),
  timeNano: Type.Number(),
})
export type ContainerEvent = Static<typeof ContainerEvent>

/**
 * What a container's events (`start`, `kill`, `oom`, `die`, in order) say of it: undefined while it lives, `ask` when it may
 * not have ended by itself. A daemon that shuts down says `kill` before `die` of each container that it stops. Pure.
 */
export function endOf(events: readonly ContainerEvent[]): HeardEnd | 'ask' | undefined {
  const die = events.find(({ Action }) => Action === 'die')
  if (die === undefined) return undefined
  const start = events.find(({ Action }) => Action === 'start')
  const exitCode = Number(die.Actor.Attributes?.['exitCode'] ?? NaN)
  // Killing all processes of a machine produces no event.
  const isDoubtful = !Number.isInteger(exitCode) || isCodeOfShutdown(exitCode)
  if (start === undefined || isDoubtful || events.some(({ Action }) => Action === 'kill')) return 'ask'
  const at = ({ timeNano }: ContainerEvent): number => Math.floor(timeNano / 1_000_000)
  return { exitCode, startedAt: at(start), finishedAt: at(die), oom: events.some(({ Action }) => Action === 'oom') }
}

/** Hears of one container. */
export interface Ear {
  /** Resolves when the stream is open, or cannot be opened. */
  readonly ready: Promise<void>
  /** The container's own end; undefined as soon as it is sure that the stream will not tell of it, or cannot vouch for it. */
  readonly end: Promise<HeardEnd | undefined>
  /** The engine reported that it started the container: a stream that does not report it soon is not trusted. */
  started(): void
  close(): void
}

interface Listener {
  readonly events: ContainerEvent[]
  readonly tell: (end: HeardEnd | undefined) => void
}

export class CompletionStream {
  private readonly listeners = new Map<string, Listener>()
  private opening: Promise<void> | undefined
  private stream: Readable | undefined
  private timer: NodeJS.Timeout | undefined
  private lingerMs = LINGER_MS

  /** `owner`: only containers with this label are reported. */
  constructor(
    private readonly engine: Engine,
    private readonly owner: string,
  ) {}

  /** To be called before the container is started. */
  listen(containerId: string): Ear {
    clearTimeout(this.timer)
    const { promise: end, resolve: tell } = deferred<HeardEnd | undefined>()
    const events: ContainerEvent[] = []
    this.listeners.set(containerId, { events, tell })
    const ready = (this.opening ??= this.open())
    let deaf: NodeJS.Timeout | undefined
    const started = (): void => {
      deaf = setTimeout(() => events.length === 0 && tell(undefined), START_MS)
    }
    const close = (): void => {
      clearTimeout(deaf)
      tell(undefined)
      this.listeners.delete(containerId)
      if (this.listeners.size === 0) this.rest()
    }
    return { ready, end, started, close }
  }

  /** It is no longer kept open for further containers. */
  stop(): void {
    this.lingerMs = 0
    if (this.listeners.size === 0) this.rest()
  }

  private rest(): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.stream?.destroy(), this.lingerMs)
    this.timer.unref()
  }

  private async open(): Promise<void> {
    try {
      const filters = { type: ['container'], label: [`${LABELS.owner}=${this.owner}`], event: ['start', 'kill', 'oom', 'die'] }
      // The engine answers before it listens; with `since` it tells of what came in between.
      const options = { since: 1, filters } as Docker.GetEventsOptions
      // The answer of the HTTP request; the types say only that it can be read.
      const stream = (await this.engine.docker.getEvents(options)) as unknown as Readable
      this.stream = stream
      void this.read(stream).finally(() => this.broke())
    } catch {
      // Those who ask hear it in the engine's words.
      this.broke()
    }
  }

  private async read(stream: Readable): Promise<void> {
    try {
      let rest = ''
      for await (const chunk of stream) {
        const lines = (rest + String(chunk)).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) this.hear(line)
      }
    } catch {
      // It broke.
    } finally {
      stream.destroy()
    }
  }

  private hear(line: string): void {
    if (line.trim() === '') return
    const event: unknown = JSON.parse(line)
    if (!Value.Check(ContainerEvent, event)) return
    const listener = this.listeners.get(event.Actor.ID)
    if (listener === undefined) return
    listener.events.push(event)
    const end = endOf(listener.events)
    if (end !== undefined) listener.tell(end === 'ask' ? undefined : end)
  }

  private broke(): void {
    this.opening = undefined
    this.stream = undefined
    for (const { tell } of this.listeners.values()) tell(undefined)
  }
}
