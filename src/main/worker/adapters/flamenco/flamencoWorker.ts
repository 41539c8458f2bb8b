/**
 * One worker at a foreign Flamenco Manager: registers once, signs on, and follows the Manager's status requests (awake: fetch and
 * run one task after the other; asleep: poll every few seconds; offline, restart: end).
 */
import { join } from 'node:path'
import { deferred } from '../../../../shared/async.ts'
import type { WorkerStatus } from '../../../../shared/enums.ts'
import type { AgentEnd, AgentOptions } from '../../agent.ts'
import { AttemptRun } from '../../attempt/attempt.ts'
import { StoppedError } from '../../contract/commands.ts'
import { newSecret, type Credentials } from '../../link/credentials.ts'
import { GivenBackError } from '../../contract/errors.ts'
import { RefusedError, UnreachableError } from '../../link/http.ts'
import { ReportLog } from '../../reporting/reportLog.ts'
import { backoffDelay, jittered, pause, settlesWithin, type BackoffRule } from '../../../../shared/async.ts'
import { FlamencoApi, type AssignedTask } from './flamencoApi.ts'
import { Outage } from './outage.ts'
import { OutputUploads } from './outputUploads.ts'
import { UpdateSink } from './updateSink.ts'
import { UpstreamBuffer } from './upstreamBuffer.ts'

/** The delays of a Flamenco Worker. The original also waits 3 s before its first fetch and 2 s after each task; ours does not. */
export interface FlamencoTiming {
  /** After a fetch that returned no task. */
  idleMs: number
  /** After a missing or unexpected reply. */
  errorMs: number
  /** Polling interval while asleep. */
  asleepMs: number
  mayIRunMs: number
  /** Relative jitter of idleMs and errorMs, in both directions. */
  jitter: number
  /** For register, sign-on and state-changed. */
  connect: BackoffRule
  /** At shutdown: time limit for delivering remaining updates, and for children to end. */
  closeMs: number
}

export const FLAMENCO_TIMING: FlamencoTiming = {
  idleMs: 20_000,
  errorMs: 60_000,
  asleepMs: 3000,
  mayIRunMs: 10_000,
  jitter: 0.1,
  connect: { firstMs: 500, maxMs: 5000, factor: 2, jitter: 0.1 },
  closeMs: 5000,
}

type State = 'starting' | 'awake' | 'asleep' | 'offline' | 'restart'

interface Running {
  run: AttemptRun
  sink: UpdateSink
}

export class FlamencoWorker {
  readonly name: string
  workerId = ''
  state: State = 'starting'
  connected = false
  problem = 'connecting'
  task: AssignedTask | undefined
  taskStartedAt = 0
  private readonly options: AgentOptions
  private readonly slot: number
  private readonly timing: FlamencoTiming
  private readonly api: FlamencoApi
  private readonly ending = new AbortController()
  private readonly endingCalled = deferred<void>()
  private readonly uploads: OutputUploads | undefined
  private readonly outage: Outage
  private reportLog: ReportLog | undefined
  private running: Running | undefined
  private closing = false
  private signedOn = false

  constructor(options: AgentOptions, slot: number, timing: FlamencoTiming) {
    this.options = options
    this.slot = slot
    this.timing = timing
    this.name = slot === 0 ? options.name : `${options.name.slice(0, 60)}-${slot + 1}`
    this.api = new FlamencoApi(options.http)
    this.outage = new Outage(options.log, this.name)
    const { previews: maker, log, random } = options
    this.uploads = maker && new OutputUploads({ api: this.api, maker, log, outage: this.outage, random })
  }

  get undelivered(): number {
    return this.reportLog?.size ?? 0
  }

  /** Runs until it is stopped or the Manager requests its end. */
  async run(): Promise<AgentEnd> {
    const { options, ending, timing } = this
    const credentials = await this.signOn()
    if (credentials === undefined) return 'stopped'
    const reportLog = await ReportLog.open({ directory: join(options.dataDir, 'outbox', credentials.workerId), log: options.log })
    this.reportLog = reportLog
    const buffer = new UpstreamBuffer({
      api: this.api,
      reportLog,
      log: options.log,
      outage: this.outage,
      random: options.random,
      onReassigned: (taskId) => this.abandon(taskId, new StoppedError('the Manager assigned the task to another worker')),
    })
    while (!this.closing && !ending.signal.aborted && this.state !== 'offline' && this.state !== 'restart') {
      await this.tellState(this.state === 'awake' ? 'awake' : 'asleep')
      this.become(this.state === 'awake' ? await this.work(buffer) : await this.rest())
    }
    await buffer.close(timing.closeMs)
    if (this.uploads !== undefined) await settlesWithin(this.uploads.idle(), timing.closeMs)
    this.uploads?.end()
    if (this.signedOn) await this.api.signOff().catch((error: unknown) => options.log.warn({ err: error }, 'could not sign off'))
    await reportLog.close()
    this.connected = false
    return this.state === 'offline' || this.state === 'restart' ? this.state : 'stopped'
  }

  /** Graceful: finishes the running task first. */
  async stop(graceful: boolean): Promise<void> {
    this.closing = true
    const running = this.running
    if (running !== undefined) {
      if (graceful) await running.run.done
      else {
        running.run.stop(new GivenBackError(`worker "${this.name}" was shut down`))
        await settlesWithin(running.run.done, this.timing.closeMs * 2)
      }
    }
    this.ending.abort()
    this.endingCalled.resolve()
  }

  /** Registers when there is no identity yet, and signs on; retries until it succeeds. Undefined when stopped before. */
  private async signOn(): Promise<Credentials | undefined> {
    const { options, api } = this
    const { signal } = this.ending
    const key = { manager: options.managerKey, adapter: 'flamenco' as const, slot: this.slot }
    const kinds = options.kinds ?? options.registry.kinds('flamenco')
    let credentials = await options.credentials.find(key)
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        if (credentials === undefined) {
          const secret = newSecret()
          const workerId = await api.register({ name: this.name, secret, platform: options.platform, supported_task_types: kinds }, signal)
          credentials = { ...key, workerId, secret }
          await options.credentials.save(credentials)
          options.log.info({ workerId, name: this.name }, 'registered at the Manager')
        }
        api.authenticate(credentials.workerId, credentials.secret)
        this.workerId = credentials.workerId
        const signOn = { name: this.name, supported_task_types: kinds, software_version: options.software, can_restart: options.canRestart }
        this.become(await api.signOn(signOn, signal))
        this.signedOn = true
        this.connectionRestored()
        return credentials
      } catch (error) {
        if (signal.aborted) break
        this.failed(error)
        // Only an explicit "unknown worker" leads to a new registration. Any other failure is temporary, and registering would leave duplicates.
        if (credentials !== undefined && error instanceof RefusedError && (error.status === 401 || error.status === 403)) {
          options.log.warn({ err: error, workerId: credentials.workerId }, 'the Manager does not know this worker; registering again')
          credentials = undefined
        }
        await pause(backoffDelay(failures, this.timing.connect, options.random()), signal)
      }
    }
    return undefined
  }

  /** Follows a requested status; a status that a worker cannot have means asleep. */
  private become(status: WorkerStatus | undefined): void {
    if (status === undefined) return
    const next = status === 'awake' || status === 'offline' || status === 'restart' ? status : 'asleep'
    if (next !== this.state) this.options.log.info({ worker: this.name, status: next }, 'status changed')
    this.state = next
  }

  private async tellState(status: 'awake' | 'asleep'): Promise<void> {
    const { signal } = this.ending
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        await this.api.stateChanged(status, signal)
        this.connectionRestored()
        return
      } catch (error) {
        if (signal.aborted) return
        this.failed(error)
        if (error instanceof RefusedError && error.status < 500) return
        await pause(backoffDelay(failures, this.timing.connect, this.options.random()), signal)
      }
    }
  }

  /** Asleep: resolves with the status that the Manager requests; undefined when stopped. */
  private async rest(): Promise<WorkerStatus | undefined> {
    const { signal } = this.ending
    while (!signal.aborted) {
      try {
        const requested = await this.api.requestedStatus(signal)
        this.connectionRestored()
        if (requested !== undefined) return requested
      } catch (error) {
        if (!signal.aborted) this.failed(error)
      }
      await pause(this.timing.asleepMs, signal)
    }
    return undefined
  }

  /** Awake: fetches and runs tasks until the Manager requests another status; undefined when stopped. */
  private async work(buffer: UpstreamBuffer): Promise<WorkerStatus | undefined> {
    const { timing, options } = this
    const { signal } = this.ending
    let notAwake = 0
    while (!signal.aborted && !this.closing) {
      // Until it receives the end of the last task, the Manager would assign the same task again.
      await Promise.race([buffer.delivered(), this.endingCalled.promise])
      if (signal.aborted) break
      let waitMs = timing.errorMs
      try {
        const fetched = await this.api.fetchTask(signal)
        this.connectionRestored()
        if (fetched.kind !== 'not-awake') notAwake = 0
        if (fetched.kind === 'change-status') return fetched.status
        if (fetched.kind === 'task') {
          await this.runTask(fetched.task, buffer)
          continue
        }
        if (fetched.kind === 'nothing') waitMs = timing.idleMs
        // The Manager timed this worker out (a long outage). Signing on restores it; repeating the call would not.
        else if (++notAwake === 1 && (await this.signOn()) !== undefined) return this.state
      } catch (error) {
        if (signal.aborted) break
        this.failed(error)
      }
      await pause(jittered(waitMs, timing.jitter, options.random()), signal)
    }
    return undefined
  }

  private async runTask(task: AssignedTask, buffer: UpstreamBuffer): Promise<void> {
    const { options } = this
    const sink = new UpdateSink({
      send: (update) => buffer.add(task.uuid, update),
      congested: () => this.reportLog?.congested(),
      onOutput: (file) => this.uploads?.add(task.uuid, file.path),
    })
    const facts = {
      taskId: task.uuid,
      attempt: 1,
      jobId: task.job,
      jobName: '',
      jobType: task.job_type,
      taskName: task.name,
      kind: task.task_type,
    }
    const commands = task.commands.map((command) => ({ ...command, totalStepCount: command.total_step_count ?? 0 }))
    this.task = task
    this.taskStartedAt = options.now()
    const run = new AttemptRun(
      { task: facts, commands, maxRunMs: 0, maxSilenceMs: 0, existing: { mode: 'keep-whole' } },
      sink,
      options.attempts,
    )
    this.running = { run, sink }
    const asking = new AbortController()
    const asked = this.keepAsking(task.uuid, asking.signal)
    await run.done
    asking.abort()
    await asked
    this.running = undefined
    this.task = undefined
  }

  /** Asks every few seconds whether the task may continue. No reply counts as yes. */
  private async keepAsking(taskId: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(this.timing.mayIRunMs, signal)
      if (signal.aborted) return
      try {
        const answer = await this.api.mayIRun(taskId, signal)
        this.connectionRestored()
        if (!answer.mayKeepRunning) return this.abandon(taskId, new StoppedError(answer.reason))
      } catch (error) {
        if (!signal.aborted) this.failed(error)
      }
    }
  }

  /** Ends the task without further updates. */
  private abandon(taskId: string, reason: StoppedError): void {
    const { running } = this
    if (running === undefined || running.run.plan.task.taskId !== taskId) return
    this.options.log.info({ taskId, reason: reason.message }, 'the Manager revoked the task')
    running.sink.abandon()
    running.run.stop(reason)
  }

  private connectionRestored(): void {
    this.outage.over()
    this.connected = true
  }

  private failed(error: unknown): void {
    this.problem = error instanceof Error ? error.message : String(error)
    if (error instanceof UnreachableError) this.outage.failed(error)
    else {
      this.outage.over()
      if (this.connected) this.options.log.warn({ err: error, worker: this.name }, 'connection to the Manager failed')
    }
    this.connected = false
  }
}
