/**
 * Maps the operations on Fastlane's jobs to the farm: a Fastlane job is one of our jobs, an execution is a task of it
 * (docs/fastlane-api.md).
 */
import { randomUUID } from 'node:crypto'
import { Sequencer } from '../../../../shared/async.ts'
import { taskPublicId } from '../../../../shared/ids.ts'
import type { AuthoredTask, SideRow, CompiledJob } from '../../../engine/base/compiledJob.ts'
import { compileTasks } from '../../../engine/compile/compileTasks.ts'
import { ConflictError, NotFoundError } from '../../../engine/base/errors.ts'
import type { NewJobRecord } from '../../../engine/base/farmRecords.ts'
import { changeFastlaneJob, noteStop, setPending, type FastlaneRun } from '../store/rows.ts'
import {
  executionsOf,
  fastlaneJobByPublicId,
  findExecution,
  findFastlaneJob,
  forgottenTasks,
  halfStoppedTasks,
  openExecutions,
  pendingFastlaneJobs,
  type ExecutionRow,
  type FastlaneJobRow,
} from '../store/queries.ts'
import type { ApiContext } from '../../../http/context.ts'
import type { Payload } from '../payload.ts'
import {
  isDelayedRetry,
  jobValues,
  planFrom,
  planOf,
  policyOf,
  runOf,
  timingOf,
  withoutTasks,
  type Requester,
  type RunPlan,
} from './plan.ts'
import { FastlaneSettings } from '../settings.ts'
import { executionStatus, isFinal, isRetried } from '../status.ts'
import { fullImage } from '../values.ts'

export interface Enqueued {
  jobId: string
  /** Null: created when its time comes. */
  executionId: string | null
  queueId: string
}

export class FastlaneJobs {
  /** Operations on one job run one after the other. */
  private readonly turns = new Sequencer()

  constructor(private readonly context: ApiContext) {}

  /**
   * Completes what a crash interrupted: runs that were stopped or are no longer recorded must not run, and schedules
   * are restored.
   */
  async recover(): Promise<void> {
    const { read } = this.context
    const runs = [...(await forgottenTasks(read)), ...(await halfStoppedTasks(read))]
    for (const { jobPublicId, index } of runs) await this.cancel(jobPublicId, index, 'manager')
    for (const job of await pendingFastlaneJobs(read)) await this.carryOut(job, 'manager')
  }

  /**
   * POST: always a new job, unless the request's idempotency key shows that it was sent before. @param jobId derived
   * from that key
   */
  enqueue(task: string, payload: Payload, by: Requester, jobId: string | null): Promise<Enqueued> {
    const publicId = jobId ?? randomUUID()
    return this.turns.run(`${task}/${publicId}`, async () => {
      const known = jobId === null ? undefined : await findFastlaneJob(this.context.read, task, jobId)
      if (known === undefined) return this.create(task, publicId, jobId ?? publicId, payload, by)
      const executionId = payload.start.kind === 'now' ? taskPublicId(known.publicId, 1) : null
      return { jobId: known.clientId, executionId, queueId: known.queueId }
    })
  }

  /** PUT: a new job with the client's id, or the existing job changed and run (protocol 2.7). */
  put(task: string, clientId: string, payload: Payload, by: Requester, assertMayChange: (job: FastlaneJobRow) => void): Promise<Enqueued> {
    return this.turns.run(`${task}/${clientId}`, async () => {
      const job = await findFastlaneJob(this.context.read, task, clientId)
      if (!job) return this.create(task, clientId, randomUUID(), payload, by)
      assertMayChange(job)
      return this.change(job, payload, by)
    })
  }

  /** Stops running and waiting executions and the schedule; there are no more retries (protocol 2.9). */
  stop(asked: FastlaneJobRow, actor: string): Promise<void> {
    return this.inTurnWith(asked, async (job) => {
      await this.context.writer.exclusive((tx) => setPending(tx, job.id, 'stop'))
      await this.carryOut({ ...job, pending: 'stop' }, actor)
    })
  }

  /** Stops one execution; its job's schedule continues (protocol 2.13). */
  stopExecution(asked: FastlaneJobRow, execution: ExecutionRow, actor: string): Promise<void> {
    return this.inTurnWith(asked, async (job) => {
      const open = await openExecutions(this.context.read, job.id)
      const runs = open.filter(({ index }) => index === execution.index)
      // A waiting retry was created from this execution and is canceled with it.
      const retries = open.filter((each) => isDelayedRetry(each, this.context.now()))
      await this.stopRuns(job, [...runs, ...retries], actor)
    })
  }

  /** Whether a run waits for its time: a delayed start, a cron, an automatic retry. */
  async isScheduled(job: FastlaneJobRow): Promise<boolean> {
    if (this.scheduleOf(job)) return true
    const now = this.context.now()
    return (await openExecutions(this.context.read, job.id)).some(({ notBefore }) => notBefore !== null && notBefore > now)
  }

  /** Runs the last execution's image and command again, now; stops what is running (protocol 2.10). */
  retry(asked: FastlaneJobRow, actor: string): Promise<void> {
    return this.inTurnWith(asked, async (job) => {
      const { read, now } = this.context
      const [last] = await executionsOf(read, job.id, now(), 0, 1)
      if (!last) throw new NotFoundError('execution', job.clientId)
      const status = executionStatus(last, now())
      const stops = status !== 'enqueued' && !isFinal(status) ? last.taskId : undefined
      await this.grow(
        job,
        planOf(job, last),
        { execution: { ...runOf(last), requestIp: null, appearsAt: null, expiresAt: null }, stops },
        {},
      )
      if (stops !== undefined) await this.cancel(job.publicId, last.index, actor)
    })
  }

  /**
   * Starts the automatic retry of an execution that ended, if it gets one. Checked in the job's sequence, because a
   * stop may have come first. Happens once per execution: `execution.settledAt` records it.
   */
  retryAfter(ended: FastlaneJobRow, { index }: Pick<ExecutionRow, 'index'>): Promise<void> {
    return this.inTurnWith(ended, async (job) => {
      const { read, now, settings } = this.context
      const execution = await findExecution(read, job.id, index, now())
      if (!execution || !isRetried(job, execution, now())) return
      const { fastlaneRetryMs, fastlaneRetryFactor } = settings.of(FastlaneSettings)
      const retryCount = job.retryCount + 1
      const delayMs = Math.min(fastlaneRetryMs * fastlaneRetryFactor ** retryCount, MAX_RETRY_WAIT_MS)
      const { requestIp, expiresAt } = execution
      await this.grow(
        job,
        planOf(job, execution),
        { execution: { ...runOf(execution), requestIp, appearsAt: null, expiresAt }, retryCount, settles: execution.taskId },
        { notBefore: now() + delayMs, ...(expiresAt !== null && { startBy: expiresAt }) },
      )
    })
  }

  scheduleOf(job: Pick<FastlaneJobRow, 'publicId'>) {
    const schedule = this.context.farm.schedules.find(scheduleRef(job.publicId))
    return schedule?.state === 'active' ? schedule : undefined
  }

  // ------------------------------------------------------------------------------------------------------------------

  private async create(task: string, clientId: string, publicId: string, payload: Payload, by: Requester): Promise<Enqueued> {
    const { farm, settings, now } = this.context
    const createdAt = now()
    const plan = planFrom(payload)
    const run: FastlaneRun = { job: jobValues(task, clientId, payload, by, undefined), retryCount: 0 }
    const record: NewJobRecord = {
      publicId,
      origin: 'fastlane',
      owner: by.owner,
      ownerId: by.ownerId,
      adminRights: by.adminRights,
      submittedWith: by.submittedWith,
      name: task.slice(0, MAX_NAME_CHARS),
      type: 'container',
      project: '',
      priority: PRIORITY,
      policy: policyOf(settings.current()),
      watched: { tasks: true },
      queueOrder: 'priority',
      initialStatus: 'queued',
      tag: null,
      maxWorkers: null,
      startAfter: null,
      dependsOn: [],
      limits: [],
      checkoutId: null,
      outputDir: null,
      clientId: `${task}/${clientId}`,
      createdAt,
    }
    const compiled = this.compile(task, clientId, plan, { ...run, ...this.executionOf(payload, by) }, timingOf(payload))
    await farm.jobs.submit(record, payload.start.kind === 'cron' ? withoutTasks(compiled, run) : compiled)
    return this.enqueued(task, clientId, payload.start.kind === 'now' ? taskPublicId(publicId, 1) : null)
  }

  private async change(job: FastlaneJobRow, payload: Payload, by: Requester): Promise<Enqueued> {
    const { read, writer, now, farm } = this.context
    // Future runs belong to this caller: they get no more than the rights of both.
    if (!by.adminRights) await farm.jobs.dropAdminRights(job.publicId)
    const delayed = (await openExecutions(read, job.id)).filter(({ notBefore }) => notBefore !== null && notBefore > now())
    const values = jobValues(job.task, job.clientId, payload, by, job)
    let executionId: string | null = null
    if (payload.start.kind === 'cron') {
      await writer.exclusive((tx) => changeFastlaneJob(tx, job.id, values, now()))
    } else {
      const run = { job: values, dropDelayed: true, ...this.executionOf(payload, by) }
      const index = await this.grow(job, planFrom(payload), run, timingOf(payload))
      if (payload.start.kind === 'now') executionId = taskPublicId(job.publicId, index)
    }
    // The old plan is removed only now: whatever happens in between, one of the two exists.
    for (const { index } of delayed) await this.cancel(job.publicId, index, by.owner)
    return this.enqueued(job.task, job.clientId, executionId)
  }

  private async enqueued(task: string, clientId: string, executionId: string | null): Promise<Enqueued> {
    const job = await findFastlaneJob(this.context.read, task, clientId)
    if (!job) throw new NotFoundError('job', clientId)
    await this.carryOut(job, job.owner)
    return { jobId: clientId, executionId, queueId: job.queueId }
  }

  /** The execution of a payload that runs once. */
  private executionOf({ image, command, start, expiresAt }: Payload, by: Requester): Pick<FastlaneRun, 'execution'> {
    const appearsAt = start.kind === 'delayed' ? Math.max(start.at, this.context.now()) : null
    return { execution: { image, command, requestIp: by.ip, appearsAt, expiresAt } }
  }

  /** Adds one run. Returns its index in the job. */
  private async grow(job: FastlaneJobRow, plan: RunPlan, run: FastlaneRun, timing: NonNullable<CompiledJob['timing']>): Promise<number> {
    const state = await this.context.farm.jobs.grow(job.publicId, this.compile(job.task, job.clientId, plan, run, timing))
    return state.taskCount
  }

  private compile(task: string, clientId: string, plan: RunPlan, run: FastlaneRun, timing: CompiledJob['timing']): CompiledJob {
    const { image, command } = plan
    return {
      ...compileTasks([this.authored(task, clientId, plan)]),
      settings: { image, command },
      metadata: {},
      sideRows: [{ kind: 'fastlane', values: run }],
      ...(timing && { timing }),
    }
  }

  private authored(task: string, clientId: string, plan: RunPlan): AuthoredTask {
    const { image, command, env, extraHosts, timeoutMs } = plan
    const parameters = {
      image: fullImage(image),
      command,
      env,
      extraHosts,
      timeoutMs,
      pull: this.context.settings.of(FastlaneSettings).fastlanePull,
      localFallback: true,
      routingName: task,
      labels: { 'fastlane.task': task, 'fastlane.job': clientId },
    }
    const commands = [{ name: 'docker-run', parameters, totalStepCount: 1 }]
    return { name: command.slice(0, MAX_NAME_CHARS) || image, kind: 'container', priority: PRIORITY, commands, dependsOn: [] }
  }

  /** Carries out a recorded change (`pending`); repeating it after a crash is harmless. */
  private async carryOut(job: FastlaneJobRow, actor: string): Promise<void> {
    const { read, writer } = this.context
    if (job.pending === null) return
    if (job.pending === 'schedule') await this.schedule(job)
    else await this.dropSchedule(job)
    // Only now: a cron that fired in between has added one more.
    if (job.pending === 'stop') await this.stopRuns(job, await openExecutions(read, job.id), actor)
    await writer.exclusive((tx) => setPending(tx, job.id, null))
  }

  /**
   * Each firing adds a run with the image and command of the newest payload; retries are counted from zero (protocol
   * 5.6, 5.7).
   */
  private async schedule(job: FastlaneJobRow): Promise<void> {
    const { schedules } = this.context.farm
    const { task, clientId, publicId, owner, ownerId, submittedWith, requestIp, image, command } = job
    // Written by `jobValues`.
    const { cron: expression = '', expiration } = JSON.parse(job.metadata) as { cron?: string; expiration: number | null }
    const expiresAt = expiration === null ? null : expiration * 1000
    const run: FastlaneRun = { execution: { image, command, requestIp, appearsAt: null, expiresAt }, retryCount: 0 }
    const sideRows: SideRow[] = [{ kind: 'fastlane', values: run }]
    const tasks = [this.authored(task, clientId, planOf(job, job))]
    const timing = expiresAt === null ? {} : { timing: { startBy: expiresAt } }
    const template = { kind: 'grow' as const, jobId: publicId, tasks, sideRows, ...timing }
    const trigger = { kind: 'cron' as const, expression, seconds: 'last' as const, timeZone: 'UTC' }
    const ref = scheduleRef(publicId)
    if (schedules.find(ref)) {
      const { state } = await schedules.change(ref, { trigger, template })
      if (state !== 'active') await schedules.resume(ref)
      return
    }
    const name = `Fastlane: ${task}`.slice(0, MAX_NAME_CHARS)
    const ownership = { owner, ownerId, submittedWith, adminRights: job.adminRights === 1 }
    await schedules.create({ ...ref, ...ownership, name, trigger, template, missed: 'once', overlap: 'allow' })
  }

  private async dropSchedule(job: Pick<FastlaneJobRow, 'publicId'>): Promise<void> {
    await this.context.farm.schedules.delete(scheduleRef(job.publicId)).catch((error: unknown) => {
      if (!(error instanceof NotFoundError)) throw error
    })
  }

  private async stopRuns(job: FastlaneJobRow, runs: ExecutionRow[], actor: string): Promise<void> {
    const { writer, now } = this.context
    const ids = runs.map(({ taskId }) => taskId)
    await writer.exclusive((tx) => noteStop(tx, job.id, ids, now()))
    for (const { index } of runs) await this.cancel(job.publicId, index, actor)
  }

  private async cancel(jobPublicId: string, index: number, actor: string): Promise<void> {
    await this.context.farm.tasks.act(taskPublicId(jobPublicId, index), 'cancel', actor).catch((error: unknown) => {
      // The schedule ended on its own at this moment.
      if (!(error instanceof ConflictError)) throw error
    })
  }

  /** @param asked the job as it was when the request arrived; an earlier operation may have changed it */
  private inTurnWith<T>(asked: FastlaneJobRow, run: (job: FastlaneJobRow) => Promise<T>): Promise<T> {
    return this.turns.run(keyOf(asked), async () => run((await fastlaneJobByPublicId(this.context.read, asked.publicId)) ?? asked))
  }
}

const PRIORITY = 50
const MAX_NAME_CHARS = 200
const MAX_RETRY_WAIT_MS = 7 * 86_400_000

function keyOf({ task, clientId }: Pick<FastlaneJobRow, 'task' | 'clientId'>): string {
  return `${task}/${clientId}`
}

function scheduleRef(publicId: string) {
  return { origin: 'fastlane' as const, clientId: publicId }
}
