/** Workers: their identity, state and requested status. The only place that writes a worker's status. */
import type { WorkerStatus } from '../../../shared/enums.ts'
import { english } from '../../../shared/said/said.ts'
import type { SignOnReply } from '../../../shared/schemas/agent.ts'
import type { SleepSchedule } from '../../../shared/schemas/worker.ts'
import type { Attempts } from '../jobs/attempts.ts'
import { cleanKinds } from './joining.ts'
import { reconcile } from './reconcile.ts'
import type { Core } from '../base/core.ts'
import type { Dispatcher } from '../queue/dispatcher.ts'
import { NotFoundError, PreconditionError } from '../base/errors.ts'
import type { WorkerSignOn } from '../base/farmRecords.ts'
import type { Leases } from '../queue/leases.ts'
import type { WorkerState } from '../base/model.ts'
import type { Prefetch } from '../queue/prefetch.ts'
import type { ClockJump } from '../base/watchedClock.ts'
import { cleanSchedule, nextScheduleCheck, scheduledStatus } from '../rules/workers/sleepSchedule.ts'

/** Tasks that an external executor may hold. */
const UNBOUNDED = 1_000_000

export class WorkerRoster {
  private readonly byId = new Map<number, WorkerState>()
  private readonly byPublicId = new Map<string, WorkerState>()
  private readonly signOns = new Map<number, number>()
  /** Requests that were withdrawn: the worker may have started to follow them. */
  private readonly withdrawn = new Map<number, WorkerStatus>()
  /** Workers that have received their current status request. */
  private readonly told = new Set<number>()
  /** Workers with a newer contact than their row shows. */
  private readonly unsavedSightings = new Set<WorkerState>()

  constructor(
    private readonly core: Core,
    private readonly leases: Leases,
    private readonly attempts: Attempts,
    private readonly dispatcher: Dispatcher,
    private readonly next: Prefetch,
    private readonly onWorkerStatus: () => void,
  ) {}

  load(workers: WorkerState[]): void {
    const now = this.core.now()
    for (const worker of workers) {
      // The clock may have been set back while no manager was running: no contact is in the future.
      if (worker.lastSeenAt !== null && worker.lastSeenAt > now) worker.lastSeenAt = now
      this.recheckSchedule(worker, now, now)
      this.remember(worker)
    }
  }

  /**
   * The clock was set, or the program was suspended: no worker was silent in the meantime, and sleep schedules follow
   * the new time.
   */
  clockJumped({ now, shiftMs }: ClockJump): void {
    for (const worker of this.byId.values()) {
      const counts = worker.status !== 'offline' && worker.status !== 'error'
      if (counts && worker.lastSeenAt !== null) worker.lastSeenAt = Math.min(now, worker.lastSeenAt + shiftMs)
      this.recheckSchedule(worker, now - shiftMs, now)
    }
  }

  /** A check that is further away than the schedule's own next one was planned with another clock. */
  private recheckSchedule({ sleepSchedule: schedule }: WorkerState, before: number, now: number): void {
    if (!schedule?.isActive || schedule.nextCheck === null) return
    const wants = (at: number): string => scheduledStatus(schedule, new Date(at))
    // A changed scheduled status is due immediately; otherwise what a person requested in the meantime stays until the
    // next change.
    schedule.nextCheck = wants(before) === wants(now) ? Math.min(schedule.nextCheck, nextScheduleCheck(schedule, new Date(now))) : null
  }

  all(): WorkerState[] {
    return [...this.byId.values()]
  }

  each(): Iterable<WorkerState> {
    return this.byId.values()
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

  async signOn(publicId: string, input: WorkerSignOn): Promise<SignOnReply & { statusRequested: WorkerStatus }> {
    const worker = this.need(publicId)
    const now = this.core.now()
    if (!worker.isRenamed) worker.name = input.name
    worker.software = input.software
    worker.address = input.address
    worker.kinds = cleanKinds(input.kinds)
    worker.canRestart = input.canRestart
    worker.capacity = input.capacity ?? 1
    worker.capabilities = input.capabilities ?? {}
    worker.folders = input.folders ?? []
    worker.lastSeenAt = now
    this.signOns.set(worker.id, now)
    if (input.machine) worker.machineId = await this.core.store.workers.saveMachine(input.machine, input.address, now)
    // It was just started, so the request is fulfilled.
    if (worker.adapter === 'native' && worker.statusRequested === 'restart') worker.statusRequested = null
    const wanted = this.wantedStatus(worker)
    const { keep, lost } =
      worker.adapter === 'native'
        ? await reconcile({ core: this.core, leases: this.leases, attempts: this.attempts, next: this.next }, worker, input.running ?? [])
        : { keep: [], lost: [] }
    if (worker.adapter === 'native') {
      // A native worker reports its attempts and starts working in one call: there is no separate state-changed.
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
      // Remembered: it returns to the state in which it left.
      worker.statusRequested = previous
      worker.statusRequestLazy = false
    }
    this.setStatus(worker, 'offline')
    await this.attempts.giveBackAll(worker, english('worker.signed-off'))
    await this.core.store.durable()
  }

  async changedStatus(publicId: string, status: WorkerStatus): Promise<void> {
    const worker = this.need(publicId)
    const previous = worker.status
    worker.lastSeenAt = this.core.now()
    if (worker.statusRequested === null && this.withdrawn.get(worker.id) === status) {
      // It had started to follow the withdrawn request.
      worker.statusRequested = previous
      worker.statusRequestLazy = false
      this.withdrawn.delete(worker.id)
    } else if (worker.statusRequested === null || worker.statusRequested === status) {
      worker.statusRequested = null
    } else {
      this.core.log.warn(
        { worker: worker.name, status, requested: worker.statusRequested },
        'worker changed to another status than requested',
      )
    }
    this.setStatus(worker, status)
    if (previous === 'awake' && status !== 'awake') {
      await this.attempts.giveBackAll(worker, english('worker.changed', { worker: worker.name, id: worker.publicId, is: status }))
    }
    await this.core.store.durable()
  }

  /** The worker now receives its status request. */
  noteRequestSent(worker: WorkerState): void {
    if (worker.statusRequested !== null) this.told.add(worker.id)
  }

  /** The worker calls again after the withdrawal: both sides drop the old request. */
  confirm(worker: WorkerState, status: WorkerStatus | undefined): void {
    if (worker.statusRequested !== worker.status || !this.told.has(worker.id)) return
    if (status !== undefined && status !== worker.status) return
    worker.statusRequested = null
    this.save(worker)
    this.announce(worker, null)
  }

  /** Records a contact. Its row is only written periodically: see saveSightings. */
  seen(worker: WorkerState): void {
    worker.lastSeenAt = this.core.now()
    this.unsavedSightings.add(worker)
  }

  saveSightings(): void {
    for (const worker of this.unsavedSightings) this.core.store.saveWorker(worker)
    this.unsavedSightings.clear()
  }

  async requestStatus(publicId: string, status: WorkerStatus, lazy: boolean): Promise<void> {
    const worker = this.need(publicId)
    if (status === 'restart' && !worker.canRestart) throw new PreconditionError(`worker "${worker.name}" cannot be restarted`)
    this.applyRequest(worker, status, lazy)
    await this.core.store.durable()
  }

  async approve(publicId: string): Promise<void> {
    const worker = this.need(publicId)
    // An admin has not seen folders that it names later.
    worker.allowedFolders = [...worker.folders]
    if (worker.approvedAt !== null) {
      this.save(worker)
      this.announce(worker, null)
    } else {
      worker.approvedAt = this.core.now()
      // A foreign worker was sent to sleep while it waited, and may have left in the meantime.
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

  async rename(publicId: string, name: string): Promise<void> {
    const worker = this.need(publicId)
    worker.name = name
    worker.isRenamed = true
    this.save(worker)
    this.announce(worker, null)
    await this.core.store.durable()
  }

  async setTags(publicId: string, tagIds: number[]): Promise<void> {
    const worker = this.need(publicId)
    worker.tagIds = new Set(tagIds)
    await this.core.store.workers.setTags(worker.id, [...worker.tagIds])
    this.announce(worker, null)
    this.dispatcher.wake()
  }

  async setSleepSchedule(publicId: string, schedule: SleepSchedule): Promise<void> {
    const worker = this.need(publicId)
    const clean = cleanSchedule(schedule)
    const nextCheck = nextScheduleCheck(clean, new Date(this.core.now()))
    worker.sleepSchedule = { ...clean, nextCheck }
    await this.core.store.workers.saveSleepSchedule(worker.id, clean, nextCheck)
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

  /** An external executor never signs on or off: it is there, and serves these kinds. They keep their spelling. */
  async serve(publicId: string, kinds: readonly string[]): Promise<void> {
    const worker = this.need(publicId)
    worker.kinds = [...kinds]
    worker.capacity = UNBOUNDED
    if (worker.status === 'awake') {
      this.save(worker)
      this.announce(worker, null)
    } else if (worker.status !== 'asleep') this.setStatus(worker, 'awake')
    await this.core.store.durable()
  }

  async remove(publicId: string): Promise<void> {
    const worker = this.need(publicId)
    await this.attempts.giveBackAll(worker, english('worker.deleted'))
    worker.deletedAt = this.core.now()
    this.byId.delete(worker.id)
    this.byPublicId.delete(worker.publicId)
    this.unsavedSightings.delete(worker)
    this.save(worker)
    this.announce(worker, null)
    this.dispatcher.nudge(worker.id)
    if (worker.adapter === 'external') this.dispatcher.nudgeApart(worker.id)
    // The remaining workers may get tasks that were kept for it as the other worker.
    this.dispatcher.wake()
    this.onWorkerStatus()
    await this.core.store.durable()
    this.core.log.info({ worker: worker.publicId, name: worker.name }, 'worker removed')
  }

  /** A call of the worker is open now. */
  isWaiting(worker: WorkerState): boolean {
    return this.dispatcher.isWaiting(worker.id)
  }

  /** No contact for too long: its status becomes error, and its work is assigned elsewhere. */
  async timeOut(worker: WorkerState): Promise<void> {
    worker.statusRequested = null
    this.core.log.warn({ worker: worker.publicId, name: worker.name }, 'worker timed out: no contact')
    this.setStatus(worker, 'error')
    // Others are left to it for a while: the timers take care of them.
    await this.attempts.giveBackAll(worker, english('worker.timed-out'), ({ job }) => (job.state.policy.takeoverAfterMs ?? 0) > 0)
  }

  /** A native worker that timed out and calls again resumes: its stale attempts are refused anyway. */
  resume(worker: WorkerState): void {
    if (worker.status === 'error') this.setStatus(worker, scheduledStatus(worker.sleepSchedule, new Date(this.core.now())))
  }

  /** The worker followed the request, or its state follows from it immediately (native). */
  setStatus(worker: WorkerState, status: WorkerStatus): void {
    const previous = worker.status
    worker.status = status
    worker.updatedAt = this.core.now()
    this.save(worker)
    this.announce(worker, previous)
    if (status !== previous) this.core.log.info({ worker: worker.publicId, name: worker.name }, `worker ${status}`)
    this.onWorkerStatus()
    // The worker that left may have been the other one that a failed task waited for.
    if (previous !== status) this.dispatcher.wake()
  }

  save(worker: WorkerState): void {
    this.core.store.saveWorker(worker)
  }

  /** The target status of a worker: its request, otherwise its schedule; unapproved ones sleep. */
  private wantedStatus(worker: WorkerState): WorkerStatus {
    if (worker.approvedAt === null && worker.adapter !== 'native') return 'asleep'
    return worker.statusRequested ?? scheduledStatus(worker.sleepSchedule, new Date(this.core.now()))
  }

  private applyRequest(worker: WorkerState, status: WorkerStatus, lazy: boolean): void {
    const before = worker.statusRequested
    const wasTold = this.told.delete(worker.id)
    if (worker.adapter === 'external') {
      // It is never told: it simply gets work, or none.
      this.setStatus(worker, status === 'asleep' ? 'asleep' : 'awake')
      return
    }
    if (worker.status !== status) {
      worker.statusRequested = status
      worker.statusRequestLazy = lazy
      this.withdrawn.delete(worker.id)
    } else {
      // A native worker that received the request is asked to stay as it is, until it confirms.
      worker.statusRequested = before !== null && wasTold && worker.adapter === 'native' ? status : null
      worker.statusRequestLazy = false
      if (before !== null && before !== status) this.withdrawn.set(worker.id, before)
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

  /** Adds a worker that was stored. */
  remember(worker: WorkerState): void {
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
}
