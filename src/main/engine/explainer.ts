/** Says for a task that waits which rules keep it waiting, whom each excludes, and what could be done. */
import { taskPublicId } from '../../shared/ids.ts'
import { plural, pluralDo } from '../../shared/plural.ts'
import type { Explanation, WaitReason } from '../../shared/schemas/job.ts'
import type { Core } from './core.ts'
import type { Dispatcher } from './dispatcher.ts'
import { jobHolds, workerExclusion, type JobHold, type WorkerExclusion } from './eligibility.ts'
import type { JobBook } from './jobBook.ts'
import type { JobRuntime } from './jobRuntime.ts'
import type { TaskState, WorkerState } from './model.ts'
import type { SessionBook } from './sessionBook.ts'

export class Explainer {
  constructor(
    private readonly core: Core,
    private readonly book: JobBook,
    private readonly dispatcher: Dispatcher,
    private readonly workers: () => WorkerState[],
    private readonly sessions: SessionBook,
  ) {}

  /** @throws NotFoundError */
  async explain(taskId: string): Promise<Explanation> {
    const { job, task } = await this.book.needTask(taskId)
    const workers = this.workers()
    const everybody = workers.map((worker) => ({ id: worker.publicId, name: worker.name }))
    const reasons: WaitReason[] = []
    const forAll = (rule: string, message: string, advice: string): void => {
      reasons.push({ rule, message, advice, workersExcluded: workers.length, workers: everybody })
    }
    const waiting = task.status === 'queued' || task.status === 'soft-failed'
    if (!waiting) forAll('task-status', `the task is ${task.status}`, statusAdvice(task.status))
    const now = this.core.now()
    for (const hold of jobHolds(this.book.facts(job), now)) forAll(...holdText(hold))
    if (task.unmet > 0) {
      forAll(
        'dependency',
        `${pluralDo(task.unmet, 'task group', 'that it depends on is', 'that it depends on are')} not completed`,
        'wait for them, or requeue what failed among them',
      )
    }
    if (task.notBefore !== null && task.notBefore > now) {
      forAll('retry-delay', `it is tried again at ${new Date(task.notBefore).toISOString()}`, 'wait, or requeue the task to try at once')
    }
    const holder = job.reserved.get(task.id)?.worker.name
    if (holder !== undefined) {
      forAll(
        'held',
        `worker "${holder}" holds it as its next task`,
        'nothing: it begins when that worker is done, or sooner on any that is free',
      )
    }
    if (this.dispatcher.taskLaneFull(job, task)) forAll('lane', 'the lane of the task is full', 'wait for the tasks before it')
    const excluded = waiting ? this.excludedWorkers(job, task, workers, now) : new Map<WorkerExclusion, WorkerState[]>()
    for (const [rule, group] of excluded) {
      const { message, advice } = EXCLUSION_TEXT[rule]
      const refs = group.map((worker) => ({ id: worker.publicId, name: worker.name }))
      reasons.push({ rule, message: message(task.kind, refs.length), advice, workersExcluded: refs.length, workers: refs })
    }
    const eligible = workers.length - [...excluded.values()].reduce((sum, group) => sum + group.length, 0)
    const blockedForAll = reasons.some((reason) => reason.workersExcluded === workers.length && reason.workers === everybody)
    return {
      taskId: taskPublicId(job.state.publicId, task.index),
      status: task.status,
      summary: summary(task, reasons, eligible, workers.length),
      workersTotal: workers.length,
      workersEligible: waiting && !blockedForAll ? eligible : 0,
      openOn: this.openOn(job.state.id),
      reasons,
    }
  }

  /** Workers that have an application of the job open. */
  openOn(jobKey: number): { id: string; name: string }[] {
    const holders = new Set(this.sessions.ofJob(jobKey).map(({ workerKey }) => workerKey))
    return this.workers().flatMap((worker) => (holders.has(worker.id) ? [{ id: worker.publicId, name: worker.name }] : []))
  }

  private excludedWorkers(job: JobRuntime, task: TaskState, workers: WorkerState[], now: number): Map<WorkerExclusion, WorkerState[]> {
    const groups = new Map<WorkerExclusion, WorkerState[]>()
    for (const worker of workers) {
      const rule = workerExclusion(this.dispatcher.taskFacts(job, task, worker), this.dispatcher.workerFacts(worker), now, true)
      if (rule === undefined) continue
      const group = groups.get(rule)
      if (group) group.push(worker)
      else groups.set(rule, [worker])
    }
    return groups
  }
}

function summary(task: TaskState, reasons: WaitReason[], eligible: number, total: number): string {
  if (task.status === 'active') return 'The task is running.'
  if (task.status !== 'queued' && task.status !== 'soft-failed') return `The task is ${task.status} and does not wait.`
  if (total === 0) return 'There are no workers in the farm.'
  const first = reasons.find((reason) => reason.workersExcluded === total)
  if (first) return `It waits: ${first.message}.`
  if (eligible === 0) return 'It waits: every worker is excluded by one rule or another.'
  return `It is next in line for ${eligible} of ${plural(total, 'worker')}, after tasks of higher rank.`
}

function statusAdvice(status: string): string {
  if (status === 'active') return 'nothing: it is running'
  if (status === 'paused') return 'resume the job'
  return 'requeue the task to run it again'
}

function holdText(hold: JobHold): [rule: string, message: string, advice: string] {
  switch (hold.rule) {
    case 'status':
      return ['job-status', `the job is ${hold.status}`, hold.status === 'paused' ? 'resume the job' : 'requeue the job to run it again']
    case 'deleted':
      return ['job-deleted', 'the job is deleted', 'undelete the job']
    case 'start-after':
      return ['start-after', `the job may not start before ${new Date(hold.at).toISOString()}`, 'wait, or change its start time']
    case 'job-dependency':
      return [
        'job-dependency',
        `${pluralDo(hold.unmet, 'job', 'that it depends on is', 'that it depends on are')} not completed`,
        'wait, or requeue what failed',
      ]
    case 'limit':
      return [
        'limit',
        `limit "${hold.limit.name}" has ${plural(hold.limit.max, 'unit')}, and none is free`,
        'wait for a unit, or raise the limit',
      ]
    case 'lane':
      return ['lane', `the job's lane runs ${plural(hold.concurrency, 'task')} at once and is full`, 'wait for the tasks before it']
    case 'lane-order':
      return ['lane-order', "the job's lane is in order, and an older task in it is not done", 'wait for it, or cancel it']
    case 'busy':
      return ['busy', 'many of its tasks are being changed right now', 'wait a moment']
  }
}

const EXCLUSION_TEXT: Record<WorkerExclusion, { message: (kind: string, n: number) => string; advice: string }> = {
  kind: {
    message: (kind, n) => `${plural(n, 'worker')} cannot run tasks of kind "${kind}"`,
    advice: 'install the program on a worker, or allow the kind in its configuration',
  },
  tag: {
    message: (_, n) => pluralDo(n, 'worker', "lacks the job's tag", "lack the job's tag"),
    advice: 'give the tag to a worker, or remove it from the job',
  },
  blocked: {
    message: (kind, n) => `${pluralDo(n, 'worker', 'is', 'are')} blocked for tasks of kind "${kind}" of this job`,
    advice: 'remove the worker from the blocklist',
  },
  'failed-before': {
    message: (_, n) => `${plural(n, 'worker')} failed this task before`,
    advice: 'requeue the task to let them try again, or add a worker',
  },
  'kept-off': {
    message: (_, n) => `${pluralDo(n, 'worker', 'is', 'are')} kept from this task: it was requeued to run elsewhere`,
    advice: 'wait for another worker, or requeue the task to let everybody have it',
  },
  avoid: { message: (_, n) => `${plural(n, 'worker')} lost the task a moment ago`, advice: 'wait up to a minute' },
  'max-workers': {
    message: (_, n) => `${pluralDo(n, 'worker', 'waits', 'wait')} because the job's maximum of workers is at it`,
    advice: "raise the job's maximum of workers",
  },
  'machine-limit': {
    message: (_, n) => `${pluralDo(n, 'worker', 'is on a machine', 'are on machines')} without a licence unit, and none is free`,
    advice: 'wait, or raise the limit',
  },
  'not-approved': {
    message: (_, n) => pluralDo(n, 'worker', 'waits for approval', 'wait for approval'),
    advice: 'approve on the Workers page who waits',
  },
  'not-awake': { message: (_, n) => pluralDo(n, 'worker', 'is not awake', 'are not awake'), advice: 'wake them, or start their program' },
  'status-requested': {
    message: (_, n) => pluralDo(n, 'worker', 'is about to change its state', 'are about to change their state'),
    advice: 'wait, or take the request back',
  },
  'no-free-slot': { message: (_, n) => pluralDo(n, 'worker', 'is busy', 'are busy'), advice: 'wait until they are done' },
}
