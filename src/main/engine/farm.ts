/** The farm: assembles the engine's parts and implements the interface that dialects use (farmEngine.ts). */
import type { FarmStatus, JobStatus, TaskStatus, WorkerStatus } from '../../shared/enums.ts'
import type { EventOf, EventType, FramehouseEvent } from '../../shared/events.ts'
import type { WorkerRequestAnswer, Report } from '../../shared/schemas/agent.ts'
import type { JobAction } from '../../shared/schemas/jobs/job.ts'
import type { TaskAction } from '../../shared/schemas/jobs/task.ts'
import type { NewWarning, WarningCode } from '../../shared/schemas/jobs/warning.ts'
import type { SleepSchedule } from '../../shared/schemas/worker.ts'
import { Bus } from './base/bus.ts'
import type { CompiledJob } from './base/compiledJob.ts'
import type { Core } from './base/core.ts'
import { UnavailableError } from './base/errors.ts'
import type {
  AppendedTask,
  FarmEngine,
  JobChanges,
  NewFrame,
  NewJobRecord,
  NewWorker,
  ReportExtras,
  RequeueOptions,
  TakeOptions,
  WorkerQuestion,
  WorkerSignOn,
} from './base/farmEngine.ts'
import type { ForeignUpdate } from './base/foreignTask.ts'
import type { CancelSignal } from './base/cancelSignal.ts'
import { HandOuts, type HandOut } from './base/handOut.ts'
import { farmStatusOf } from './rules/farmStatus.ts'
import type { JobState } from './base/model.ts'
import type { FiringCommit } from './base/scheduleEngine.ts'
import type { PurgeableJob } from './base/ports.ts'
import type { ExternalWork } from './workers/externalWork.ts'
import { assemble, type EngineParts } from './parts.ts'
import { rebuild } from './rebuild.ts'
import { Schedules } from './schedules/schedules.ts'
import { askWorker } from './workers/askWorker.ts'
import { Timers, type Every } from './timers.ts'
import type { ClockJump } from './base/watchedClock.ts'

export interface FarmOptions extends Omit<Core, 'bus' | 'handOuts'> {
  every: Every
  onPurge(job: Omit<PurgeableJob, 'id'>): Promise<void>
  /** A job was stored, by any client: called before the client is answered; must not fail. */
  onSubmitted?(job: JobState, settings: Record<string, unknown>): Promise<void>
  /** A person requeued a whole job; must not fail. */
  onRequeued?(job: JobState): Promise<void>
  /** A worker runs twice: the second one was refused. */
  onClone?(worker: { id: string; name: string; address: string }): void
}

export class Farm implements FarmEngine {
  readonly timers: Timers
  readonly schedules: Schedules
  readonly external: ExternalWork
  private readonly core: Core
  /** What it is made of. Dialects see FarmEngine only. */
  readonly parts: EngineParts
  private status: FarmStatus = 'starting'
  private broken = false

  private readonly tell: Pick<FarmOptions, 'onSubmitted' | 'onRequeued'>
  readonly dropTasks: FarmEngine['dropTasks'] = (...given) => this.parts.tasks.drop(...given)

  private constructor(options: FarmOptions) {
    this.core = { ...options, bus: new Bus(options.log), handOuts: new HandOuts() }
    this.tell = options
    this.parts = assemble(this.core, {
      statusMayChange: () => this.noteFarmStatus(),
      jobChanged: () => {
        this.noteFarmStatus()
        this.nudgeHolders()
      },
      ...(options.onClone && { onClone: options.onClone }),
    })
    this.external = this.parts.external
    this.timers = new Timers(this.core, { ...this.parts, onPurge: options.onPurge })
    this.schedules = new Schedules(this.core, this)
    options.onClockJump?.((jump) => this.clockJumped(jump))
  }

  /** Rebuilds the hot state from the database and starts the clock. */
  static async start(options: FarmOptions): Promise<Farm> {
    const farm = new Farm(options)
    await rebuild(farm.core, farm.parts)
    farm.noteFarmStatus()
    await farm.core.store.durable()
    farm.core.bus.emit({ type: 'lifecycle', at: farm.core.now(), phase: 'startup' })
    await farm.schedules.load()
    farm.watchWorkers()
    farm.timers.start(options.every)
    return farm
  }

  /** Releases all waiting calls and stops the clock. The store is closed by its owner. */
  async stop(): Promise<void> {
    this.timers.stop()
    await this.schedules.stop()
    this.parts.requests.stop()
    this.parts.dispatcher.nudgeAll()
    this.core.bus.emit({ type: 'lifecycle', at: this.core.now(), phase: 'shutdown' })
    try {
      this.parts.roster.saveSightings()
      await this.core.store.durable()
    } catch (error) {
      // These changes were never acknowledged.
      if (!(error instanceof UnavailableError)) throw error
      this.core.log.error({ error: error.message }, 'stopping; changes that were not acknowledged are lost')
    }
  }

  /** The manager itself has a fault, or no longer has one. */
  setBroken(broken: boolean): void {
    this.broken = broken
    this.noteFarmStatus()
  }

  /** The disk accepts new work again. */
  roomAgain(): void {
    this.parts.dispatcher.wake()
    this.noteFarmStatus()
  }

  /** Variables or other settings changed. */
  settingsChanged(): void {
    this.parts.assignments.forgetExpanders()
    // Held tasks were described with the old settings.
    for (const reservation of this.parts.leases.reservations.all()) this.parts.leases.reservations.recall(reservation, this.core.now())
  }

  /** The clock was set, or the program was suspended: running durations skip the jump. Called in the reading that detects it. */
  private clockJumped(jump: ClockJump): void {
    const { steppedMs, stoppedMs } = jump
    this.core.log.warn(
      { ...(steppedMs !== 0 && { clockMovedMs: steppedMs }), ...(stoppedMs > 0 && { stoodStillMs: stoppedMs }) },
      steppedMs !== 0
        ? 'the clock of this computer was set, or the computer was suspended: the time between does not count against workers'
        : 'the manager was suspended: the time between does not count against workers',
    )
    this.timers.clockJumped(jump)
    this.parts.roster.clockJumped(jump)
    this.parts.machines.clockJumped()
    this.parts.book.clockJumped(jump)
    this.schedules.clockJumped()
  }

  /** Open applications and open requests disappear with their worker. */
  private watchWorkers(): void {
    this.core.bus.on('worker', ({ workerId, status }) => {
      const worker = status === 'offline' || status === 'error' ? this.parts.roster.find(workerId) : undefined
      if (!worker) return
      this.parts.sessions.closeAll(worker.id, `the worker is ${status}`)
      this.parts.requests.drop(worker)
    })
  }

  /** A job's status changed: notifies workers with applications that it no longer needs. */
  private nudgeHolders(): void {
    if (this.parts.sessions.isEmpty) return
    for (const workerKey of this.parts.sessions.holders())
      if (this.parts.sessions.toClose(workerKey).length > 0) this.parts.dispatcher.nudge(workerKey)
  }

  // Jobs ----------------------------------------------------------------------------------------------------------

  async submitJob(record: NewJobRecord, compiled: CompiledJob, firing?: FiringCommit) {
    const job = await this.parts.jobs.submit(record, compiled, firing)
    this.noteFarmStatus()
    await this.tell.onSubmitted?.(job, compiled.settings)
    return job
  }
  dropAdminRights(jobId: string) {
    return this.parts.jobs.dropAdminRights(jobId)
  }

  growJob(jobId: string, compiled: CompiledJob, firing?: FiringCommit) {
    return this.parts.jobs.grow(jobId, compiled, firing)
  }
  appendTask(jobId: string, task: AppendedTask) {
    return this.parts.appends.append(jobId, task)
  }
  findJob(jobId: string) {
    return this.parts.book.find(jobId).then((job) => job?.state)
  }
  async actOnJob(jobId: string, action: JobAction, actor: string, options?: RequeueOptions) {
    const job = await this.parts.jobs.act(jobId, action, actor, options)
    this.noteFarmStatus()
    if (action === 'requeue' && options?.frames === undefined) await this.tell.onRequeued?.(job)
    return job
  }
  setJobStatus(jobId: string, status: JobStatus, reason: string) {
    return this.parts.jobs.setStatus(jobId, status, reason)
  }
  changeJob(jobId: string, changes: JobChanges) {
    return this.parts.jobs.change(jobId, changes)
  }
  unblockWorker(jobId: string, workerId: string, kind: string) {
    return this.parts.jobs.unblock(jobId, this.parts.roster.need(workerId).id, kind)
  }

  // Tasks ---------------------------------------------------------------------------------------------------------

  actOnTask(taskId: string, action: TaskAction, actor: string, options?: RequeueOptions) {
    return this.parts.tasks.act(taskId, action, actor, options)
  }
  setTaskStatus(taskId: string, status: TaskStatus, reason: string) {
    return this.parts.tasks.setStatus(taskId, status, reason)
  }
  explain(taskId: string) {
    return this.parts.explainer.explain(taskId)
  }
  waitsOf(jobId: string) {
    const job = this.parts.book.hotJob(jobId.toLowerCase())
    return job ? this.parts.stalls.waitsOf(job) : []
  }
  waitingJobs(limit: number) {
    return this.parts.stalls.waitingJobs(limit)
  }
  openOn(jobKey: number) {
    return this.parts.explainer.openOn(jobKey)
  }
  openSessions(of: { worker: number } | { job: number }) {
    return 'worker' in of ? this.parts.sessions.ofWorker(of.worker) : this.parts.sessions.ofJob(of.job)
  }

  // Workers -------------------------------------------------------------------------------------------------------

  workers() {
    return this.parts.roster.all()
  }
  findWorker(workerId: string) {
    return this.parts.roster.find(workerId)
  }
  askWorker(workerId: string, question: WorkerQuestion) {
    return askWorker(this.parts, workerId, question)
  }
  openWorkerRequest(workerId: string, requestId: string) {
    return this.parts.requests.need(this.parts.roster.need(workerId).id, requestId)
  }
  signedOnAt(workerId: string) {
    return this.parts.roster.signedOnAt(workerId)
  }
  async answerWorkerRequest(workerId: string, requestId: string, answer: WorkerRequestAnswer) {
    this.parts.requests.answer(this.parts.roster.need(workerId).id, requestId, answer)
  }
  registerWorker(worker: NewWorker) {
    return this.parts.joining.register(worker)
  }
  signOn(workerId: string, signOn: WorkerSignOn) {
    return this.parts.roster.signOn(workerId, signOn)
  }
  signOff(workerId: string) {
    this.parts.instances.signOff(this.parts.roster.need(workerId).id)
    return this.parts.roster.signOff(workerId)
  }
  instanceBegins(workerId: string, instance: string) {
    return this.parts.instances.signOn(this.parts.roster.need(workerId).id, instance)
  }
  instanceCalls(workerId: string, instance: string) {
    this.parts.instances.recordCall(this.parts.roster.need(workerId).id, instance)
  }
  workerChangedStatus(workerId: string, status: WorkerStatus) {
    return this.parts.roster.changedStatus(workerId, status)
  }
  workerSeen(workerId: string) {
    this.parts.roster.seen(this.parts.roster.need(workerId))
  }
  requestWorkerStatus(workerId: string, status: WorkerStatus, lazy: boolean) {
    return this.parts.roster.requestStatus(workerId, status, lazy)
  }
  approveWorker(workerId: string) {
    return this.parts.roster.approve(workerId)
  }
  renameWorker(workerId: string, name: string) {
    return this.parts.roster.rename(workerId, name)
  }
  setWorkerTags(workerId: string, tagIds: string[]) {
    return this.parts.roster.setTags(
      workerId,
      tagIds.flatMap((id) => this.parts.registry.findTag(id)?.id ?? []),
    )
  }
  setSleepSchedule(workerId: string, schedule: SleepSchedule) {
    return this.parts.roster.setSleepSchedule(workerId, schedule)
  }
  async deleteWorker(workerId: string) {
    const worker = this.parts.roster.need(workerId)
    await this.parts.roster.remove(workerId)
    this.parts.sessions.closeAll(worker.id, 'the worker was deleted')
    await this.core.store.durable()
  }
  changeMachine(machineId: string, changes: { name?: string; hourlyRate?: number | null; watts?: number | null }) {
    return this.parts.machines.change(machineId, changes)
  }

  // Tags and limits -----------------------------------------------------------------------------------------------

  tags() {
    return this.parts.registry.tags()
  }
  createTag(tag: { id?: string; name: string; description?: string }) {
    return this.parts.registry.createTag(tag)
  }
  changeTag(tagId: string, changes: { name?: string; description?: string }) {
    return this.parts.registry.changeTag(tagId, changes)
  }
  async deleteTag(tagId: string) {
    const id = await this.parts.registry.deleteTag(tagId)
    for (const worker of this.parts.roster.all()) worker.tagIds.delete(id)
  }
  limits() {
    return this.parts.registry.limits()
  }
  limitHolders(limitId: number) {
    return this.parts.registry.limitHolders(limitId)
  }
  createLimit(limit: { name: string; description?: string; max: number; scope?: 'attempt' | 'machine' }) {
    return this.parts.registry.createLimit(limit)
  }
  changeLimit(limitId: string, changes: { name?: string; description?: string; max?: number; scope?: 'attempt' | 'machine' }) {
    return this.parts.registry.changeLimit(limitId, changes)
  }
  deleteLimit(limitId: string) {
    return this.parts.registry.deleteLimit(limitId)
  }

  // Attempts ------------------------------------------------------------------------------------------------------

  take(workerId: string, options: TakeOptions, signal?: CancelSignal) {
    return this.parts.native.take(workerId, options, signal)
  }
  report(workerId: string, reports: Report[], take: number, more?: ReportExtras) {
    return this.parts.native.report(workerId, reports, take, more)
  }
  onHandOut(kind: string, handOut: HandOut) {
    this.core.handOuts.register(kind, handOut)
  }
  holdsTask(taskId: string, attempt: number) {
    return this.parts.tasks.holds(taskId, attempt)
  }
  haltTask(taskId: string, reason: string) {
    return this.parts.tasks.halt(taskId, reason)
  }
  scheduleForeign(workerId: string) {
    return this.parts.foreign.schedule(workerId)
  }
  updateForeign(workerId: string, taskId: string, update: ForeignUpdate) {
    return this.parts.foreign.update(workerId, taskId, update)
  }
  runsForeign(workerId: string, taskId: string) {
    return this.parts.foreign.runs(workerId, taskId)
  }
  mayKeepRunning(workerId: string, taskId: string) {
    return this.parts.foreign.mayKeepRunning(workerId, taskId)
  }

  // Logs and frames -----------------------------------------------------------------------------------------------

  appendFarmLog(taskId: string, text: string) {
    return this.parts.results.appendFarmLog(taskId, text)
  }
  addFrames(taskId: string, attemptNumber: number, frames: NewFrame[]) {
    return this.parts.results.addFrames(taskId, attemptNumber, frames)
  }
  warn(jobId: string, taskIndex: number | null, warning: NewWarning) {
    return this.parts.results.warn(jobId, taskIndex, warning)
  }
  replaceWarnings(jobId: string, code: WarningCode, warnings: readonly Omit<NewWarning, 'code'>[]) {
    return this.parts.results.replaceWarnings(jobId, code, warnings)
  }
  setFramePreview(...preview: Parameters<FarmEngine['setFramePreview']>) {
    return this.parts.results.setFramePreview(...preview)
  }
  lastRendered(jobId: string) {
    return this.parts.results.lastRendered(jobId)
  }

  // The farm ------------------------------------------------------------------------------------------------------

  farmStatus() {
    return this.status
  }
  on<T extends EventType>(type: T, listener: (event: EventOf<T>) => void) {
    return this.core.bus.on(type, listener)
  }
  onAny(listener: (event: FramehouseEvent) => void) {
    return this.core.bus.onAny(listener)
  }

  private noteFarmStatus(): void {
    const workers = this.parts.roster.all().map((worker) => worker.status)
    const status = this.broken ? 'inoperative' : farmStatusOf(workers, this.parts.book.statuses())
    if (status === this.status) return
    this.status = status
    const emit = (): void => this.core.bus.emit({ type: 'farm', at: this.core.now(), status })
    // The fault may be in the database.
    if (this.broken) emit()
    else this.core.store.afterCommit(emit)
  }
}
