/** What both executors do around a run: patience with an engine that is away, and removing what ended. */
import type { Engine } from '../engines/engine.ts'
import { ContainerLostError, statusOf } from '../errors.ts'
import type { RunHooks } from '../executor.ts'

export interface ExecutorOptions {
  /** Of a swarm: a manager node. */
  engine: Engine
  /** Whose containers they are, by their label. */
  owner: string
  /** How long it may be away before a run is abandoned. */
  engineGraceMs: number
  /** Resolves when the engine answers again. @throws when the signal aborts */
  whenBack(signal: AbortSignal): Promise<void>
  now(): number
  /** A container of this image was created, or (`wasPulled`) the image was fetched from its registry for one. */
  onImage(reference: string, wasPulled: boolean): void
  /** A container or service could not be removed; the sweep must try again later. */
  onLeftover(id: string, error: unknown): void
}

/** @throws ContainerLostError when the engine stays away, the signal's reason */
export async function patiently(
  { engine, engineGraceMs, whenBack }: ExecutorOptions,
  hooks: Pick<RunHooks, 'activity'>,
  signal: AbortSignal,
): Promise<void> {
  hooks.activity(`waiting for the Docker engine at ${engine.host}`)
  await whenBack(AbortSignal.any([signal, AbortSignal.timeout(engineGraceMs)])).catch(() => {
    signal.throwIfAborted()
    throw new ContainerLostError(`the Docker engine at ${engine.host} went away and did not come back within ${engineGraceMs / 1000} s`)
  })
}

/** Removals that go on beside the next run. */
export class Removals {
  private readonly pending = new Set<Promise<void>>()

  constructor(private readonly onLeftover: ExecutorOptions['onLeftover']) {}

  /** Calls `remove` once everything reported about `id` is stored. It is no failure if it is already gone. */
  add(id: string, settled: Promise<void>, remove: () => Promise<unknown>): void {
    const removal = settled.then(remove).then(
      () => undefined,
      (error: unknown) => {
        if (statusOf(error) !== 404) this.onLeftover(id, error)
      },
    )
    const tracked: Promise<void> = removal.finally(() => this.pending.delete(tracked))
    this.pending.add(tracked)
  }

  /** Resolves when all are done. */
  async idle(): Promise<void> {
    await Promise.all(this.pending)
  }
}
