/** Worker tags and limits: small sets that people edit, all in memory. */
import { taskPublicId } from '../../../shared/ids.ts'
import type { Core } from '../base/core.ts'
import { ConflictError, InvalidInputError, NotFoundError } from '../base/errors.ts'
import type { JobCache } from '../queue/jobCache.ts'
import type { Leases } from '../queue/leases.ts'
import type { LimitHolder, LimitState, TagState } from '../base/model.ts'

export class TagsAndLimits {
  private readonly tagsById = new Map<number, TagState>()

  constructor(
    private readonly core: Core,
    private readonly book: JobCache,
    private readonly leases: Leases,
  ) {}

  async load(): Promise<void> {
    for (const tag of await this.core.store.workers.loadTags()) this.tagsById.set(tag.id, tag)
    for (const limit of await this.core.store.workers.loadLimits()) this.book.limits.set(limit.id, limit)
    for (const lane of await this.core.store.workers.loadLanes()) this.book.lanes.set(lane.id, lane)
  }

  tags(): TagState[] {
    return [...this.tagsById.values()]
  }

  findTag(publicId: string): TagState | undefined {
    return this.tags().find((tag) => tag.publicId === publicId.toLowerCase())
  }

  /** @throws NotFoundError */
  needTag(publicId: string): TagState {
    const tag = this.findTag(publicId)
    if (!tag) throw new NotFoundError('worker tag', publicId)
    return tag
  }

  async createTag(input: { id?: string; name: string; description?: string }): Promise<TagState> {
    const tag = await this.core.store.workers.insertTag({
      publicId: (input.id ?? this.core.newId()).toLowerCase(),
      name: input.name,
      description: input.description ?? '',
    })
    this.tagsById.set(tag.id, tag)
    this.core.bus.emit({ type: 'tag', at: this.core.now(), tagId: tag.publicId, deleted: false })
    return tag
  }

  async changeTag(publicId: string, changes: { name?: string; description?: string }): Promise<TagState> {
    const tag = this.needTag(publicId)
    const changed = { ...tag, name: changes.name ?? tag.name, description: changes.description ?? tag.description }
    await this.core.store.workers.saveTag(changed)
    this.tagsById.set(tag.id, changed)
    this.core.bus.emit({ type: 'tag', at: this.core.now(), tagId: tag.publicId, deleted: false })
    return changed
  }

  /** Removes it from jobs and workers. Returns its internal id. */
  async deleteTag(publicId: string): Promise<number> {
    const tag = this.needTag(publicId)
    await this.core.store.workers.deleteTag(tag.id)
    this.tagsById.delete(tag.id)
    for (const job of this.book.all()) {
      if (job.state.tagId !== tag.id) continue
      job.state.tagId = null
      this.book.refresh(job)
    }
    this.core.bus.emit({ type: 'tag', at: this.core.now(), tagId: tag.publicId, deleted: true })
    return tag.id
  }

  /** The running holders of units of the limit, the oldest first. */
  limitHolders(limitId: number): LimitHolder[] {
    return this.leases.holding(limitId).map(({ job, task, attempt, worker }) => ({
      jobId: job.state.publicId,
      jobName: job.state.name,
      taskId: taskPublicId(job.state.publicId, task.index),
      taskName: task.name,
      worker: { id: worker.publicId, name: worker.name },
      startedAt: attempt.startedAt,
    }))
  }

  limits(): (LimitState & { inUse: number })[] {
    return [...this.book.limits.values()].map((limit) => ({ ...limit, inUse: this.leases.limitUse(limit).inUse }))
  }

  /** Internal ids of limits by name. @throws InvalidInputError naming the unknown one */
  limitIds(names: string[]): number[] {
    const byName = new Map([...this.book.limits.values()].map((limit) => [limit.name, limit.id]))
    return [...new Set(names)].map((name) => {
      const id = byName.get(name)
      if (id === undefined) throw new InvalidInputError('limits', `limit "${name}" not found`)
      return id
    })
  }

  async createLimit(input: { name: string; description?: string; max: number; scope?: 'attempt' | 'machine' }): Promise<LimitState> {
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
    this.announceLimit(limit)
    return limit
  }

  async changeLimit(
    publicId: string,
    changes: { name?: string; description?: string; max?: number; scope?: 'attempt' | 'machine' },
  ): Promise<LimitState> {
    const limit = this.needLimit(publicId)
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
    const changed: LimitState = { ...limit, ...given }
    await this.core.store.workers.saveLimit(changed)
    this.book.limits.set(limit.id, changed)
    this.book.refreshAll()
    this.announceLimit(changed)
    return changed
  }

  async deleteLimit(publicId: string): Promise<void> {
    const limit = this.needLimit(publicId)
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
    this.announceLimit(limit)
  }

  private needLimit(publicId: string): LimitState {
    const limit = [...this.book.limits.values()].find((candidate) => candidate.publicId === publicId.toLowerCase())
    if (!limit) throw new NotFoundError('limit', publicId)
    return limit
  }

  private announceLimit(limit: LimitState): void {
    this.core.bus.emit({ type: 'limit', at: this.core.now(), name: limit.name })
  }
}
