/** What clients do to Fastlane's jobs, in the farm's words: a job is one of ours, an execution a task of it (docs/fastlane-api.md). */
import { randomUUID } from 'node:crypto'
import { Value } from 'typebox/value'
import { taskPublicId } from '../../../shared/ids.ts'
import { Policy } from '../../../shared/policy.ts'
import type { AuthoredTask, Companion, CompiledJob } from '../../engine/compiledJob.ts'
import { compileTasks } from '../../engine/compileTasks.ts'
import { ConflictError, NotFoundError } from '../../engine/errors.ts'
import type { NewJobRecord } from '../../engine/farmEngine.ts'
import { changeFastlaneJob, noteStop, setPending, type FastlaneJobValues, type FastlaneRun } from '../../store/fastlaneRows.ts'
import {
  executionsOf,
  findFastlaneJob,
  forgottenTasks,
  halfStoppedTasks,
  openExecutions,
  pendingFastlaneJobs,
  type ExecutionRow,
  type FastlaneJobRow,
} from '../../store/queries/fastlane.ts'
import type { ApiContext } from '../context.ts'
import type { Payload } from './payload.ts'
import { executionStatus, isFinal } from './status.ts'
import { fullImage } from './values.ts'

/** Who asks: owner of what is made, and the address that is shown. */
export interface Requester {
  actor: string
  ip: string
}

export interface Enqueued {
  jobId: string
  /** Null: it appears at its moment. */
  executionId: string | null
  queueId: string
}

/** The run of an execution: what a retry needs to run the same again. */
interface RunPlan {
  image: string
  command: string
  env: Record<string, string | null>
  extraHosts: Record<string, string>
  timeoutMs: number
}

export class FastlaneJobs {
  /** All that happens to one job happens one after the other. */
  private readonly tails = new Map<string, Promise<unknown>>()

  constructor(private readonly context: ApiContext) {}

  /** Does the rest of what a crash cut off: runs that nobody knows of any more or that were stopped must not run, schedules follow. */
  async mend(): Promise<void> {
    const { read } = this.context
    const runs = [...(await forgottenTasks(read)), ...(await halfStoppedTasks(read))]
    for (const { jobPublicId, index } of runs) await this.cancel(jobPublicId, index, 'manager')
    for (const job of await pendingFastlaneJobs(read)) await this.carryOut(job, 'manager')
  }

  /** POST: always a new job. */
  enqueue(task: string, payload: Payload, by: Requester): Promise<Enqueued> {
    const publicId = randomUUID()
    return this.create(task, publicId, publicId, payload, by)
  }

  /** PUT: a new job with the client's id, or the job with that id changed and run (protocol 2.7). */
  put(task: string, clientId: string, payload: Payload, by: Requester, assertMayChange: (owner: string) => void): Promise<Enqueued> {
    return this.inTurn(`${task}/${clientId}`, async () => {
      const job = await findFastlaneJob(this.context.read, task, clientId)
      if (!job) return this.create(task, clientId, randomUUID(), payload, by)
      assertMayChange(job.owner)
      return this.change(job, payload, by)
    })
  }

  /** Ends what runs and what waits, with its schedule; there are no more retries (protocol 2.9). */
  stop(job: FastlaneJobRow, actor: string): Promise<void> {
    return this.inTurn(keyOf(job), async () => {
      await this.context.writer.exclusive((tx) => setPending(tx, job.id, 'stop'))
      await this.carryOut({ ...job, pending: 'stop' }, actor)
    })
  }

  /** Ends one execution; its job's schedule goes on (protocol 2.13). */
  stopExecution(job: FastlaneJobRow, execution: ExecutionRow, actor: string): Promise<void> {
    return this.inTurn(keyOf(job), async () => {
      const open = await openExecutions(this.context.read, job.id)
      const runs = open.filter(({ index }) => index === execution.index)
      // Its own retry, when one waits, was made of it and goes with it.
      const retries = open.filter((each) => isDelayedRetry(each, this.context.now()))
      await this.stopRuns(job, [...runs, ...retries], actor)
    })
  }

  /** Whether a run waits for its moment: a delayed start, a cron, an automatic retry. */
  async isScheduled(job: FastlaneJobRow): Promise<boolean> {
    if (this.scheduleOf(job)) return true
    const now = this.context.now()
    return (await openExecutions(this.context.read, job.id)).some(({ notBefore }) => notBefore !== null && notBefore > now)
  }

  /** Runs the last execution's image and command again, now; what runs is stopped (protocol 2.10). */
  retry(job: FastlaneJobRow, actor: string): Promise<void> {
    return this.inTurn(keyOf(job), async () => {
      const { read, now } = this.context
      const [last] = await executionsOf(read, job.id, now(), 0, 1)
      if (!last) throw new NotFoundError('execution', job.clientId)
      const status = executionStatus(last, now())
      const stops = status !== 'enqueued' && !isFinal(status) ? last.taskId : undefined
      const execution = { ...runOf(last), requestIp: null, appearsAt: null, expiresAt: null }
      await this.grow(job, planOf(job, last), { execution, stops }, {})
      if (stops !== undefined) await this.cancel(job.publicId, last.index, actor)
    })
  }

  /** The automatic retry after an execution that failed. Happens once for each: `execution.settledAt` says whether it has. */
  retryAfter(job: FastlaneJobRow, execution: ExecutionRow): Promise<void> {
    return this.inTurn(keyOf(job), async () => {
      const { fastlaneRetryMs, fastlaneRetryFactor } = this.context.settings.current()
      const retryCount = job.retryCount + 1
      const delayMs = Math.min(fastlaneRetryMs * fastlaneRetryFactor ** retryCount, MAX_RETRY_WAIT_MS)
      const { requestIp, expiresAt } = execution
      await this.grow(
        job,
        planOf(job, execution),
        { execution: { ...runOf(execution), requestIp, appearsAt: null, expiresAt }, retryCount, settles: execution.taskId },
        { notBefore: this.context.now() + delayMs, ...(expiresAt !== null && { startBy: expiresAt }) },
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
      owner: by.actor,
      name: task.slice(0, MAX_NAME_CHARS),
      type: 'container',
      project: '',
      priority: PRIORITY,
      policy: policyOf(settings.current().taskTimeoutMs),
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
    await farm.submitJob(record, payload.start.kind === 'cron' ? withoutTasks(compiled, run) : compiled)
    return this.enqueued(task, clientId, payload.start.kind === 'now' ? taskPublicId(publicId, 1) : null)
  }

  private async change(job: FastlaneJobRow, payload: Payload, by: Requester): Promise<Enqueued> {
    const { read, writer, now } = this.context
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
    // The old plan goes only now: whatever happens in between, one of the two is there.
    for (const { index } of delayed) await this.cancel(job.publicId, index, by.actor)
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
    const state = await this.context.farm.growJob(job.publicId, this.compile(job.task, job.clientId, plan, run, timing))
    return state.taskCount
  }

  private compile(task: string, clientId: string, plan: RunPlan, run: FastlaneRun, timing: CompiledJob['timing']): CompiledJob {
    const { image, command } = plan
    return {
      ...compileTasks([this.authored(task, clientId, plan)]),
      settings: { image, command },
      metadata: {},
      companions: [{ kind: 'fastlane', values: run }],
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
      pull: this.context.settings.current().fastlanePull,
      localFallback: true,
      routingName: task,
      labels: { 'fastlane.task': task, 'fastlane.job': clientId },
    }
    const commands = [{ name: 'docker-run', parameters, totalStepCount: 1 }]
    return { name: command.slice(0, MAX_NAME_CHARS) || image, kind: 'container', priority: PRIORITY, commands, dependsOn: [] }
  }

  /** Does what a change noted (`pending`); once more after a crash is no harm. */
  private async carryOut(job: FastlaneJobRow, actor: string): Promise<void> {
    const { read, writer } = this.context
    if (job.pending === null) return
    if (job.pending === 'schedule') await this.schedule(job)
    else await this.dropSchedule(job)
    // Only now: a cron that fired in between has added one more.
    if (job.pending === 'stop') await this.stopRuns(job, await openExecutions(read, job.id), actor)
    await writer.exclusive((tx) => setPending(tx, job.id, null))
  }

  /** Each firing adds a run with image and command as the newest payload has them; retries are counted anew (protocol 5.6, 5.7). */
  private async schedule(job: FastlaneJobRow): Promise<void> {
    const { schedules } = this.context.farm
    const { task, clientId, publicId, owner, requestIp, image, command } = job
    // Written by `jobValues`.
    const { cron: expression = '', expiration } = JSON.parse(job.metadata) as { cron?: string; expiration: number | null }
    const expiresAt = expiration === null ? null : expiration * 1000
    const run: FastlaneRun = { execution: { image, command, requestIp, appearsAt: null, expiresAt }, retryCount: 0 }
    const companions: Companion[] = [{ kind: 'fastlane', values: run }]
    const tasks = [this.authored(task, clientId, planOf(job, job))]
    const timing = expiresAt === null ? {} : { timing: { startBy: expiresAt } }
    const template = { kind: 'grow' as const, jobId: publicId, tasks, companions, ...timing }
    const trigger = { kind: 'cron' as const, expression, seconds: 'last' as const, timeZone: 'UTC' }
    const ref = scheduleRef(publicId)
    if (schedules.find(ref)) {
      const { state } = await schedules.change(ref, { trigger, template })
      if (state !== 'active') await schedules.resume(ref)
      return
    }
    const name = `Fastlane: ${task}`.slice(0, MAX_NAME_CHARS)
    await schedules.create({ ...ref, owner, name, trigger, template, missed: 'once', overlap: 'allow' })
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
    await this.context.farm.actOnTask(taskPublicId(jobPublicId, index), 'cancel', actor).catch((error: unknown) => {
      // It came to its end by itself in this moment.
      if (!(error instanceof ConflictError)) throw error
    })
  }

  private inTurn<T>(key: string, run: () => Promise<T>): Promise<T> {
    const before = this.tails.get(key) ?? Promise.resolve()
    const result = before.then(run)
    const tail = result
      .catch(() => undefined)
      .finally(() => {
        if (this.tails.get(key) === tail) this.tails.delete(key)
      })
    this.tails.set(key, tail)
    return result
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

/** One failure is final for its run: what Fastlane calls a retry is a run of its own. No run fails the others. */
function policyOf(touchTimeoutMs: number): Policy {
  return {
    ...Value.Create(Policy),
    failAfterWorkers: 1,
    retryOnSameWorker: true,
    blockAfterFailures: 0,
    failJobAtPercent: 101,
    lastTaskDecides: true,
    touchTimeoutMs,
  }
}

function planFrom({ image, command, env, extraHosts, timeoutMs }: Payload): RunPlan {
  return { image, command, env, extraHosts, timeoutMs }
}

/** The plan of an execution that is run again: its own image and command, the rest as the job has it now. */
function planOf(job: FastlaneJobRow, { image, command }: Pick<ExecutionRow, 'image' | 'command'>): RunPlan {
  // Written by `jobValues`.
  const { envs, additional_dns_entries, timeout } = JSON.parse(job.metadata) as {
    envs: Record<string, unknown>
    additional_dns_entries: [string, string][]
    timeout: number
  }
  const env = Object.entries(envs).map(([name, value]) => [
    name,
    value === null || typeof value === 'string' ? value : JSON.stringify(value),
  ])
  return { image, command, env: Object.fromEntries(env), extraHosts: Object.fromEntries(additional_dns_entries), timeoutMs: timeout * 1000 }
}

function runOf({ image, command }: ExecutionRow): { image: string; command: string } {
  return { image, command }
}

/** @param before the job that is changed: its `custom` stays when the new payload has none */
function jobValues(task: string, clientId: string, payload: Payload, by: Requester, before: FastlaneJobRow | undefined): FastlaneJobValues {
  // Written by this function.
  const { custom } = before ? (JSON.parse(before.metadata) as { custom?: unknown }) : {}
  const kept = payload.hasCustom || custom === undefined ? {} : { custom }
  const { image, command, metadata } = payload
  return { task, clientId, image, command, requestIp: by.ip, metadata: { ...metadata, ...kept } }
}

function timingOf({ start, expiresAt }: Payload): NonNullable<CompiledJob['timing']> {
  return { ...(start.kind === 'delayed' && { notBefore: start.at }), ...(expiresAt !== null && { startBy: expiresAt }) }
}

/** A job that waits for its cron has no run yet. */
function withoutTasks(compiled: CompiledJob, run: FastlaneRun): CompiledJob {
  return {
    settings: compiled.settings,
    metadata: compiled.metadata,
    ...compileTasks([]),
    companions: [{ kind: 'fastlane', values: run }],
  }
}

/** An automatic retry that waits: it has appeared, though its moment has not come. */
function isDelayedRetry({ notBefore, appearsAt, status }: ExecutionRow, now: number): boolean {
  return status === 'queued' && notBefore !== null && notBefore > now && appearsAt <= now
}
