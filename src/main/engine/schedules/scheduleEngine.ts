/**
 * Schedules as dialects see them (`farm.schedules`): a trigger, and what each firing does. Methods resolve when the change is
 * on disk. Everything given is checked, so an error means that nothing was changed.
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
import type { NewJob } from '../../../shared/schemas/job.ts'
import type { AuthoredTask, CompiledJob } from '../compiledJob.ts'
import type { NewJobRecord } from '../farmEngine.ts'

/** What a firing does. A dialect that needs another kind (a Colonies workflow) adds it here and to Schedules.prepare. */
export type ScheduleTemplate =
  /** Submits a job of a job type; `{n}`, `{date}` and `{time}` in its name are filled in. The type's script is the one of the day. */
  | { kind: 'submit'; job: NewJob }
  /** Adds these tasks to a job that exists (growJob), which reopens it. */
  | ({ kind: 'grow'; jobId: string; tasks: AuthoredTask[] } & Pick<CompiledJob, 'timing' | 'companions'>)

/** The engine's view of a schedule. Times are milliseconds since the epoch. Read it; only Schedules changes it. */
export interface ScheduleState {
  readonly id: number
  readonly publicId: string
  readonly namespaceId: number
  readonly origin: NewJobRecord['origin']
  readonly clientId: string | null
  readonly owner: string
  name: string
  state: ScheduleStatus
  trigger: Trigger
  template: ScheduleTemplate
  missed: MissedPolicy
  missedLimit: number
  overlap: OverlapPolicy
  nextAt: number | null
  /** When it did something last. */
  lastAt: number | null
  fired: number
  /** Firings that wait for earlier work. */
  waiting: number
  readonly createdAt: number
  updatedAt: number
}

export interface ScheduleInput {
  origin: NewJobRecord['origin']
  /** The client's own id, unique in (namespace, origin) among schedules that are not deleted. */
  clientId?: string | null
  /** Default 1, the farm itself. */
  namespaceId?: number
  /** Owner of the schedule and of what it submits. */
  owner: string
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

export type ScheduleChanges = Partial<Pick<ScheduleInput, 'name' | 'trigger' | 'template' | 'missed' | 'missedLimit' | 'overlap'>>

/** A schedule by its public id, or by the id that a client gave it. */
export type ScheduleRef = { publicId: string } | { origin: NewJobRecord['origin']; clientId: string; namespaceId?: number }

/** What a firing led to. */
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
   * A trigger of kind `at` whose moment has passed fires at once.
   * @throws InvalidInputError naming the member ('/trigger/expression'); ConflictError when the client's id is taken
   */
  create(input: ScheduleInput): Promise<ScheduleState>
  /** A new trigger counts from now, and revives a schedule that had ended. @throws NotFoundError, InvalidInputError */
  change(ref: ScheduleRef, changes: ScheduleChanges): Promise<ScheduleState>
  /** What it submitted goes on; its client id is free again. @throws NotFoundError */
  delete(ref: ScheduleRef): Promise<void>
  /** Nothing fires, and what waits goes on waiting. @throws NotFoundError, ConflictError when it has ended */
  pause(ref: ScheduleRef): Promise<ScheduleState>
  /** Goes on from now; what it would have done meanwhile is not made up for. @throws NotFoundError, ConflictError when its moment has passed */
  resume(ref: ScheduleRef): Promise<ScheduleState>
  /** One firing more, now, whatever the state and the overlap policy. @throws what submitting throws; NotFoundError */
  runNow(ref: ScheduleRef): Promise<FiringResult>
  /** From memory. */
  find(ref: ScheduleRef): ScheduleState | undefined
  /** All that are not deleted, oldest first. From memory. */
  list(): ScheduleState[]
  /** The moments of its next firings; none while it is not active. @throws NotFoundError */
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

/** Where a schedule stands after a firing. */
export interface ScheduleProgress {
  state: ScheduleStatus
  nextAt: number | null
  lastAt: number | null
  fired: number
  updatedAt: number
}

/** A firing and the move of its schedule: one transaction, and the job's or tasks' own one where there are any. */
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
