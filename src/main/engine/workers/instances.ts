/**
 * Which run of a worker's program uses its identity. A copied data folder (a cloned machine image) leads to two
 * programs with one identity: each would end what the other runs. A restart does not: the earlier run is silent then.
 */
import { pause } from '../../../shared/async.ts'
import { ConflictError } from '../base/errors.ts'

/** How long a new run waits to see whether the earlier one is still alive, which is contacted immediately. */
const DOUBT_MS = 2_000

/** Another program already runs with the same identity. */
export class ClonedError extends ConflictError {
  override readonly code = 'cloned'
}

interface Known {
  /** The run that has the identity. */
  current: string
  /** Time of its last call, and what waits for its next one. */
  heardAt: number
  onHeard: (() => void) | undefined
  /** The run that had it before, and until when a call of it would prove that there are two. */
  previous: { instance: string; until: number } | undefined
}

/** @param lease how long a run counts as alive without a call, milliseconds */
export class Instances {
  private readonly known = new Map<number, Known>()
  private readonly refused = new Set<string>()

  constructor(
    private readonly now: () => number,
    private readonly lease: () => number,
    /** Makes the run that has the identity call again, if it waits for an answer. */
    private readonly ask: (workerId: number) => void,
    /** A copy was detected. */
    private readonly onClone: (workerId: number) => void,
    private readonly wait: (ms: number) => Promise<void> = pause,
  ) {}

  /** A run starts. @throws ClonedError when another one with the same identity is alive */
  async signOn(workerId: number, instance: string): Promise<void> {
    this.assertAllowed(workerId, instance)
    const known = this.known.get(workerId)
    if (known === undefined || known.current === instance) return this.adopt(workerId, instance, undefined)
    if (this.now() - known.heardAt < this.lease() && (await this.isAlive(workerId, known))) return this.refuse(workerId, instance)
    this.adopt(workerId, instance, known.current)
  }

  /** A call of a run that signed on. @throws ClonedError, or ConflictError when it must sign on first */
  recordCall(workerId: number, instance: string): void {
    this.assertAllowed(workerId, instance)
    const known = this.known.get(workerId)
    if (known === undefined) return this.adopt(workerId, instance, undefined)
    if (known.current !== instance) {
      const { previous } = known
      if (previous?.instance !== instance || previous.until < this.now())
        throw new ConflictError('this run of the worker must sign on first')
      // It was silent when the other one started, but is alive.
      this.refused.add(keyOf(workerId, known.current))
      this.adopt(workerId, instance, undefined)
      this.onClone(workerId)
      return
    }
    known.heardAt = this.now()
    known.onHeard?.()
  }

  /** A run ends cleanly: the next one is a restart. */
  signOff(workerId: number): void {
    this.known.delete(workerId)
  }

  private async isAlive(workerId: number, known: Known): Promise<boolean> {
    let alive = false
    const heard = new Promise<void>((resolve) => {
      known.onHeard = () => {
        alive = true
        resolve()
      }
    })
    this.ask(workerId)
    await Promise.race([heard, this.wait(DOUBT_MS)])
    known.onHeard = undefined
    return alive
  }

  private adopt(workerId: number, instance: string, before: string | undefined): void {
    const previous = before === undefined ? undefined : { instance: before, until: this.now() + this.lease() }
    this.known.set(workerId, { current: instance, heardAt: this.now(), onHeard: undefined, previous })
  }

  private refuse(workerId: number, instance: string): never {
    this.refused.add(keyOf(workerId, instance))
    this.onClone(workerId)
    throw this.error()
  }

  private assertAllowed(workerId: number, instance: string): void {
    if (this.refused.has(keyOf(workerId, instance))) throw this.error()
  }

  private error(): ClonedError {
    return new ClonedError(
      'another worker runs with the same identity: the data folder of this one is a copy; it must join as a separate worker',
    )
  }
}

const keyOf = (workerId: number, instance: string): string => `${workerId}/${instance}`
