/**
 * Conditions as kinds of task. The engine finds work by kind, so every set of conditions that occurs (executor type,
 * names, place, processors, memory) is a kind of its own, and an executor serves those that it satisfies.
 */
import type { ApiContext } from '../../../http/context.ts'
import { APPROVED, type Colony, type Executor } from '../people/registry.ts'
import { ColoniesError } from '../wire/errors.ts'
import { bytesOf, cpuOf } from './resources.ts'
import type { FuncSpec } from './specs.ts'

export interface QueueConditions {
  type: string
  names: string[]
  /** Lower case: places match whatever their case. */
  location: string
  /** Thousandths of a processor, and bytes. */
  cpu: number
  mem: number
}

export interface Offer {
  /** Infinity: whatever is asked for. */
  cpu: number
  mem: number
}

const MOST_QUEUES = 10_000

export function conditionsOf({ conditions }: Pick<FuncSpec, 'conditions'>): QueueConditions {
  return {
    type: conditions.executortype,
    names: [...new Set(conditions.executornames)].toSorted(),
    location: conditions.locationname.toLowerCase(),
    cpu: cpuOf(conditions.cpu, 'conditions.cpu'),
    mem: bytesOf(conditions.mem, 'conditions.mem'),
  }
}

/** The kind's name, for people too: `colony/type`, and what else is asked for. */
export function kindOf(colonyName: string, { type, names, location, cpu, mem }: QueueConditions): string {
  const more = [
    ...(names.length > 0 ? [`name=${names.map(encodeURIComponent).join(',')}`] : []),
    ...(location !== '' ? [`location=${encodeURIComponent(location)}`] : []),
    ...(cpu > 0 ? [`cpu=${cpu}m`] : []),
    ...(mem > 0 ? [`mem=${mem}`] : []),
  ]
  return `${encodeURIComponent(colonyName)}/${encodeURIComponent(type)}${more.length > 0 ? `?${more.join('&')}` : ''}`
}

export function serves(executor: Pick<Executor, 'name' | 'type' | 'location'>, queue: QueueConditions): boolean {
  if (executor.type !== queue.type) return false
  if (queue.names.length > 0 && !queue.names.includes(executor.name)) return false
  return queue.location === '' || queue.location === executor.location.toLowerCase()
}

export class Queues {
  /** By colony, then by kind. */
  private readonly byColony = new Map<number, Map<string, QueueConditions>>()

  private constructor(private readonly context: Pick<ApiContext, 'writer' | 'farm'>) {}

  static async load(context: Pick<ApiContext, 'read' | 'writer' | 'farm'>): Promise<Queues> {
    const queues = new Queues(context)
    const rows = await context.read.all<{ kind: string; colonyId: number; conditions: string }>(
      'select kind, colony_id as colonyId, conditions from colonies_queues',
    )
    // Written by `add`.
    for (const { kind, colonyId, conditions } of rows) queues.of(colonyId).set(kind, JSON.parse(conditions) as QueueConditions)
    return queues
  }

  /** The kind of a process; executors that satisfy its conditions serve it from now on. @throws ColoniesError 400 */
  async kindFor(colony: Colony, spec: Pick<FuncSpec, 'conditions'>): Promise<string> {
    const conditions = conditionsOf(spec)
    const kind = kindOf(colony.name, conditions)
    const known = this.of(colony.id)
    if (known.has(kind)) return kind
    if (known.size >= MOST_QUEUES) throw new ColoniesError(400, `a colony has at most ${MOST_QUEUES} different sets of conditions`)
    await this.context.writer.exclusive((tx) =>
      tx.run('insert or ignore into colonies_queues (kind, colony_id, conditions) values (?, ?, ?)', [
        kind,
        colony.id,
        JSON.stringify(conditions),
      ]),
    )
    known.set(kind, conditions)
    for (const executor of colony.executors.values()) {
      if (executor.status === APPROVED && executor.workerId !== '' && serves(executor, conditions)) {
        await this.context.farm.external.serve(executor.workerId, this.kindsOf(executor))
        // Its open calls wait for the kinds that it had.
        this.context.farm.external.nudge(executor.workerId)
      }
    }
    return kind
  }

  /** The kinds that an executor serves, with what it offers now. */
  kindsOf(executor: Executor, offer: Offer = { cpu: Infinity, mem: Infinity }): string[] {
    const kinds: string[] = []
    for (const [kind, queue] of this.of(executor.colony.id)) {
      if (serves(executor, queue) && queue.cpu <= offer.cpu && queue.mem <= offer.mem) kinds.push(kind)
    }
    return kinds
  }

  forget(colony: Colony): void {
    this.byColony.delete(colony.id)
  }

  private of(colonyId: number): Map<string, QueueConditions> {
    let queues = this.byColony.get(colonyId)
    if (!queues) this.byColony.set(colonyId, (queues = new Map()))
    return queues
  }
}
