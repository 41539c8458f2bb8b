/**
 * Schedules as dialects see them (`farm.schedules`): a trigger, and what each firing does. Methods resolve when the
 * change is on disk. All input is validated first, so an error means that nothing was changed.
 */
import type {
  FiringCause,
  FiringOutcome,
  MissedPolicy,
  OverlapPolicy,
  ScheduleStatus,
  Trigger,
  TriggerInput,
} from '../../../shared/schemas/schedule.ts'
import type { NewJob } from '../../../shared/schemas/jobs/job.ts'
import type { AuthoredTask, CompiledJob } from './compiledJob.ts'
import type { JobOwnership, NewJobRecord } from './farmRecords.ts'

/** What a firing does. A dialect that needs another kind (a Colonies workflow) adds it here and to Schedules.prepare. */
export type ScheduleTemplate =
  /** Submits a job of a job type; `{n}`, `{date}` and `{time}` in its name are replaced. Uses the type's script at that time. */
  | { kind: 'submit'; job: NewJob }
  /** Adds these tasks to an existing job (growJob), which reopens it. */
  | ({ kind: 'grow'; jobId: string; tasks: AuthoredTask[] } & Pick<CompiledJob, 'timing' | 'sideRows'>)

/** The engine's view of a schedule. Times are milliseconds since the epoch. Read-only; only Schedules changes it. */
export interface ScheduleState {
  readonly id: number
  readonly publicId: string
  readonly namespaceId: number
  readonly origin: string
  readonly clientId: string | null
  /** A label; `ownerId` is the identity. */
  owner: string
  ownerId: string
  /** Whether an administrator created it, and only administrators changed its job. */
  adminRights: boolean
  /** Why the farm itself paused it (its owner is gone); empty otherwise. */
  holdReason: string
  name: string
  state: ScheduleStatus
  trigger: Trigger
  template: ScheduleTemplate
  missed: MissedPolicy
  missedLimit: number
  overlap: OverlapPolicy
  nextAt: number | null
  /** Time of its last firing. */
  lastAt: number | null
  fired: number
  /** Firings that wait for earlier work. */
  waiting: number
  readonly createdAt: number
  updatedAt: number
}

/** Its ownership also applies to what it submits. */
export interface ScheduleInput extends JobOwnership {
  origin: string
  /** The client's own id, unique in (namespace, origin) among schedules that are not deleted. */
  clientId?: string | null
  /** Default 1, the farm itself. */
  namespaceId?: number
  name: string
  trigger: TriggerInput
  template: ScheduleTemplate
  /** Default `once`. */
  missed?: MissedPolicy
  /** Default 10. */
  missedLimit?: number
  /** Default `allow`. */
  overlap?: OverlapPolicy
  paused?: boolean
}

/** `adminRights` false: a caller without these rights changes its template, so its jobs lose them. */
export type ScheduleChanges = Partial<
  Pick<ScheduleInput, 'name' | 'trigger' | 'template' | 'missed' | 'missedLimit' | 'overlap' | 'adminRights'>
>

/** A schedule by its public id, or by the id that a client gave it. */
export type ScheduleRef = { publicId: string } | { origin: string; clientId: string; namespaceId?: number }

/** The result of a firing. */
export interface FiringResult {
  outcome: FiringOutcome
  reason: string
  /** Public id of the job that it submitted, or added tasks to. */
  jobId: string | null
  /** Indices of the tasks that were added to the job. */
  tasks: { first: number; last: number } | null
}

export interface ScheduleEngine {
  /**
   * A trigger of kind `at` in the past fires immediately.
   * @throws InvalidInputError naming the member ('/trigger/expression'); ConflictError when the client's id is taken
   */
  create(input: ScheduleInput): Promise<ScheduleState>
  /** A new trigger counts from now, and reactivates a schedule that had ended. @throws NotFoundError, InvalidInputError */
  change(ref: ScheduleRef, changes: ScheduleChanges): Promise<ScheduleState>
  /** Its submitted jobs continue; its client id is free again. @throws NotFoundError */
  delete(ref: ScheduleRef): Promise<void>
  /** Nothing fires, and waiting firings keep waiting. @throws NotFoundError, ConflictError when it has ended */
  pause(ref: ScheduleRef): Promise<ScheduleState>
  /**
   * Continues from now; firings during the pause are not made up for. If its owner is gone, `heir` becomes the owner,
   * with the lower of both rights.
   * @throws NotFoundError, ConflictError when its time has passed
   */
  resume(ref: ScheduleRef, heir?: JobOwnership): Promise<ScheduleState>
  /**
   * Fires once more now, whatever the state and the overlap policy. @throws what submitting throws; NotFoundError;
   * ConflictError when its owner is gone
   */
  runNow(ref: ScheduleRef): Promise<FiringResult>
  /** From memory. */
  find(ref: ScheduleRef): ScheduleState | undefined
  /** All that are not deleted, oldest first. From memory. */
  list(): ScheduleState[]
  /** The times of its next firings; none while it is not active. @throws NotFoundError */
  next(ref: ScheduleRef, count: number): number[]
}

/** One firing as it is stored, in the transaction of what it does (ports.ts: ScheduleStore). */
export interface FiringRecord {
  /** The row of a firing that waited; null: a new one. */
  id: number | null
  number: number | null
  dueAt: number
  firedAt: number
  cause: FiringCause
  outcome: FiringOutcome
  reason: string
  count: number
}

/** The state of a schedule after a firing. */
export interface ScheduleProgress {
  state: ScheduleStatus
  nextAt: number | null
  lastAt: number | null
  fired: number
  updatedAt: number
}

/** A firing and the progress of its schedule: one transaction, together with the job or tasks if there are any. */
export interface FiringCommit {
  scheduleId: number
  firings: FiringRecord[]
  progress: ScheduleProgress
  /** Filled in by the store: indices of the tasks that were added to a job. */
  grown: { first: number; last: number } | null
}

/** A job of a template, ready to be stored. */
export interface PreparedJob {
  record: NewJobRecord
  compiled: CompiledJob
}
