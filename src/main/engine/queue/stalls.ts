/**
 * Tasks that no worker can take any longer. They wait for a limited time, in which workers may come back, and then
 * fail: a job must end, be paused by a person, or wait for something that can still happen (rules: outlook.ts).
 */
import { RUNNABLE_JOB_STATUSES, RUNNABLE_TASK_STATUSES } from '../../../shared/enums.ts'
import { english } from '../../../shared/said/said.ts'
import { taskPublicId } from '../../../shared/ids.ts'
import type { AttemptLog } from '../jobs/attemptLog.ts'
import type { Attempts } from '../jobs/attempts.ts'
import { triesAlone } from '../rules/failurePolicy.ts'
import type { Core } from '../base/core.ts'
import { ignoreUnknown } from '../base/errors.ts'
import type { JobCache } from './jobCache.ts'
import type { JobRuntime } from './jobRuntime.ts'
import { jobAfterTaskChange } from '../rules/jobRules.ts'
import type { JobState, JobWait, TaskState, WorkerState } from '../base/model.ts'
import { hasKindAndTag, type Others } from './otherWorkers.ts'
import { unseenText } from '../rules/storageRoots.ts'
import { outlookOf, type Candidate, type Outlook } from '../rules/outlook.ts'
import type { Transitions } from '../jobs/transitions.ts'

export class Stalls {
  private present = ''

  constructor(
    private readonly core: Core,
    private readonly book: JobCache,
    private readonly others: Others,
    private readonly transitions: Transitions,
    private readonly attempts: Attempts,
    private readonly logs: AttemptLog,
    private readonly workers: () => Iterable<WorkerState>,
  ) {}

  /** Fails tasks that have had no eligible worker for too long. */
  async check(): Promise<void> {
    this.notePresence()
    const limit = this.core.settings().nobodyLeftMs
    for (const job of this.book.all()) {
      const stalled = this.stalledOf(job)
      const keys = new Set(stalled.map(({ key }) => key))
      for (const key of job.stalledSince.keys()) if (!keys.has(key)) job.stalledSince.delete(key)
      for (const { key, kind, task, message, optionalOnly } of stalled) {
        const since = job.stalledSince.get(key) ?? this.core.now()
        job.stalledSince.set(key, since)
        if (this.core.now() - since < limit) continue
        job.stalledSince.delete(key)
        const reason = english('task.nobody-left', { why: message })
        if (optionalOnly) await this.concedeOptional(job, kind, message)
        else if (task) await this.failTask(job, task, reason)
        else if (!(await this.concedeOptional(job, kind, reason)))
          await this.failKind(job, kind, english('job.nobody-left', { kind, why: message }))
      }
    }
    await this.core.store.durable()
  }

  /** The time of day moved by this much without being counted. */
  shift(ms: number): void {
    for (const job of this.book.all()) for (const [key, since] of job.stalledSince) job.stalledSince.set(key, since + ms)
  }

  /** What the job waits for, the most urgent first; empty when an awake worker is eligible for its tasks. */
  waitsOf(job: JobRuntime): JobWait[] {
    if (!mayRun(job, this.core.now())) return []
    const limit = this.core.settings().nobodyLeftMs
    const waits: JobWait[] = []
    for (const { key, kind, outlook } of this.outlooks(job)) {
      const { state, rule, message, advice, said } = outlook
      const until = state === 'stalled' ? (job.stalledSince.get(key) ?? this.core.now()) + limit : null
      waits.push({ state, rule, kind, message, advice, said, until })
    }
    return waits.toSorted((a, b) => (a.until ?? NEVER) - (b.until ?? NEVER))
  }

  /** Jobs that wait like this, with the most urgent wait of each, those that fail soonest first. */
  waitingJobs(limit: number): { job: JobState; wait: JobWait }[] {
    const found: { job: JobState; wait: JobWait }[] = []
    for (const job of this.book.all()) {
      const [wait] = this.waitsOf(job)
      if (wait) found.push({ job: job.state, wait })
    }
    return found.toSorted((a, b) => (a.wait.until ?? NEVER) - (b.wait.until ?? NEVER) || b.job.id - a.job.id).slice(0, limit)
  }

  /** When a stalled task fails if nothing changes. */
  failsAt(job: JobRuntime, { id, kind }: TaskState): number {
    const since = job.stalledSince.get(`${kind}/${id}`) ?? job.stalledSince.get(kind) ?? this.core.now()
    return since + this.core.settings().nobodyLeftMs
  }

  /** The outlook of one task with the current workers, whatever its job waits for. */
  ofTask(job: JobRuntime, task: TaskState): Outlook {
    const mayRetry = this.others.mayRetry(job, task)
    const failedBy = job.failures.get(task.id)
    const excludedWorkers = job.excludedWorkers.get(task.id)
    const hurried = failedBy !== undefined && task.retries >= triesAlone(job.state.policy)
    const excluded = ({ id }: WorkerState): Candidate['excluded'] => {
      if (excludedWorkers?.has(id)) return 'kept-off'
      return failedBy?.has(id) && !mayRetry ? 'failed' : undefined
    }
    return this.outlook(job, task.kind, excluded, hurried)
  }

  /** With `optionalOnly`, those that may still get a worker: optional tasks must not keep a job from ending. */
  private stalledOf(job: JobRuntime): { key: string; kind: string; task: TaskState | undefined; message: string; optionalOnly: boolean }[] {
    if (!mayRun(job, this.core.now())) return []
    return [...this.outlooks(job)].flatMap(({ key, kind, task, outlook }) =>
      outlook.state === 'stalled' || (outlook.state === 'waiting' && outlook.rule === 'no-worker')
        ? [{ key, kind, task, message: outlook.message, optionalOnly: outlook.state === 'waiting' }]
        : [],
    )
  }

  /** Of each kind that has ready tasks, and of ready tasks that exclude some workers, unless a worker is eligible. */
  private *outlooks(job: JobRuntime) {
    const { counts } = job.state
    const looksAtTasks = counts['soft-failed'] > 0 || job.excludedWorkers.size > 0
    for (const queue of job.queues.values()) {
      if (queue.headKey === undefined) continue
      const { kind } = queue
      const outlook = this.outlook(job, kind, () => undefined)
      if (outlook.state !== 'open') {
        yield { key: kind, kind, task: undefined, outlook }
        continue
      }
      if (!looksAtTasks) continue
      // No worker requests tasks of a queue without eligible workers.
      if (queue.headMayBeOnDisk) void queue.refill()
      for (const task of queue.tasks()) {
        if (task.status !== 'soft-failed' && !job.failures.has(task.id) && !job.excludedWorkers.has(task.id)) continue
        const ofTask = this.ofTask(job, task)
        if (ofTask.state !== 'open') yield { key: `${kind}/${task.id}`, kind, task, outlook: ofTask }
      }
    }
  }

  private outlook(job: JobRuntime, kind: string, excluded: (worker: WorkerState) => Candidate['excluded'], hurried = false): Outlook {
    const candidates: Candidate[] = []
    const pending: string[] = []
    for (const worker of this.workers()) {
      if (!hasKindAndTag(job, kind, worker)) continue
      if (worker.approvedAt === null) {
        pending.push(worker.name)
        continue
      }
      const unseen = this.others.unseenStorage(job, worker)
      const exclusion = this.others.isBlocked(job, kind, worker) ? 'blocked' : unseen ? 'storage' : excluded(worker)
      const presence = this.others.presence(worker)
      candidates.push({ name: worker.name, presence, excluded: exclusion, ...(unseen && { unseen: unseenText(unseen) }) })
    }
    return outlookOf(kind, job.state.tagId !== null, candidates, pending, hurried)
  }

  private async failTask(job: JobRuntime, { index }: TaskState, reason: string): Promise<void> {
    await this.book
      .changeTask(taskPublicId(job.state.publicId, index), async (_, task) => {
        if (!RUNNABLE_TASK_STATUSES.includes(task.status) || this.ofTask(job, task).state !== 'stalled') return
        await this.logs.appendToLast(job, task, `Task failed: ${reason}`)
        if (RUNNABLE_TASK_STATUSES.includes(task.status)) await this.attempts.failed(job, task, undefined, reason)
      })
      .catch(ignoreUnknown)
  }

  /** Gives up waiting optional tasks of the kind, each separately. True: no other task of the kind waits. */
  private async concedeOptional(job: JobRuntime, kind: string, reason: string): Promise<boolean> {
    while (job.busy) await job.busy
    const queue = job.queues.get(kind)
    // No worker requested them, so they may be on disk only.
    if (queue?.headMayBeOnDisk) await queue.refill()
    const waiting = [...(queue?.tasks() ?? [])]
    for (const task of waiting) {
      if (task.optional && RUNNABLE_TASK_STATUSES.includes(task.status)) await this.attempts.failed(job, task, undefined, reason)
    }
    return waiting.length > 0 && queue?.headKey === undefined
  }

  private async failKind(job: JobRuntime, kind: string, reason: string): Promise<void> {
    while (job.busy) await job.busy
    let following: Promise<void> | undefined
    const change = (): Promise<number> =>
      this.core.store.bulkTaskStatus(job.state.id, RUNNABLE_TASK_STATUSES, 'failed', reason, this.core.now(), kind)
    await this.book.bulk(job, change, () => {
      this.transitions.announceJob(job, null, true)
      const { policy } = job.state
      const next = jobAfterTaskChange(job.state, 'failed', policy)
      if (policy.failJobWhenNobodyLeft || next?.status === 'failed') following = this.transitions.job(job, 'failed', reason)
      else if (next) following = this.transitions.job(job, next.status, next.reason)
    })
    await following
    await this.transitions.closeIfStuck(job, reason)
  }

  /** A worker that came or left may have made a failed task available to the remaining ones. */
  private notePresence(): void {
    let present = ''
    for (const worker of this.workers()) {
      const presence = this.others.presence(worker)
      if (presence === 'awake' || presence === 'asleep') present += `${worker.id},`
    }
    if (present === this.present) return
    this.present = present
    this.book.ready.emit()
  }
}

const NEVER = Number.MAX_SAFE_INTEGER

/** Whether its tasks wait for workers, rather than for a time, another job or a person. */
function mayRun({ state, busy }: JobRuntime, now: number): boolean {
  if (busy || state.deletedAt !== null || !RUNNABLE_JOB_STATUSES.includes(state.status)) return false
  return state.unmetJobs === 0 && (state.startAfter === null || state.startAfter <= now)
}
