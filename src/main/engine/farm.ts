/** The farm: puts the engine's parts together and is the face that dialects see (farmEngine.ts). */
import type { FarmStatus, JobStatus, TaskStatus, WorkerStatus } from '../../shared/enums.ts'
import type { EventOf, EventType, FramehouseEvent } from '../../shared/events.ts'
import type { ErrandAnswer, Report } from '../../shared/schemas/agent.ts'
import type { JobAction, TaskAction } from '../../shared/schemas/job.ts'
import type { SleepSchedule } from '../../shared/schemas/worker.ts'
import { Assignments } from './assignments.ts'
import { Attempts } from './attempts.ts'
import { Bus } from './bus.ts'
import type { CompiledJob } from './compiledJob.ts'
import type { Core } from './core.ts'
import { Dispatcher } from './dispatcher.ts'
import { NotFoundError, UnavailableError } from './errors.ts'
import { Errands } from './errands.ts'
import { Explainer } from './explainer.ts'
import type {
  CancelSignal,
  FarmEngine,
  ForeignUpdate,
  JobChanges,
  NewFrame,
  NewJobRecord,
  NewWorker,
  ReportExtras,
  TakeOptions,
  WorkerQuestion,
  WorkerSignOn,
} from './farmEngine.ts'
import { farmStatusOf } from './farmStatus.ts'
import { ForeignWork } from './foreignWork.ts'
import { JobActions } from './jobActions.ts'
import { JobBook } from './jobBook.ts'
import type { JobRuntime } from './jobRuntime.ts'
import { Leases } from './leases.ts'
import type { TaskState } from './model.ts'
import { NativeWork } from './nativeWork.ts'
import { NextTasks } from './nextTasks.ts'
import { Registry } from './registry.ts'
import type { FiringCommit } from './schedules/scheduleEngine.ts'
import { Schedules } from './schedules/schedules.ts'
import { SessionBook } from './sessionBook.ts'
import { Staff } from './staff.ts'
import { Timers, type Every } from './timers.ts'
import { Transitions } from './transitions.ts'

export interface FarmOptions extends Omit<Core, 'bus'> {
  every: Every
  onPurge(job: { publicId: string; checkoutId: string | null }): Promise<void>
}

/** Jobs that a crash may have caught between two statuses. */
const BETWEEN: readonly JobStatus[] = ['cancel-requested', 'requeueing', 'pause-requested']

export class Farm implements FarmEngine {
  readonly timers: Timers
  readonly schedules: Schedules
  private readonly core: Core
  private readonly leases = new Leases()
  private readonly book: JobBook
  private readonly sessions: SessionBook
  private readonly transitions: Transitions
  private readonly attempts: Attempts
  private readonly dispatcher: Dispatcher
  private readonly staff: Staff
  private readonly registry: Registry
  private readonly assignments: Assignments
  private readonly jobs: JobActions
  private readonly next: NextTasks
  private readonly native: NativeWork
  private readonly errands: Errands
  private readonly foreign: ForeignWork
  private readonly explainer: Explainer
  private status: FarmStatus = 'starting'

  private constructor(options: FarmOptions) {
    this.core = { ...options, bus: new Bus(options.log) }
    const noteStatus = (): void => this.noteFarmStatus()
    this.book = new JobBook(this.core, this.leases)
    this.transitions = new Transitions(this.core, this.book, () => {
      noteStatus()
      this.nudgeHolders()
    })
    this.attempts = new Attempts(this.core, this.book, this.leases, this.transitions, () => this.staff.all())
    this.sessions = new SessionBook(this.core, this.book)
    this.dispatcher = new Dispatcher(this.core, this.book, this.leases, this.transitions, this.sessions)
    this.next = new NextTasks(this.core, this.book, this.leases, this.dispatcher)
    this.staff = new Staff(this.core, this.leases, this.attempts, this.dispatcher, this.next, noteStatus)
    this.registry = new Registry(this.core, this.book, this.leases)
    this.assignments = new Assignments(this.core)
    this.jobs = new JobActions(this.core, this.book, this.leases, this.transitions, this.registry, this.attempts)
    this.errands = new Errands(options.newId, (workerId) => this.dispatcher.nudge(workerId))
    this.native = new NativeWork(
      this.core,
      this.book,
      this.leases,
      this.staff,
      this.attempts,
      this.dispatcher,
      this.assignments,
      this.sessions,
      this.errands,
      this.next,
    )
    this.foreign = new ForeignWork(
      this.core,
      this.book,
      this.leases,
      this.staff,
      this.attempts,
      this.dispatcher,
      this.transitions,
      this.assignments,
      this.next,
    )
    this.explainer = new Explainer(this.core, this.book, this.dispatcher, () => this.staff.all(), this.sessions)
    this.timers = new Timers(this.core, this.book, this.leases, this.staff, this.attempts, this.transitions, this.next, options.onPurge)
    this.schedules = new Schedules(this.core, this)
  }

  /** Rebuilds the hot state from the database and starts the clock. */
  static async start(options: FarmOptions): Promise<Farm> {
    const farm = new Farm(options)
    await farm.rebuild()
    await farm.schedules.load()
    farm.watchSessions()
    farm.timers.start(options.every)
    return farm
  }

  /** Lets everybody who waits go and stops the clock. The store is closed by whoever opened it. */
  async stop(): Promise<void> {
    this.timers.stop()
    await this.schedules.stop()
    this.errands.stop()
    this.dispatcher.nudgeAll()
    this.staff.saveSightings()
    this.core.bus.emit({ type: 'lifecycle', at: this.core.now(), phase: 'shutdown' })
    await this.core.store.durable()
  }

  /** Variables or other settings changed. */
  settingsChanged(): void {
    this.assignments.forgetExpanders()
    // What is held was told as the settings were before.
    for (const reservation of this.leases.reservations.all()) this.leases.reservations.recall(reservation, this.core.now())
  }

  private async rebuild(): Promise<void> {
    const { store } = this.core
    await this.registry.load()
    this.staff.load(await store.loadWorkers())
    this.sessions.load(await store.loadOpenSessions())
    // Half-stored jobs: their client was never answered.
    for (const { id } of await store.loadUnderConstruction()) await store.purgeJob(id)
    const now = this.core.now()
    const cutOff = await store.loadRecountDue()
    for (const { id } of cutOff) await store.recount(id)
    const orphans: { job: JobRuntime; task: TaskState }[] = []
    for (const seed of await store.loadOpenJobs()) {
      const job = this.book.add(seed)
      for (const { task, attempt } of seed.active) {
        const worker = this.staff.byInternalId(attempt.workerId)
        // The reply that handed it out may never have left: the worker must name it first.
        const lease = worker && { job, task, attempt, worker, touchedAt: now, lastSignAt: now, acknowledged: false, licenceLine: false }
        if (lease) this.leases.add(lease)
        else orphans.push({ job, task })
        if (!worker)
          store.saveAttempt(Object.assign(attempt, { status: 'lost', outcome: 'lost', reason: 'its worker is gone', endedAt: now }))
      }
      for (const task of seed.orphans) orphans.push({ job, task })
    }
    for (const { job, task } of orphans) await this.transitions.task(job, task, 'queued', 'Queued because no worker runs it')
    for (const { id } of cutOff) await this.mend(await this.book.findById(id))
    for (const job of [...this.book.all()]) {
      if (BETWEEN.includes(job.state.status)) await this.transitions.enforce(job, job.state.status, job.state.status)
      else await this.transitions.closeIfStuck(job)
      this.book.refresh(job)
    }
    this.noteFarmStatus()
    await store.durable()
    this.core.bus.emit({ type: 'lifecycle', at: now, phase: 'startup' })
  }

  /** Open applications go with their worker. */
  private watchSessions(): void {
    this.core.bus.on('worker', ({ workerId, status }) => {
      const worker = status === 'offline' || status === 'error' ? this.staff.find(workerId) : undefined
      if (worker) this.sessions.closeAll(worker.id, `the worker is ${status}`)
    })
  }

  /** A job's status changed: workers whose applications it has nothing left for are told. */
  private nudgeHolders(): void {
    if (this.sessions.isEmpty) return
    for (const workerKey of this.sessions.holders()) if (this.sessions.toClose(workerKey).length > 0) this.dispatcher.nudge(workerKey)
  }

  /** A mass update of the job was cut off by a crash: what its status asks of its tasks is done again. */
  private async mend(job: JobRuntime | undefined): Promise<void> {
    if (!job) return
    const { status, counts } = job.state
    const open = counts.queued + counts.active + counts['soft-failed'] > 0
    if (status === 'completed' && open) await this.transitions.job(job, 'queued', 'tasks were added or requeued')
    else if (status === 'canceled' && open) await this.transitions.job(job, 'cancel-requested', 'what was left of it is canceled')
    else await this.transitions.enforce(job, status, status)
    this.core.store.markRecountDue(job.state.id, false)
  }

  // Jobs ----------------------------------------------------------------------------------------------------------

  async submitJob(record: NewJobRecord, compiled: CompiledJob, firing?: FiringCommit) {
    const job = await this.jobs.submit(record, compiled, firing)
    this.noteFarmStatus()
    return job
  }
  growJob(jobId: string, compiled: CompiledJob, firing?: FiringCommit) {
    return this.jobs.grow(jobId, compiled, firing)
  }
  findJob(jobId: string) {
    return this.book.find(jobId).then((job) => job?.state)
  }
  async actOnJob(jobId: string, action: JobAction, actor: string) {
    const job = await this.jobs.act(jobId, action, actor)
    this.noteFarmStatus()
    return job
  }
  setJobStatus(jobId: string, status: JobStatus, reason: string) {
    return this.jobs.setStatus(jobId, status, reason)
  }
  changeJob(jobId: string, changes: JobChanges) {
    return this.jobs.change(jobId, changes)
  }
  unblockWorker(jobId: string, workerId: string, kind: string) {
    return this.jobs.unblock(jobId, this.staff.need(workerId).id, kind)
  }

  // Tasks ---------------------------------------------------------------------------------------------------------

  actOnTask(taskId: string, action: TaskAction, actor: string) {
    return this.jobs.actOnTask(taskId, action, actor)
  }
  setTaskStatus(taskId: string, status: TaskStatus, reason: string) {
    return this.jobs.setTaskStatus(taskId, status, reason)
  }
  explain(taskId: string) {
    return this.explainer.explain(taskId)
  }
  openOn(jobKey: number) {
    return this.explainer.openOn(jobKey)
  }
  openSessions(of: { worker: number } | { job: number }) {
    return 'worker' in of ? this.sessions.ofWorker(of.worker) : this.sessions.ofJob(of.job)
  }

  // Workers -------------------------------------------------------------------------------------------------------

  workers() {
    return this.staff.all()
  }
  findWorker(workerId: string) {
    return this.staff.find(workerId)
  }
  async askWorker(workerId: string, { checkoutId, ...order }: WorkerQuestion) {
    const worker = this.staff.need(workerId)
    if (worker.adapter !== 'native' || worker.approvedAt === null || worker.status === 'offline' || worker.status === 'error') {
      throw new UnavailableError(`worker "${worker.name}" cannot be asked: it is no approved worker of this program that is online`)
    }
    const [command = order.command] = this.assignments.expand([order.command], worker.platform)
    return this.errands.ask(worker, {
      ...order,
      command,
      ...(checkoutId !== undefined && { checkout: this.assignments.checkout(checkoutId, worker.platform) }),
    })
  }
  openErrand(workerId: string, errandId: string) {
    return this.errands.need(this.staff.need(workerId).id, errandId)
  }
  signedOnAt(workerId: string) {
    return this.staff.signedOnAt(workerId)
  }
  async answerErrand(workerId: string, errandId: string, answer: ErrandAnswer) {
    this.errands.answer(this.staff.need(workerId).id, errandId, answer)
  }
  registerWorker(worker: NewWorker) {
    return this.staff.register(worker)
  }
  signOn(workerId: string, signOn: WorkerSignOn) {
    return this.staff.signOn(workerId, signOn)
  }
  signOff(workerId: string) {
    return this.staff.signOff(workerId)
  }
  workerChangedStatus(workerId: string, status: WorkerStatus) {
    return this.staff.changedStatus(workerId, status)
  }
  workerSeen(workerId: string) {
    this.staff.seen(this.staff.need(workerId))
  }
  requestWorkerStatus(workerId: string, status: WorkerStatus, lazy: boolean) {
    return this.staff.requestStatus(workerId, status, lazy)
  }
  approveWorker(workerId: string) {
    return this.staff.approve(workerId)
  }
  setWorkerTags(workerId: string, tagIds: string[]) {
    return this.staff.setTags(
      workerId,
      tagIds.flatMap((id) => this.registry.findTag(id)?.id ?? []),
    )
  }
  setSleepSchedule(workerId: string, schedule: SleepSchedule) {
    return this.staff.setSleepSchedule(workerId, schedule)
  }
  async deleteWorker(workerId: string) {
    const worker = this.staff.need(workerId)
    await this.staff.remove(workerId)
    this.sessions.closeAll(worker.id, 'the worker was deleted')
    await this.core.store.durable()
  }
  changeMachine(machineId: string, changes: { name?: string; hourlyRate?: number | null; watts?: number | null }) {
    return this.staff.changeMachine(machineId, changes)
  }

  // Tags and limits -----------------------------------------------------------------------------------------------

  tags() {
    return this.registry.tags()
  }
  createTag(tag: { id?: string; name: string; description?: string }) {
    return this.registry.createTag(tag)
  }
  changeTag(tagId: string, changes: { name?: string; description?: string }) {
    return this.registry.changeTag(tagId, changes)
  }
  async deleteTag(tagId: string) {
    const id = await this.registry.deleteTag(tagId)
    for (const worker of this.staff.all()) worker.tagIds.delete(id)
  }
  limits() {
    return this.registry.limits()
  }
  limitHolders(limitId: number) {
    return this.registry.limitHolders(limitId)
  }
  createLimit(limit: { name: string; description?: string; max: number; scope?: 'attempt' | 'machine' }) {
    return this.registry.createLimit(limit)
  }
  changeLimit(limitId: string, changes: { name?: string; description?: string; max?: number; scope?: 'attempt' | 'machine' }) {
    return this.registry.changeLimit(limitId, changes)
  }
  deleteLimit(limitId: string) {
    return this.registry.deleteLimit(limitId)
  }

  // Attempts ------------------------------------------------------------------------------------------------------

  take(workerId: string, options: TakeOptions, signal?: CancelSignal) {
    return this.native.take(workerId, options, signal)
  }
  report(workerId: string, reports: Report[], take: number, more?: ReportExtras) {
    return this.native.report(workerId, reports, take, more)
  }
  scheduleForeign(workerId: string) {
    return this.foreign.schedule(workerId)
  }
  updateForeign(workerId: string, taskId: string, update: ForeignUpdate) {
    return this.foreign.update(workerId, taskId, update)
  }
  mayKeepRunning(workerId: string, taskId: string) {
    return this.foreign.mayKeepRunning(workerId, taskId)
  }

  // Logs and frames -----------------------------------------------------------------------------------------------

  async appendFarmLog(taskId: string, text: string) {
    const { job, task } = await this.book.needTask(taskId)
    const attempt = job.active.get(task.id)?.attempt ?? (await this.core.store.loadAttempt(task.id, task.attempts))
    if (!attempt) return
    this.attempts.farmLine(job, task, attempt, text)
    await this.core.store.durable()
  }
  async addFrames(taskId: string, attemptNumber: number, frames: NewFrame[]) {
    const { job, task } = await this.book.needTask(taskId)
    const lease = job.active.get(task.id)
    const attempt = lease?.attempt.number === attemptNumber ? lease.attempt : await this.core.store.loadAttempt(task.id, attemptNumber)
    if (!attempt) throw new NotFoundError('attempt', `${taskId}:${attemptNumber}`)
    this.attempts.addFrames(job, task, attempt, frames)
    await this.core.store.durable()
  }
  async setFramePreview(
    taskId: string,
    path: string,
    preview: 'ready' | 'failed',
    about?: { width?: number; height?: number; problem?: string },
    light = false,
  ) {
    const { job, task } = await this.book.needTask(taskId)
    this.core.store.setFramePreview(job.state.id, path, preview, about, light)
    this.core.store.afterCommit(() =>
      this.core.bus.emit({
        type: 'frame',
        at: this.core.now(),
        jobId: job.state.publicId,
        taskId,
        attempt: task.attempts,
        frame: null,
        path,
        preview,
      }),
    )
    await this.core.store.durable()
  }
  async lastRendered(jobId: string) {
    const job = await this.book.need(jobId)
    job.state.lastRenderedAt = this.core.now()
    this.core.store.saveJobCounters(job.state)
    this.core.store.afterCommit(() => this.core.bus.emit({ type: 'last-rendered', at: this.core.now(), jobId: job.state.publicId }))
    await this.core.store.durable()
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
    const status = farmStatusOf(
      this.staff.all().map((worker) => worker.status),
      jobStatuses(this.book),
    )
    if (status === this.status) return
    this.status = status
    const event = { type: 'farm' as const, at: this.core.now(), status }
    this.core.store.afterCommit(() => this.core.bus.emit(event))
  }
}

function* jobStatuses(book: JobBook): Iterable<JobStatus> {
  for (const job of book.all()) if (job.state.deletedAt === null) yield job.state.status
}
