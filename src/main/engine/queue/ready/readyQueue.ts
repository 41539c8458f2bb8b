/**
 * The ready tasks of one job and kind: a sorted window in memory over the same order in the database. Only the window
 * costs memory, so a million queued tasks are a million rows and nothing more.
 */
import type { TaskState } from '../../base/model.ts'

/** Tasks per load, and the level at which the next ones are loaded while the rest is assigned. */
const WINDOW = 256
const LOW_WATER = 96

/** Pause after a load that failed. */
const RETRY_MS = 1_000

/** The tasks behind a key, in order; all of those with the last one's key, even if these are more than the limit. */
export type LoadReady = (afterKey: number, limit: number) => Promise<TaskState[]>

export class ReadyQueue {
  /** Sorted by order key; items before `head` are gone. */
  private items: TaskState[] = []
  private head = 0
  private readonly present = new Map<number, TaskState>()
  /** Everything in the database up to this key has been loaded. */
  private cursor = Number.NEGATIVE_INFINITY
  private exhausted = false
  private loading: Promise<void> | undefined
  /** Tasks that left the queue during a load: its snapshot may still show them as ready. */
  private readonly goneDuringLoad = new Set<number>()
  /** Tasks that were added during a load, which may not have seen them. */
  private readonly addedDuringLoad: TaskState[] = []
  private generation = 0

  constructor(
    readonly kind: string,
    /** Smallest order key in the database behind the cursor, as far as known; undefined when nothing is ready there. */
    private hint: number | undefined,
    private readonly load: LoadReady,
    /** False for tasks whose current state is elsewhere in memory: leased, delayed, or changed and not yet on disk. */
    private readonly admit: (task: TaskState) => boolean,
    /** Called after each load, when tasks may have become visible. */
    private readonly onLoaded: () => void,
    private readonly onError: (error: unknown) => void,
  ) {}

  get size(): number {
    return this.items.length - this.head
  }

  /** Order key of the first task; before the first load, the key from the database. Undefined: nothing is ready. */
  get headKey(): number | undefined {
    const first = this.items[this.head]?.orderKey
    if (this.exhausted) return first
    if (first === undefined) return this.hint
    return this.hint !== undefined && this.hint > this.cursor ? Math.min(first, this.hint) : first
  }

  /** The window is empty, or begins with a task that was inserted: the database may have an earlier one. */
  get headMayBeOnDisk(): boolean {
    if (this.exhausted) return false
    const first = this.items[this.head]
    return first === undefined || first.orderKey > this.cursor
  }

  /** The task if it waits here. */
  get(taskId: number): TaskState | undefined {
    return this.present.get(taskId)
  }

  /** The task's newest state is on disk: a load with an older snapshot must not bring the old one back. */
  noteGone(taskId: number): void {
    if (this.loading) this.goneDuringLoad.add(taskId)
  }

  /** The loaded tasks in order. */
  *tasks(): Iterable<TaskState> {
    for (let i = this.head; i < this.items.length; i++) {
      const task = this.items[i]
      if (task) yield task
    }
  }

  /** Takes the task out; false when it is not here. */
  remove({ id }: TaskState): boolean {
    const task = this.present.get(id)
    if (!task) return false
    this.present.delete(id)
    if (this.loading) this.goneDuringLoad.add(id)
    if (this.items[this.head] === task) {
      this.head++
      if (this.head > WINDOW) this.compact()
    } else {
      const at = this.items.indexOf(task, this.head)
      if (at >= 0) this.items.splice(at, 1)
    }
    if (this.size < LOW_WATER) void this.refill()
    return true
  }

  /** A task became ready again, or for the first time. */
  insert(task: TaskState): void {
    if (this.present.has(task.id)) return
    this.present.set(task.id, task)
    this.goneDuringLoad.delete(task.id)
    this.place(task)
  }

  /**
   * A new task that is on disk became ready: usually behind all others in order. Kept in memory while the window has
   * room; otherwise the database is read again from its place on.
   */
  append(task: TaskState): void {
    const { orderKey } = task
    if (this.loading) this.addedDuringLoad.push(task)
    else if (this.exhausted || orderKey <= this.cursor) {
      if (this.size < WINDOW) return this.insert(task)
      // Everything before it has been loaded.
      this.exhausted = false
      this.cursor = orderKey - 1
      this.hint = orderKey
    }
    if (this.hint === undefined) this.hint = orderKey
    else if (this.hint > this.cursor) this.hint = Math.min(this.hint, orderKey)
  }

  /** Ensures that the first tasks are loaded; resolves when the running load is done. */
  refill(): Promise<void> | undefined {
    if (this.exhausted) return undefined
    this.loading ??= this.fetch()
    return this.loading
  }

  /** Drops the window: after a bulk change the database has precedence again. */
  reset(hint: number | undefined): void {
    this.hint = hint
    this.generation++
    this.items = []
    this.head = 0
    this.present.clear()
    this.cursor = Number.NEGATIVE_INFINITY
    this.exhausted = false
    this.loading = undefined
    this.addedDuringLoad.length = 0
    this.goneDuringLoad.clear()
  }

  private async fetch(): Promise<void> {
    const generation = this.generation
    try {
      const tasks = await this.load(this.cursor, WINDOW)
      if (generation !== this.generation) return
      for (const task of tasks) this.takeLoaded(task)
      const last = tasks.at(-1)
      if (last) this.cursor = Math.max(this.cursor, last.orderKey)
      if (tasks.length < WINDOW && this.addedDuringLoad.length === 0) this.exhausted = true
    } catch (error) {
      this.onError(error)
      // Callers request tasks again as soon as a load ends: without a pause a database error would cause a busy loop.
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref())
    }
    if (generation !== this.generation) return
    // Those beyond it are loaded when their turn comes.
    for (const task of this.addedDuringLoad) if (task.orderKey <= this.cursor) this.takeLoaded(task)
    this.loading = undefined
    this.addedDuringLoad.length = 0
    this.goneDuringLoad.clear()
    this.onLoaded()
  }

  private takeLoaded(task: TaskState): void {
    if (this.present.has(task.id) || this.goneDuringLoad.has(task.id) || !this.admit(task)) return
    this.present.set(task.id, task)
    this.place(task)
  }

  private place(task: TaskState): void {
    const last = this.items.at(-1)
    if (this.size === 0 || (last && last.orderKey < task.orderKey)) {
      this.items.push(task)
      return
    }
    this.items.splice(this.placeOf(task.orderKey), 0, task)
  }

  private placeOf(orderKey: number): number {
    let low = this.head
    let high = this.items.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const there = this.items[middle]
      if (there && there.orderKey < orderKey) low = middle + 1
      else high = middle
    }
    return low
  }

  private compact(): void {
    this.items = this.items.slice(this.head)
    this.head = 0
  }
}
