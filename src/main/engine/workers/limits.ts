/** Limits such as licences: a small set that people edit, all in memory. */
import { taskPublicId } from '../../../shared/ids.ts'
import type { Core } from '../base/core.ts'
import { ConflictError, InvalidInputError, NotFoundError } from '../base/errors.ts'
import type { FarmLimits } from '../base/farmEngine.ts'
import type { LimitHolder, LimitState } from '../base/model.ts'
import type { JobCache } from '../queue/jobCache.ts'
import type { Leases } from '../queue/leases.ts'

export class Limits implements FarmLimits {
  constructor(
    private readonly core: Core,
    private readonly book: JobCache,
    private readonly leases: Leases,
  ) {}

  async load(): Promise<void> {
    for (const limit of await this.core.store.workers.loadLimits()) this.book.limits.set(limit.id, limit)
  }

  holders(limitId: number): LimitHolder[] {
    return this.leases.holding(limitId).map(({ job, task, attempt, worker }) => ({
      jobId: job.state.publicId,
      jobName: job.state.name,
      taskId: taskPublicId(job.state.publicId, task.index),
      taskName: task.name,
      worker: { id: worker.publicId, name: worker.name },
      startedAt: attempt.startedAt,
    }))
  }

  all(): (LimitState & { inUse: number })[] {
    return [...this.book.limits.values()].map((limit) => ({ ...limit, inUse: this.leases.limitUse(limit).inUse }))
  }

  /** Internal ids of limits by name. @throws InvalidInputError naming the unknown one */
  idsOf(names: string[]): number[] {
    const byName = new Map([...this.book.limits.values()].map((limit) => [limit.name, limit.id]))
    return [...new Set(names)].map((name) => {
      const id = byName.get(name)
      if (id === undefined) throw new InvalidInputError('limits', `limit "${name}" not found`)
      return id
    })
  }

  async create(input: { name: string; description?: string; max: number; scope?: 'attempt' | 'machine' }): Promise<LimitState> {
    const limit = await this.core.store.workers.insertLimit(
      {
        publicId: this.core.newId(),
        name: input.name,
        description: input.description ?? '',
        max: input.max,
        scope: input.scope ?? 'attempt',
      },
      this.core.now(),
    )
    this.book.limits.set(limit.id, limit)
    this.announce(limit)
    return limit
  }

  async change(
    publicId: string,
    changes: { name?: string; description?: string; max?: number; scope?: 'attempt' | 'machine' },
  ): Promise<LimitState> {
    const limit = this.need(publicId)
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
    const changed: LimitState = { ...limit, ...given }
    await this.core.store.workers.saveLimit(changed)
    this.book.limits.set(limit.id, changed)
    this.book.refreshAll()
    this.announce(changed)
    return changed
  }

  async delete(publicId: string): Promise<void> {
    const limit = this.need(publicId)
    const user = await this.core.store.workers.findLimitUser(limit.id)
    if (user) throw new ConflictError(`limit "${limit.name}" is used by job "${user.name}" (${user.publicId})`)
    await this.core.store.workers.deleteLimit(limit.id)
    this.book.limits.delete(limit.id)
    for (const job of this.book.all()) {
      const { limitIds } = job.state
      if (limitIds.includes(limit.id))
        this.leases.changeLimits(
          job,
          limitIds.filter((id) => id !== limit.id),
        )
    }
    this.book.refreshAll()
    this.announce(limit)
  }

  private need(publicId: string): LimitState {
    const limit = [...this.book.limits.values()].find((candidate) => candidate.publicId === publicId.toLowerCase())
    if (!limit) throw new NotFoundError('limit', publicId)
    return limit
  }

  private announce(limit: LimitState): void {
    this.core.bus.emit({ type: 'limit', at: this.core.now(), name: limit.name })
  }
}
