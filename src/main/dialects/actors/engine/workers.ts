/**
 * An actor's workers: places for its executions. They are made as messages need them and go when nothing needs them any
 * longer; what really runs is the farm's workers. Kept in memory and on disk, so that their ids last.
 */
import type { ApiContext } from '../../../http/context.ts'
import type { WorkerState } from '../../../engine/base/model.ts'
import { Value } from 'typebox/value'
import { ContainerCapabilities } from '../../../../shared/schemas/container.ts'
import type { Actor } from '../model/actor.ts'
import type { Registry } from '../model/registry.ts'
import { workerId } from '../values/ids.ts'
import type { WorkerFacts } from '../views.ts'
import * as rows from '../store/workers.ts'

interface Place extends rows.WorkerRow {
  /** Task index of the execution that runs in it. */
  execution: number | null
  /** It goes as soon as it is free. */
  leaving: boolean
}

/** A free place of an actor without messages goes after this time, one that waits for synchronous messages later. */
const IDLE_MS = 60_000
const SYNC_IDLE_MS = 600_000

export class ActorWorkers {
  private readonly places = new Map<number, Map<number, Place>>()
  private readonly lastNumber = new Map<number, number>()

  constructor(
    private readonly context: Pick<ApiContext, 'read' | 'writer' | 'farm' | 'now'>,
    private readonly registry: Registry,
  ) {}

  async load(): Promise<void> {
    for (const row of await rows.loadWorkers(this.context.read)) this.keep({ ...row, execution: null, leaving: false })
    for (const { actorKey, worker, number } of await rows.loadRunning(this.context.read)) {
      const place = this.places.get(actorKey)?.get(worker)
      if (place) place.execution = number
    }
  }

  list(actor: Actor): WorkerFacts[] {
    return [...this.of(actor.key).values()].map((place) => this.facts(place))
  }

  find(actor: Actor, number: number): WorkerFacts | undefined {
    const place = this.of(actor.key).get(number)
    return place && this.facts(place)
  }

  count(actor: Actor): number {
    return this.of(actor.key).size
  }

  /** All workers, with their actors. */
  *all(): Iterable<{ actor: Actor; worker: WorkerFacts }> {
    for (const [key, places] of this.places) {
      const actor = this.registry.find(key)
      if (actor) for (const place of places.values()) yield { actor, worker: this.facts(place) }
    }
  }

  /** Makes sure that there are so many. Returns how many were added. */
  async ensure(actor: Actor, count: number): Promise<number> {
    const missing = Math.max(0, count - this.count(actor))
    const added = Array.from({ length: missing }, () => this.add(actor))
    await this.context.writer.exclusive(async (tx) => {
      for (const place of added) await rows.saveWorker(tx, place)
    })
    return added.length
  }

  /** An execution begins. Resolves to the number of its worker. */
  async begin(actor: Actor, { taskKey, index }: { taskKey: number; index: number }, worker: WorkerState): Promise<number> {
    const places = [...this.of(actor.key).values()]
    const place =
      places.find(({ execution }) => execution === index) ??
      places.find(({ execution, leaving }) => execution === null && !leaving) ??
      this.add(actor)
    place.execution = index
    place.workerId = worker.publicId
    place.lastExecutionAt = this.context.now()
    await this.context.writer.exclusive(async (tx) => {
      await rows.saveWorker(tx, place)
      await rows.noteWorker(tx, taskKey, place.number)
    })
    return place.number
  }

  /** An execution no longer runs. */
  async end(actor: Actor, index: number): Promise<void> {
    const place = [...this.of(actor.key).values()].find(({ execution }) => execution === index)
    if (!place) return
    place.execution = null
    place.lastExecutionAt = this.context.now()
    if (place.leaving) await this.drop(place)
  }

  /** It goes, after its execution if one runs. */
  async remove(actor: Actor, number: number): Promise<boolean> {
    const place = this.of(actor.key).get(number)
    if (!place) return false
    place.leaving = true
    if (place.execution === null) await this.drop(place)
    return true
  }

  /** Free places that nothing needs go. @returns the actors that have fewer now */
  async sweep(): Promise<Actor[]> {
    const now = this.context.now()
    const changed: Actor[] = []
    for (const [key, places] of this.places) {
      const actor = this.registry.find(key)
      if (!actor) {
        this.places.delete(key)
        continue
      }
      // A stateful actor keeps what it has.
      if (!actor.spec.stateless || places.size === 0) continue
      const idleMs = actor.spec.hints.includes('sync') ? SYNC_IDLE_MS : IDLE_MS
      const idle = [...places.values()].filter(
        ({ execution, lastExecutionAt, createdAt }) => execution === null && (lastExecutionAt ?? createdAt) + idleMs < now,
      )
      if (idle.length === 0) continue
      const job = await this.context.farm.jobs.find(actor.jobId)
      if (job && job.counts.queued + job.counts['soft-failed'] > 0) continue
      for (const place of idle) await this.drop(place)
      changed.push(actor)
    }
    return changed
  }

  private add(actor: Actor): Place {
    const number = (this.lastNumber.get(actor.key) ?? -1) + 1
    const place: Place = {
      actorKey: actor.key,
      number,
      createdAt: this.context.now(),
      lastExecutionAt: null,
      workerId: null,
      container: null,
      execution: null,
      leaving: false,
    }
    this.keep(place)
    return place
  }

  private keep(place: Place): void {
    this.of(place.actorKey).set(place.number, place)
    this.lastNumber.set(place.actorKey, Math.max(place.number, this.lastNumber.get(place.actorKey) ?? -1))
  }

  private async drop(place: Place): Promise<void> {
    this.of(place.actorKey).delete(place.number)
    await this.context.writer.exclusive((tx) => rows.deleteWorker(tx, place))
  }

  private of(actorKey: number): Map<number, Place> {
    let places = this.places.get(actorKey)
    if (!places) this.places.set(actorKey, (places = new Map()))
    return places
  }

  private facts({ actorKey, number, createdAt, lastExecutionAt, execution, workerId: farmWorker, container }: Place): WorkerFacts {
    const host = farmWorker === null ? undefined : this.context.farm.workers.find(farmWorker)
    return {
      number,
      createdAt,
      lastExecutionAt,
      busy: execution !== null,
      container: container ?? workerId(actorKey, number),
      host: { id: host?.publicId ?? '0', address: host?.address ?? '', engine: engineOf(host), seenAt: host?.lastSeenAt ?? null },
    }
  }
}

/** The address of a farm worker's engine. */
function engineOf(host: WorkerState | undefined): string {
  const containers = host?.capabilities['containers']
  return Value.Check(ContainerCapabilities, containers) ? (containers.engines[0]?.host ?? '') : 'unix:///var/run/docker.sock'
}
