/** Worker tags: a small set that people edit, all in memory. */
import type { Core } from '../base/core.ts'
import { NotFoundError } from '../base/errors.ts'
import type { FarmTags } from '../base/farmEngine.ts'
import type { TagState, WorkerState } from '../base/model.ts'
import type { JobCache } from '../queue/jobCache.ts'

export class Tags implements FarmTags {
  private readonly byId = new Map<number, TagState>()

  constructor(
    private readonly core: Core,
    private readonly book: JobCache,
    private readonly workers: () => Iterable<WorkerState>,
  ) {}

  async load(): Promise<void> {
    for (const tag of await this.core.store.workers.loadTags()) this.byId.set(tag.id, tag)
  }

  all(): TagState[] {
    return [...this.byId.values()]
  }

  find(publicId: string): TagState | undefined {
    return this.all().find((tag) => tag.publicId === publicId.toLowerCase())
  }

  /** @throws NotFoundError */
  private need(publicId: string): TagState {
    const tag = this.find(publicId)
    if (!tag) throw new NotFoundError('worker tag', publicId)
    return tag
  }

  async create(input: { id?: string; name: string; description?: string }): Promise<TagState> {
    const tag = await this.core.store.workers.insertTag({
      publicId: (input.id ?? this.core.newId()).toLowerCase(),
      name: input.name,
      description: input.description ?? '',
    })
    this.byId.set(tag.id, tag)
    this.announce(tag, false)
    return tag
  }

  async change(publicId: string, changes: { name?: string; description?: string }): Promise<TagState> {
    const tag = this.need(publicId)
    const changed = { ...tag, name: changes.name ?? tag.name, description: changes.description ?? tag.description }
    await this.core.store.workers.saveTag(changed)
    this.byId.set(tag.id, changed)
    this.announce(tag, false)
    return changed
  }

  async delete(publicId: string): Promise<void> {
    const tag = this.need(publicId)
    await this.core.store.workers.deleteTag(tag.id)
    this.byId.delete(tag.id)
    for (const job of this.book.all()) {
      if (job.state.tagId !== tag.id) continue
      job.state.tagId = null
      this.book.refresh(job)
    }
    for (const worker of this.workers()) worker.tagIds.delete(tag.id)
    this.announce(tag, true)
  }

  private announce(tag: TagState, deleted: boolean): void {
    this.core.bus.emit({ type: 'tag', at: this.core.now(), tagId: tag.publicId, deleted })
  }
}
