/** Workers: who they are, what state they are in, what is asked of them. Status of a worker is written here only. */
import type { WorkerStatus } from '../../shared/enums.ts'
import type { Fence, SignOnReply } from '../../shared/schemas/agent.ts'
import type { Load, SleepSchedule } from '../../shared/schemas/worker.ts'
import { taskPublicId } from '../../shared/ids.ts'
import type { Attempts } from './attempts.ts'
import type { Core } from './core.ts'
import type { Dispatcher } from './dispatcher.ts'
import { NotFoundError, PreconditionError, TooManyError } from './errors.ts'
import type { NewWorker, WorkerSignOn } from './farmEngine.ts'
import type { Leases } from './leases.ts'
import type { WorkerState } from './model.ts'
import type { NextTasks } from './nextTasks.ts'
import { cleanSchedule, nextScheduleCheck, scheduledStatus } from './sleepSchedule.ts'

/** A load sample goes into the history this often. */
const SAMPLE_MS = 60_000

export class Staff {
  private readonly byId = new Map<number, WorkerState>()
  private readonly byPublicId = new Map<string, WorkerState>()
  private readonly sampledAt = new Map<number, number>()
  private readonly signOns = new Map<number, number>()
  /** Heard of since their row was written last. */
  private readonly unsavedSightings = new Set<WorkerState>()

  constructor(
    private readonly core: Core,
    private readonly leases: Leases,
    private readonly attempts: Attempts,
    private readonly dispatcher: Dispatcher,
    private readonly next: NextTasks,
    private readonly onWorkerStatus: () => void,
  ) {}

  load(workers: WorkerState[]): void {
    for (const worker of workers) this.remember(worker)
  }

  all(): WorkerState[] {
    return [...this.byId.values()]
  }

  byInternalId(id: number): WorkerState | undefined {
    return this.byId.get(id)
  }

  find(publicId: string): WorkerState | undefined {
    return this.byPublicId.get(publicId.toLowerCase())
  }

  /** @throws NotFoundError */
  need(publicId: string): WorkerState {
    const worker = this.find(publicId)
    if (!worker) throw new NotFoundError('worker', publicId)
    return worker
  }

  async register(input: NewWorker): Promise<WorkerState> {
    if (!input.approved) {
      const waiting = this.all().filter((worker) => worker.approvedAt === null).length
      if (waiting >= this.core.settings().maxPendingWorkers) {
        throw new TooManyError(`${waiting} workers wait for approval already; approve or delete some of them first`)
      }
    }
    const now = this.core.now()
    const machineId = input.machine ? await this.core.store.saveMachine(input.machine, input.address, now) : null
    const worker = await this.core.store.insertWorker({
      publicId: this.core.newId(),
      namespaceId: 1,
      adapter: input.adapter,
      secretHash: input.secretHash,
      machineId,
      name: input.name,
      platform: input.platform,
      address: input.address,
      software: '',
      status: 'offline',
      statusRequested: null,
      statusRequestLazy: false,
      canRestart: false,
      kinds: cleanKinds(input.kinds),
      capabilities: {},
      capacity: 1,
      approvedAt: input.approved ? now : null,
      lastSeenAt: null,
      reportSeq: 0,
      lastTaskId: null,
      tagIds: new Set(),
      sleepSchedule: null,
      createdAt: now,
      updatedAt: now,
      deletedAt: null,
    })
    this.remember(worker)
    this.announce(worker, null)
    return worker
  }

  async signOn(publicId: string, input: WorkerSignOn): Promise<SignOnReply & { statusRequested: WorkerStatus }> {
    const worker = this.need(publicId)
    const now = this.core.now()
    worker.name = input.name
    worker.software = input.software
    worker.address = input.address
    worker.kinds = cleanKinds(input.kinds)
    worker.canRestart = input.canRestart
    worker.capacity = input.capacity ?? 1
    worker.capabilities = input.capabilities ?? {}
    worker.lastSeenAt = now
    this.signOns.set(worker.id, now)
    if (input.machine) worker.machineId = await this.core.store.saveMachine(input.machine, input.address, now)
    // It has just been started: what it was asked for is done.
    if (worker.adapter === 'native' && worker.statusRequested === 'restart') worker.statusRequested = null
    const wanted = this.wantedStatus(worker)
    const { keep, lost } = worker.adapter === 'native' ? await this.reconcile(worker, input.running ?? []) : { keep: [], lost: [] }
    if (worker.adapter === 'native') {
      // Ours says what it runs and starts working in the same breath: no separate state-changed.
      worker.statusRequested = null
      this.setStatus(worker, wanted)
    } else {
      this.setStatus(worker, 'starting')
    }
    await this.core.store.durable()
    return {
      status: wanted,
      statusRequested: wanted,
      approved: worker.approvedAt !== null,
      keep,
      lost,
      reportSeq: worker.reportSeq,
      leaseSeconds: this.core.settings().workerTimeoutMs / 1000,
    }
  }

  /** In this run of the manager. */
  signedOnAt(publicId: string): number | undefined {
    return this.signOns.get(this.need(publicId).id)
  }

  async signOff(publicId: string): Promise<void> {
    const worker = this.need(publicId)
    const previous = worker.status
    worker.lastSeenAt = this.core.now()
    if (worker.statusRequested === 'offline' || worker.statusRequested === 'restart') worker.statusRequested = null
    if (worker.statusRequested === null && (previous === 'awake' || previous === 'asleep')) {
      // Remembered: it comes back in the state in which it left.
      worker.statusRequested = previous
      worker.statusRequestLazy = false
    }
    this.setStatus(worker, 'offline')
    await this.attempts.giveBackAll(worker, 'worker signed off')
    await this.core.store.durable()
  }

  async changedStatus(publicId: string, status: WorkerStatus): Promise<void> {
    const worker = this.need(publicId)
    const previous = worker.status
    worker.lastSeenAt = this.core.now()
    if (worker.statusRequested === null || worker.statusRequested === status) {
      worker.statusRequested = null
    } else {
      this.core.log.warn(
        { worker: worker.name, status, requested: worker.statusRequested },
        'worker changed to another status than requested',
      )
    }
    this.setStatus(worker, status)
    if (previous === 'awake' && status !== 'awake') {
      await this.attempts.giveBackAll(worker, `worker ${worker.name} (${worker.publicId}) changed status to '${status}'`)
    }
    await this.core.store.durable()
  }

  /** Heard of. Its row is written from time to time only: see saveSightings. */
  seen(worker: WorkerState): void {
    worker.lastSeenAt = this.core.now()
    this.unsavedSightings.add(worker)
  }

  saveSightings(): void {
    for (const worker of this.unsavedSightings) this.core.store.saveWorker(worker)
    this.unsavedSightings.clear()
  }

  noteLoad(worker: WorkerState, load: Load): void {
    const { machineId } = worker
    if (machineId === null) return
    const now = this.core.now()
    const due = now - (this.sampledAt.get(machineId) ?? 0) >= SAMPLE_MS
    if (due) this.sampledAt.set(machineId, now)
    const memory = load.memoryUsed !== null && load.memoryTotal ? load.memoryUsed / load.memoryTotal : null
    this.core.store.saveMachineLoad(
      machineId,
      JSON.stringify(load),
      due ? { cpu: load.cpu, memory, gpu: load.gpus[0]?.load ?? null } : null,
      now,
    )
  }

  async requestStatus(publicId: string, status: WorkerStatus, lazy: boolean): Promise<void> {
    const worker = this.need(publicId)
    if (status === 'restart' && !worker.canRestart) throw new PreconditionError(`worker "${worker.name}" cannot be restarted`)
    this.applyRequest(worker, status, lazy)
    await this.core.store.durable()
  }

  async approve(publicId: string): Promise<void> {
    const worker = this.need(publicId)
    if (worker.approvedAt === null) {
      worker.approvedAt = this.core.now()
      // A foreign worker was told to sleep while it waited, and may have left meanwhile.
      if (worker.adapter !== 'native' && (worker.status === 'asleep' || worker.statusRequested === 'asleep')) {
        worker.statusRequested = 'awake'
        worker.statusRequestLazy = false
      }
      this.save(worker)
      this.announce(worker, null)
      this.dispatcher.nudge(worker.id)
      this.dispatcher.wake()
    }
    await this.core.store.durable()
  }

  async setTags(publicId: string, tagIds: number[]): Promise<void> {
    const worker = this.need(publicId)
    worker.tagIds = new Set(tagIds)
    await this.core.store.setWorkerTags(worker.id, [...worker.tagIds])
    this.announce(worker, null)
    this.dispatcher.wake()
  }

  async setSleepSchedule(publicId: string, schedule: SleepSchedule): Promise<void> {
    const worker = this.need(publicId)
    const clean = cleanSchedule(schedule)
    const nextCheck = nextScheduleCheck(clean, new Date(this.core.now()))
    worker.sleepSchedule = { ...clean, nextCheck }
    await this.core.store.saveSleepSchedule(worker.id, clean, nextCheck)
    this.applySchedule(worker)
    this.announce(worker, null)
    await this.core.store.durable()
  }

  /** Checks every schedule that is due. */
  applySchedules(): void {
    const now = this.core.now()
    for (const worker of this.byId.values()) {
      const schedule = worker.sleepSchedule
      if (!schedule?.isActive || (schedule.nextCheck !== null && schedule.nextCheck > now)) continue
      schedule.nextCheck = nextScheduleCheck(schedule, new Date(now))
      this.applySchedule(worker)
    }
  }

  async remove(publicId: string): Promise<void> {
    const worker = this.need(publicId)
    await this.attempts.giveBackAll(worker, 'worker is being deleted')
    worker.deletedAt = this.core.now()
    this.byId.delete(worker.id)
    this.byPublicId.delete(worker.publicId)
    this.unsavedSightings.delete(worker)
    this.save(worker)
    this.announce(worker, null)
    this.dispatcher.nudge(worker.id)
    this.onWorkerStatus()
    await this.core.store.durable()
  }

  /** Its call stands open at this moment. */
  isWaiting(worker: WorkerState): boolean {
    return this.dispatcher.isWaiting(worker.id)
  }

  /** Not heard of for too long: it counts as broken, its work goes elsewhere. */
  async timeOut(worker: WorkerState): Promise<void> {
    worker.statusRequested = null
    this.setStatus(worker, 'error')
    await this.attempts.giveBackAll(worker, 'worker timed out')
  }

  /** One of ours that timed out and calls again is welcome: its stale attempts are refused anyway. */
  welcomeBack(worker: WorkerState): void {
    if (worker.status === 'error') this.setStatus(worker, scheduledStatus(worker.sleepSchedule, new Date(this.core.now())))
  }

  /** The worker did what was asked, or its state follows from it at once (native). */
  setStatus(worker: WorkerState, status: WorkerStatus): void {
    const previous = worker.status
    worker.status = status
    worker.updatedAt = this.core.now()
    this.save(worker)
    this.announce(worker, previous)
    this.onWorkerStatus()
    if (status === 'awake') this.dispatcher.wake()
  }

  save(worker: WorkerState): void {
    this.core.store.saveWorker(worker)
  }

  /** What a worker should be now: what was asked of it, else its schedule; unapproved ones sleep. */
  private wantedStatus(worker: WorkerState): WorkerStatus {
    if (worker.approvedAt === null && worker.adapter !== 'native') return 'asleep'
    return worker.statusRequested ?? scheduledStatus(worker.sleepSchedule, new Date(this.core.now()))
  }

  private applyRequest(worker: WorkerState, status: WorkerStatus, lazy: boolean): void {
    if (worker.status === status) {
      worker.statusRequested = null
      worker.statusRequestLazy = false
    } else {
      worker.statusRequested = status
      worker.statusRequestLazy = lazy
    }
    worker.updatedAt = this.core.now()
    this.save(worker)
    this.announce(worker, null)
    this.dispatcher.nudge(worker.id)
  }

  private applySchedule(worker: WorkerState): void {
    if (worker.status === 'error') return
    const wanted = scheduledStatus(worker.sleepSchedule, new Date(this.core.now()))
    if (worker.status === wanted && worker.statusRequested === null) return
    if (worker.statusRequested === wanted && !worker.statusRequestLazy) return
    this.applyRequest(worker, wanted, false)
  }

  /** What the worker still runs against what we think it runs. */
  private async reconcile(worker: WorkerState, running: Fence[]): Promise<{ keep: Fence[]; lost: Fence[] }> {
    const named = new Set(running.map((fence) => `${fence.taskId.toLowerCase()}/${fence.attempt}`))
    const keep: Fence[] = []
    const lost: Fence[] = []
    // What it began before we heard of it is its own; what it held it has forgotten.
    for (const fence of running) await this.next.adopt(worker, fence)
    this.leases.reservations.giveBackOf(worker.id)
    for (const lease of [...this.leases.ofWorker(worker.id).values()]) {
      const fence = { taskId: taskPublicId(lease.job.state.publicId, lease.task.index), attempt: lease.attempt.number }
      if (named.has(`${fence.taskId}/${fence.attempt}`)) {
        lease.acknowledged = true
        lease.touchedAt = this.core.now()
        keep.push(fence)
      } else {
        lost.push(fence)
        await this.attempts.giveBack(lease, `worker ${worker.name} restarted and does not run it any more`)
      }
    }
    return { keep, lost }
  }

  private remember(worker: WorkerState): void {
    this.byId.set(worker.id, worker)
    this.byPublicId.set(worker.publicId, worker)
  }

  announce(worker: WorkerState, previousStatus: WorkerStatus | null): void {
    if (!this.core.bus.wants('worker')) return
    const event = {
      type: 'worker' as const,
      at: this.core.now(),
      workerId: worker.publicId,
      status: worker.status,
      previousStatus,
      deleted: worker.deletedAt !== null,
    }
    this.core.store.afterCommit(() => this.core.bus.emit(event))
  }

  changeMachine(publicId: string, changes: { name?: string; hourlyRate?: number | null; watts?: number | null }): Promise<void> {
    return this.core.store.changeMachine(publicId, changes).then((found) => {
      if (!found) throw new NotFoundError('machine', publicId)
      this.core.bus.emit({ type: 'machine', at: this.core.now(), machineId: publicId })
    })
  }
}

/** Trimmed, lower case, each once. */
function cleanKinds(kinds: string[]): string[] {
  return [...new Set(kinds.map((kind) => kind.trim().toLowerCase()).filter((kind) => kind !== ''))]
}
