/**
 * How a container's end is detected, and what its engine saw of it. An exit code alone does not tell whether a container
 * ended by itself: a daemon that shuts down refuses connections, stops its containers, and still answers pending requests.
 */
import type { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { Value } from 'typebox/value'
import { ContainerEvent, type HeardEnd } from './completionStream.ts'
import type { Engine } from '../engines/engine.ts'
import { statusOf, translate } from '../errors.ts'

/** What the engine's events say of a container. */
export interface Witness {
  /** It saw the end: the answering daemon is the one that the container ended under. */
  died: boolean
  /** Memory ran out. */
  oom: boolean
  /** Signals sent through the engine, in order, including those of the farm. */
  signals: number[]
}

/** The event of an end is written before those who wait are answered; other versions of the engine get so long. */
const WITNESS_MS = 2000

/** How a container ended, whatever the source. */
export interface EndState {
  imageId: string
  /** Null for one that was never started. */
  exitCode: number | null
  oomKilled: boolean
  /** The engine's words, if it had any. */
  error: string
  signals: readonly number[]
  /** ISO 8601. */
  startedAt: string | null
  finishedAt: string | null
}

export function heardState(imageId: string, { exitCode, oom, startedAt, finishedAt }: HeardEnd): EndState {
  const [from, to] = [new Date(startedAt).toISOString(), new Date(finishedAt).toISOString()]
  return { imageId, exitCode, oomKilled: oom, error: '', signals: [], startedAt: from, finishedAt: to }
}

export function inspectedState({ Image, State }: Docker.ContainerInspectInfo, witness: Witness | undefined): EndState {
  return {
    imageId: Image,
    exitCode: State.Status === 'created' ? null : State.ExitCode,
    oomKilled: State.OOMKilled || witness?.oom === true,
    error: State.Error,
    signals: witness?.signals ?? [],
    startedAt: timeOf(State.StartedAt),
    finishedAt: timeOf(State.FinishedAt),
  }
}

/** The engine's times have nanoseconds, and the year 1 for "not yet". */
function timeOf(text: string): string | null {
  const time = Date.parse(text)
  return time > 0 ? new Date(time).toISOString() : null
}

/**
 * Resolves when the container is no longer running, with the exit code that the engine reports. dockerode's own
 * `wait` waits forever when the connection breaks after the reply has begun, which it does immediately.
 * @throws a connection's error, EngineRefusedError
 */
export async function untilEnded({ docker, host }: Engine, containerId: string): Promise<number | undefined> {
  const what = 'cannot wait for the container'
  try {
    const reply = await new Promise<Readable>((resolve, reject) => {
      const options = { path: `/containers/${containerId}/wait?`, method: 'POST', isStream: true, statusCodes: { 200: true } }
      docker.modem.dial(options, (error, stream) => {
        if (error) reject(error as Error)
        else resolve(stream as Readable)
      })
    })
    let text = ''
    for await (const chunk of reply) text += String(chunk)
    // A connection that is closed in order ends the reply as well.
    if (text.trim() === '') throw translate(new Error('the connection ended'), what, host)
    const code = /"StatusCode":\s*(-?\d+)/.exec(text)?.[1]
    return code === undefined ? undefined : Number(code)
  } catch (error) {
    throw translate(error, what, host)
  }
}

/**
 * What the engine saw of the end of a container, asked over a new connection: a daemon that is shutting down does not
 * answer, and one that was started since knows nothing (`died` is false). Undefined when it tells no events.
 * @throws EngineUnreachableError
 */
export async function witnessEnd({ door, host }: Engine, containerId: string): Promise<Witness | undefined> {
  const what = 'cannot ask the engine about the end of the container'
  let events: Readable
  try {
    const filters = { container: [containerId], event: ['die', 'kill', 'oom'] }
    // With `since` those of the past come, too. The answer is that of the HTTP request; the types say only that it can be read.
    events = (await door.getEvents({ since: 1, filters } as Docker.GetEventsOptions)) as unknown as Readable
  } catch (error) {
    if (statusOf(error) !== undefined) return undefined
    throw translate(error, what, host)
  }
  const witness: Witness = { died: false, oom: false, signals: [] }
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    events.destroy()
  }, WITNESS_MS)
  try {
    let rest = ''
    for await (const chunk of events) {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) see(witness, line)
      if (witness.died) break
    }
  } catch (error) {
    if (!isLate) throw translate(error, what, host)
  } finally {
    clearTimeout(timer)
    events.destroy()
  }
  return witness
}

function see(witness: Witness, line: string): void {
  if (line.trim() === '') return
  const event: unknown = JSON.parse(line)
  if (!Value.Check(ContainerEvent, event)) return
  if (event.Action === 'die') witness.died = true
  if (event.Action === 'oom') witness.oom = true
  if (event.Action === 'kill') witness.signals.push(Number(event.Actor.Attributes?.['signal'] ?? 0))
}
