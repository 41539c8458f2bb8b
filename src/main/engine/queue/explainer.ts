/** Explains for a waiting task which rules keep it waiting, which workers each excludes, and what would help. */
import { Value } from 'typebox/value'
import { FINISHED_JOB_STATUSES, type JobStatus } from '../../../shared/enums.ts'
import { inEnglish, say, type Said } from '../../../shared/said/said.ts'
import { taskPublicId } from '../../../shared/ids.ts'
import { ACTOR_KIND, ActorCapabilities, PRIVILEGED_ACTOR_KIND } from '../../../shared/schemas/actorRun.ts'
import type { Explanation, WaitReason } from '../../../shared/schemas/jobs/task.ts'
import type { Core } from '../base/core.ts'
import type { Dispatcher } from './dispatcher.ts'
import { jobHolds, workerExclusion, type JobHold, type WorkerExclusion } from '../rules/eligibility.ts'
import type { JobCache } from './jobCache.ts'
import type { JobRuntime } from './jobRuntime.ts'
import type { TaskState, WorkerState } from '../base/model.ts'
import type { WarmApps } from './warmApps.ts'
import { EXECUTOR_SILENT_MS } from '../rules/externalTerms.ts'
import { told } from '../rules/outlook.ts'
import { unseenText } from '../rules/storageRoots.ts'
import type { StorageProofs } from '../workers/storageProofs.ts'
import type { Stalls } from './stalls.ts'

/** Workers whose trouble with a storage root is named. */
const MAX_NAMED = 5

export class Explainer {
  constructor(
    private readonly core: Core,
    private readonly book: JobCache,
    private readonly dispatcher: Dispatcher,
    private readonly workers: () => WorkerState[],
    private readonly sessions: WarmApps,
    private readonly stalls: Stalls,
    private readonly storage: StorageProofs,
  ) {}

  /** @throws NotFoundError */
  async explain(taskId: string): Promise<Explanation> {
    const { job, task } = await this.book.needTask(taskId)
    const workers = this.workers()
    const everybody = workers.map((worker) => ({ id: worker.publicId, name: worker.name }))
    const reasons: WaitReason[] = []
    const forAll = (rule: string, message: Said, advice: Said): void => {
      reasons.push({ rule, ...told(message, advice), workersExcluded: workers.length, workers: everybody })
    }
    const waiting = task.status === 'queued' || task.status === 'soft-failed'
    const last = task.status === 'failed' && task.attempts > 0 ? await this.core.store.loadAttempt(task.id, task.attempts) : undefined
    const why = last?.reason ?? ''
    const status = why === '' ? say('task-status', { is: task.status }) : say('task-failed', { why })
    if (last?.outcome === 'log-limit') forAll('log-limit', status, say('log-limit.advice'))
    else if (!waiting) forAll('task-status', status, statusAdvice(task.status, job.state.status))
    const now = this.core.now()
    const silent = job.active.get(task.id)?.worker
    if (silent?.adapter === 'external' && silent.lastSeenAt !== null && now - silent.lastSeenAt >= EXECUTOR_SILENT_MS) {
      forAll(
        'external-silent',
        say('external-silent', { worker: silent.name, at: new Date(silent.lastSeenAt).toISOString() }),
        say('external-silent.advice'),
      )
    }
    for (const hold of jobHolds(this.book.facts(job), now)) forAll(...holdText(hold))
    if (task.unmet > 0) forAll('dependency', say('dependency', { n: task.unmet }), say('dependency.advice'))
    if (task.notBefore !== null && task.notBefore > now) {
      forAll('retry-delay', say('retry-delay', { at: new Date(task.notBefore).toISOString() }), say('retry-delay.advice'))
    }
    const holder = job.reserved.get(task.id)?.worker.name
    if (holder !== undefined) forAll('held', say('held', { worker: holder }), say('held.advice'))
    if (this.dispatcher.taskLaneFull(job, task)) forAll('lane', say('task-lane'), say('lane.advice'))
    const excluded = waiting ? this.excludedWorkers(job, task, workers, now) : new Map<WorkerExclusion, WorkerState[]>()
    for (const [rule, group] of excluded) {
      const refs = group.map((worker) => ({ id: worker.publicId, name: worker.name }))
      const words = told(this.whyExcluded(rule, job, task.kind, group), say(`${rule}.advice`))
      reasons.push({ rule, ...words, workersExcluded: refs.length, workers: refs })
    }
    if (waiting && this.book.laneOrder.isBehindOwn(job, task)) forAll('lane-order', say('task-order'), say('order.advice'))
    if (waiting && workers.length === 0) forAll('no-worker', say('no-workers'), say('no-workers.advice'))
    const outlook = waiting && task.unmet === 0 ? this.stalls.ofTask(job, task) : undefined
    if (outlook?.state === 'stalled') forAll(outlook.rule, say('nobody-left', { why: outlook.said.message }), outlook.said.advice)
    const eligible = workers.length - [...excluded.values()].reduce((sum, group) => sum + group.length, 0)
    const blockedForAll = reasons.some((reason) => reason.workersExcluded === workers.length && reason.workers === everybody)
    const said =
      outlook?.state === 'stalled'
        ? say('summary.stalled', { why: outlook.said.message, at: new Date(this.stalls.failsAt(job, task)).toISOString() })
        : summary(task, reasons, { eligible, total: workers.length, why })
    return {
      taskId: taskPublicId(job.state.publicId, task.index),
      status: task.status,
      summary: inEnglish(said),
      said,
      workersTotal: workers.length,
      workersEligible: waiting && !blockedForAll ? eligible : 0,
      openOn: this.sessions.openOn(job.state.id),
      reasons,
    }
  }

  private whyExcluded(rule: WorkerExclusion, job: JobRuntime, kind: string, group: readonly WorkerState[]): Said {
    const n = group.length
    if (rule === 'storage') return say('storage', { n, why: this.whyUnseen(job, group) })
    const why = rule === 'kind' ? whyNotOfKind(kind, group) : undefined
    return why === undefined ? say(rule, { n, kind }) : say('kind.because', { n, kind, why })
  }

  /** `anna: /mnt/projects: permission denied; …`, of a few workers. */
  private whyUnseen(job: JobRuntime, group: readonly WorkerState[]): string {
    const found = group.slice(0, MAX_NAMED).map((worker) => {
      const unseen = this.storage.unseen(job.state.storageRoots, worker)
      return `${worker.name}: ${unseen === undefined ? '' : unseenText(unseen)}`
    })
    return [...found, ...(group.length > MAX_NAMED ? ['…'] : [])].join('; ')
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

/** What workers reported at sign-on about a kind that they do not offer; undefined when none of them did. */
function whyNotOfKind(kind: string, workers: readonly WorkerState[]): string | undefined {
  if (kind !== ACTOR_KIND && kind !== PRIVILEGED_ACTOR_KIND) return undefined
  const reasons = new Set<string>()
  for (const { name, capabilities } of workers) {
    const actors = capabilities['actors']
    if (!Value.Check(ActorCapabilities, actors)) continue
    if (!actors.available) reasons.add(`${name}: ${actors.problem}`)
    else if (kind === PRIVILEGED_ACTOR_KIND) reasons.add(`${name}: its owner does not allow privileged containers with the engine's socket`)
  }
  return reasons.size === 0 ? undefined : [...reasons].join('; ')
}

function summary(task: TaskState, reasons: WaitReason[], { eligible, total, why }: { eligible: number; total: number; why: string }): Said {
  if (task.status === 'active') return say('summary.running')
  if (why !== '') return say('summary.failed', { why })
  if (task.status !== 'queued' && task.status !== 'soft-failed') return say('summary.ended', { is: task.status })
  if (total === 0) return say('summary.no-workers')
  const first = reasons.find((reason) => reason.workersExcluded === total)
  if (first?.said) return say('summary.waits', { why: first.said.message })
  if (eligible === 0) return say('summary.excluded', { parts: reasons.flatMap(({ said }) => said?.message ?? []) })
  return say('summary.next', { eligible, total })
}

function statusAdvice(status: string, jobStatus: JobStatus): Said {
  if (status === 'active') return say('task-status.running')
  if (status === 'paused' && FINISHED_JOB_STATUSES.includes(jobStatus)) return say('task-status.requeue-job')
  if (status === 'paused') return say('task-status.resume')
  return say('task-status.requeue')
}

function holdText(hold: JobHold): [rule: string, message: Said, advice: Said] {
  switch (hold.rule) {
    case 'status': {
      const isPaused = hold.status === 'paused' || hold.status === 'pause-requested'
      return ['job-status', say('job-status', { is: hold.status }), say(isPaused ? 'task-status.resume' : 'task-status.requeue-job')]
    }
    case 'deleted':
      return ['job-deleted', say('job-deleted'), say('job-deleted.advice')]
    case 'start-after':
      return ['start-after', say('start-after', { at: new Date(hold.at).toISOString() }), say('start-after.advice')]
    case 'job-dependency':
      return ['job-dependency', say('job-dependency', { n: hold.unmet }), say('job-dependency.advice')]
    case 'limit':
      return ['limit', say('limit', { name: hold.limit.name, max: hold.limit.max }), say('limit.advice')]
    case 'max-tasks':
      return ['max-tasks', say('max-tasks', { max: hold.max }), say('max-tasks.advice')]
    case 'lane':
      return ['lane', say('job-lane', { max: hold.concurrency }), say('lane.advice')]
    case 'lane-order':
      return ['lane-order', say('job-lane-order'), say('order.advice')]
    case 'busy':
      return ['busy', say('busy'), say('busy.advice')]
  }
}
