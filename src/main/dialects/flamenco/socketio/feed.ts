/**
 * Translates the farm's events into Flamenco's and sends them to rooms. The farm's events are hints, so the other
 * details are read here: jobs and workers from memory, tasks from the database, many at a time.
 */
import type { EventOf, FramehouseEvent } from '../../../../shared/events.ts'
import { taskEventFacts, workerName, type TaskEventFacts } from '../store/queries.ts'
import type { ApiContext } from '../../../http/context.ts'
import { workerTag } from '../convertWorker.ts'
import { lastRenderedInfo } from '../jobFiles.ts'
import { jobDeleted, jobUpdate, taskUpdate, workerDeleted, workerUpdate } from './payloads.ts'
import type { Rooms } from './rooms.ts'

/** Events that wait for the database. Beyond this, task events are dropped: clients reload when they see the job change. */
const MAX_WAITING = 20_000
/** Progress of one job is sent at most this often; status changes are always sent immediately. */
const PROGRESS_MS = 200

export class EventFeed {
  private waiting: FramehouseEvent[] = []
  private draining: Promise<void> | undefined
  private readonly progress = new Map<string, NodeJS.Timeout>()
  private unsubscribe: (() => void) | undefined

  constructor(
    private readonly context: Pick<ApiContext, 'farm' | 'read' | 'log'>,
    private readonly rooms: Rooms,
  ) {}

  /** Subscribes to the farm's events. */
  start(): void {
    this.unsubscribe ??= this.context.farm.onAny((event) => this.take(event))
  }

  /** Unsubscribes when no client is left, so that the farm emits no events for it. */
  stop(): void {
    this.unsubscribe?.()
    this.unsubscribe = undefined
    for (const timer of this.progress.values()) clearTimeout(timer)
    this.progress.clear()
    this.waiting = []
  }

  private take(event: FramehouseEvent): void {
    switch (event.type) {
      case 'log':
        return this.rooms.emit(`/tasklog/${event.taskId}`, '/tasklog', { task_id: event.taskId, log: event.text })
      case 'task':
        if (!this.rooms.isOccupied(`/jobs/${event.jobId}`) || this.waiting.length >= MAX_WAITING) return
        return this.queue(event)
      case 'job':
        if (!this.rooms.isOccupied('/jobs')) return
        return isProgress(event) ? this.queueLater(event) : this.queue(event)
      case 'frame':
      case 'machine':
      case 'limit':
      case 'schedule':
      case 'warning':
      case 'result':
        return
      default:
        return this.queue(event)
    }
  }

  private queueLater(event: EventOf<'job'>): void {
    if (this.progress.has(event.jobId)) return
    const timer = setTimeout(() => {
      this.progress.delete(event.jobId)
      this.queue(event)
    }, PROGRESS_MS)
    this.progress.set(event.jobId, timer.unref())
  }

  private queue(event: FramehouseEvent): void {
    this.waiting.push(event)
    this.draining ??= this.drain().finally(() => (this.draining = undefined))
  }

  /** Sends waiting events in order. Reads tasks of one job together. */
  private async drain(): Promise<void> {
    // Events of the same moment arrive together: a task's and its job's.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.waiting.length > 0) {
      const batch = this.waiting
      this.waiting = []
      try {
        const tasks = await this.readTasks(batch)
        for (const event of batch) await this.tell(event, tasks)
      } catch (error) {
        this.context.log.warn({ error: String(error) }, 'cannot send events to Flamenco clients')
      }
    }
  }

  private async readTasks(batch: readonly FramehouseEvent[]): Promise<Map<string, TaskEventFacts>> {
    const byJob = new Map<string, Set<string>>()
    for (const event of batch) {
      if (event.type !== 'task') continue
      const ids = byJob.get(event.jobId) ?? new Set()
      byJob.set(event.jobId, ids.add(event.taskId))
    }
    const facts = new Map<string, TaskEventFacts>()
    for (const [jobId, ids] of byJob) {
      for (const task of await taskEventFacts(this.context.read, jobId, [...ids])) facts.set(task.id, task)
    }
    return facts
  }

  private async tell(event: FramehouseEvent, tasks: Map<string, TaskEventFacts>): Promise<void> {
    switch (event.type) {
      case 'job':
        return this.tellJob(event)
      case 'task': {
        const task = tasks.get(event.taskId)
        if (task) this.rooms.emit(`/jobs/${event.jobId}`, '/task', taskUpdate(event, task))
        return
      }
      case 'worker':
        return this.tellWorker(event)
      case 'tag':
        return this.tellTag(event)
      case 'last-rendered': {
        const payload = { job_id: event.jobId, thumbnail: lastRenderedInfo(event.jobId) }
        this.rooms.emit(`/jobs/${event.jobId}/last-rendered`, '/last-rendered', payload)
        return this.rooms.emit('/last-rendered', '/last-rendered', payload)
      }
      case 'farm':
        return this.rooms.emit('/status', '/status', { status: event.status })
      case 'lifecycle':
        return this.rooms.emit('/lifecycle', '/lifecycle', { type: `manager-${event.phase}` })
      case 'log':
      case 'frame':
      case 'machine':
      case 'limit':
      case 'schedule':
      case 'warning':
      case 'result':
        return
    }
  }

  private async tellJob(event: EventOf<'job'>): Promise<void> {
    if (event.deleted) return this.rooms.emit('/jobs', '/jobs', jobDeleted(event.jobId))
    const job = await this.context.farm.jobs.find(event.jobId)
    if (job) this.rooms.emit('/jobs', '/jobs', jobUpdate(event, job))
  }

  private async tellWorker(event: EventOf<'worker'>): Promise<void> {
    if (!this.rooms.isOccupied('/workers')) return
    const worker = event.deleted ? undefined : this.context.farm.workers.find(event.workerId)
    if (worker) return this.rooms.emit('/workers', '/workers', workerUpdate(event, worker))
    const gone = await workerName(this.context.read, event.workerId)
    this.rooms.emit('/workers', '/workers', workerDeleted(event, gone?.name ?? ''))
  }

  private tellTag(event: EventOf<'tag'>): void {
    const tag = event.deleted ? undefined : this.context.farm.tags.all().find(({ publicId }) => publicId === event.tagId)
    const payload = tag ? { tag: workerTag(tag) } : { tag: { id: event.tagId, name: '' }, was_deleted: true }
    this.rooms.emit('/workertags', '/workertags', payload)
  }
}

/** Only counters changed. */
function isProgress(event: EventOf<'job'>): boolean {
  return event.previousStatus === null && !event.bulk && !event.deleted
}
