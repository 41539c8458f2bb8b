/**
 * One worker at a foreign Flamenco Manager: registers once, signs on, and follows the Manager's wishes (awake: fetch and
 * run one task after the other; asleep: ask every few seconds; offline, restart: end).
 */
import { join } from 'node:path'
import { deferred } from '../../../shared/deferred.ts'
import type { WorkerStatus } from '../../../shared/enums.ts'
import type { AgentEnd, AgentOptions } from '../agent.ts'
import { AttemptRun } from '../attempt.ts'
import { StoppedError } from '../commands/types.ts'
import { newSecret, type Credentials } from '../credentials.ts'
import { GivenBackError } from '../errors.ts'
import { RefusedError } from '../http.ts'
import { Outbox } from '../outbox.ts'
import { backoffDelay, jittered, pause, settlesWithin, type BackoffRule } from '../timing.ts'
import { FlamencoApi, type AssignedTask } from './flamencoApi.ts'
import { OutputUploads } from './outputUploads.ts'
import { UpdateSink } from './updateSink.ts'
import { UpstreamBuffer } from './upstreamBuffer.ts'

/** The waits of a Flamenco Worker. It also waits 3 s before its first fetch and 2 s after each task; ours does not. */
export interface FlamencoTiming {
  /** After "nothing to do". */
  idleMs: number
  /** After no answer, or one that is no answer to our question. */
  errorMs: number
  /** Between two looks while asleep. */
  asleepMs: number
  mayIRunMs: number
  /** Spread of idleMs and errorMs, as a share both ways. */
  jitter: number
  /** For register, sign-on and state-changed. */
  connect: BackoffRule
  /** At the end: what is to be said gets this long, and so do children to end. */
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
  private outbox: Outbox | undefined
  private running: Running | undefined
  private closing = false
  private signedOn = false

  constructor(options: AgentOptions, slot: number, timing: FlamencoTiming) {
    this.options = options
    this.slot = slot
    this.timing = timing
    this.name = slot === 0 ? options.name : `${options.name.slice(0, 60)}-${slot + 1}`
    this.api = new FlamencoApi(options.http)
    this.uploads = options.previews && new OutputUploads({ api: this.api, maker: options.previews, log: options.log })
  }

  get undelivered(): number {
    return this.outbox?.size ?? 0
  }

  /** Runs until it is stopped or the Manager asks it to end. */
  async run(): Promise<AgentEnd> {
    const { options, ending, timing } = this
    const credentials = await this.signOn()
    if (credentials === undefined) return 'stopped'
    const outbox = await Outbox.open({ directory: join(options.dataDir, 'outbox', credentials.workerId), log: options.log })
    this.outbox = outbox
    const buffer = new UpstreamBuffer({
      api: this.api,
      outbox,
      log: options.log,
      random: options.random,
      onReassigned: (taskId) => this.abandon(taskId, new StoppedError('the Manager has given the task to somebody else')),
    })
    while (!this.closing && !ending.signal.aborted && this.state !== 'offline' && this.state !== 'restart') {
      await this.tellState(this.state === 'awake' ? 'awake' : 'asleep')
      this.become(this.state === 'awake' ? await this.work(buffer) : await this.rest())
    }
    await buffer.close(timing.closeMs)
    if (this.uploads !== undefined) await settlesWithin(this.uploads.idle(), timing.closeMs)
    this.uploads?.end()
    if (this.signedOn) await this.api.signOff().catch((error: unknown) => options.log.warn({ err: error }, 'could not sign off'))
    await outbox.close()
    this.connected = false
    return this.state === 'offline' || this.state === 'restart' ? this.state : 'stopped'
  }

  /** Graceful: the running task is finished first. */
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

  /** Registers when there is no identity yet, and signs on; tries until it works. Undefined when stopped before. */
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
        this.connected = true
        return credentials
      } catch (error) {
        if (signal.aborted) break
        this.failed(error)
        // Only a clear "I do not know you" makes a new worker. Any other trouble passes, and would leave duplicates behind.
        if (credentials !== undefined && error instanceof RefusedError && (error.status === 401 || error.status === 403)) {
          options.log.warn({ err: error, workerId: credentials.workerId }, 'the Manager does not know this worker; registering anew')
          credentials = undefined
        }
        await pause(backoffDelay(failures, this.timing.connect, options.random()), signal)
      }
    }
    return undefined
  }

  /** Follows a requested status; what a worker cannot be means "rest". */
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
        this.connected = true
        return
      } catch (error) {
        if (signal.aborted) return
        this.failed(error)
        if (error instanceof RefusedError && error.status < 500) return
        await pause(backoffDelay(failures, this.timing.connect, this.options.random()), signal)
      }
    }
  }

  /** Asleep: resolves with the status that the Manager asks for; undefined when stopped. */
  private async rest(): Promise<WorkerStatus | undefined> {
    const { signal } = this.ending
    while (!signal.aborted) {
      try {
        const requested = await this.api.requestedStatus(signal)
        this.connected = true
        if (requested !== undefined) return requested
      } catch (error) {
        if (!signal.aborted) this.failed(error)
      }
      await pause(this.timing.asleepMs, signal)
    }
    return undefined
  }

  /** Awake: fetches and runs tasks until the Manager asks for another status; undefined when stopped. */
  private async work(buffer: UpstreamBuffer): Promise<WorkerStatus | undefined> {
    const { timing, options } = this
    const { signal } = this.ending
    let notAwake = 0
    while (!signal.aborted && !this.closing) {
      // While the end of the last task is not heard, the Manager would hand out the same task again.
      await Promise.race([buffer.delivered(), this.endingCalled.promise])
      if (signal.aborted) break
      let waitMs = timing.errorMs
      try {
        const fetched = await this.api.fetchTask(signal)
        this.connected = true
        if (fetched.kind !== 'not-awake') notAwake = 0
        if (fetched.kind === 'change-status') return fetched.status
        if (fetched.kind === 'task') {
          await this.runTask(fetched.task, buffer)
          continue
        }
        if (fetched.kind === 'nothing') waitMs = timing.idleMs
        // It counted us as gone (an outage longer than its patience). Signing on brings us back, where repeating would not.
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
      congested: () => this.outbox?.congested(),
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
    const run = new AttemptRun({ task: facts, commands, maxRunMs: 0, maxSilenceMs: 0 }, sink, options.attempts)
    this.running = { run, sink }
    const asking = new AbortController()
    const asked = this.keepAsking(task.uuid, asking.signal)
    await run.done
    asking.abort()
    await asked
    this.running = undefined
    this.task = undefined
  }

  /** Asks every few seconds whether the task may go on. No answer counts as yes. */
  private async keepAsking(taskId: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(this.timing.mayIRunMs, signal)
      if (signal.aborted) return
      try {
        const answer = await this.api.mayIRun(taskId, signal)
        this.connected = true
        if (!answer.mayKeepRunning) return this.abandon(taskId, new StoppedError(answer.reason))
      } catch (error) {
        if (!signal.aborted) this.failed(error)
      }
    }
  }

  /** Ends the task without another word about it. */
  private abandon(taskId: string, reason: StoppedError): void {
    const { running } = this
    if (running === undefined || running.run.plan.task.taskId !== taskId) return
    this.options.log.info({ taskId, reason: reason.message }, 'the Manager does not want the task to go on')
    running.sink.abandon()
    running.run.stop(reason)
  }

  private failed(error: unknown): void {
    this.problem = error instanceof Error ? error.message : String(error)
    if (this.connected) this.options.log.warn({ err: error, worker: this.name }, 'trouble with the Manager')
    this.connected = false
  }
}
