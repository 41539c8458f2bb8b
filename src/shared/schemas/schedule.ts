/** Schedules: submit a job later or repeatedly; a trigger plus a template (`/api/v1/schedules`). */
import { Type, type Static } from 'typebox'
import { JobStatus, oneOf } from '../enums.ts'
import { Id, NamedRef, Time, nullable } from './common.ts'
import { NewJob } from './jobs/job.ts'

/** What makes a schedule fire. Colonies' generators (a number of messages) will be one more. */
export const TRIGGER_KINDS = ['at', 'interval', 'cron'] as const
/** `active` fires; `paused` does not until it is resumed; `ended` will not fire again. */
export const SCHEDULE_STATES = ['active', 'paused', 'ended'] as const
export const ScheduleState = oneOf(SCHEDULE_STATES)
export type ScheduleStatus = Static<typeof ScheduleState>

/**
 * How to treat firings whose time passed while the manager was not running: `skip` drops them, `once` makes up for all
 * of them with one, `all` fires each, but at most the newest `missedLimit`.
 */
export const MISSED_POLICIES = ['skip', 'once', 'all'] as const
export const MissedPolicy = oneOf(MISSED_POLICIES)
export type MissedPolicy = Static<typeof MissedPolicy>

/**
 * What a firing does while work of an earlier one is unfinished: `allow` runs in parallel, `skip` does nothing, `queue` waits
 * until it is finished, `replace` cancels it.
 */
export const OVERLAP_POLICIES = ['allow', 'skip', 'queue', 'replace'] as const
export const OverlapPolicy = oneOf(OVERLAP_POLICIES)
export type OverlapPolicy = Static<typeof OverlapPolicy>

/** `due`: by its trigger; `missed`: made up for; `manual`: requested by a user. */
export const FIRING_CAUSES = ['due', 'missed', 'manual'] as const
export const FiringCause = oneOf(FIRING_CAUSES)
export type FiringCause = Static<typeof FiringCause>

/**
 * `submitted` a job, `grown`: added tasks to one, `waiting` for earlier work to finish, `skipped` because earlier work was
 * running, `missed` while the manager was not running, `failed` with a reason.
 */
export const FIRING_OUTCOMES = ['submitted', 'grown', 'waiting', 'skipped', 'missed', 'failed'] as const
export const FiringOutcome = oneOf(FIRING_OUTCOMES)
export type FiringOutcome = Static<typeof FiringOutcome>

/** The position of the seconds in a cron expression of six fields. */
export const SecondsField = oneOf(['first', 'last'])

/** A trigger in a client's notation; the engine checks which members belong to which kind (engine/rules/schedules/trigger.ts). */
export const TriggerInput = Type.Object(
  {
    kind: oneOf(TRIGGER_KINDS),
    /** `at`: the time. A time in the past fires immediately. */
    at: Type.Optional(Time),
    /** `interval`: seconds from one firing to the next. */
    everySeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 31_622_400 })),
    /** `interval`: fires at `from` plus whole multiples; default: now, so that the first firing is one interval from now. */
    from: Type.Optional(Time),
    /** `cron`: five fields (minute hour day month weekday), or six with seconds. */
    expression: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    /** `cron` with six fields: the position of the seconds; default first. */
    seconds: Type.Optional(SecondsField),
    /** `cron`: IANA name of the expression's time zone; default UTC. */
    timeZone: Type.Optional(Type.String({ minLength: 1, maxLength: 60 })),
  },
  { additionalProperties: false },
)
export type TriggerInput = Static<typeof TriggerInput>

/** A trigger as stored: validated, with its defaults. */
export const Trigger = Type.Union([
  Type.Object({ kind: Type.Literal('at'), at: Time }),
  Type.Object({ kind: Type.Literal('interval'), everySeconds: Type.Integer(), from: Time }),
  Type.Object({ kind: Type.Literal('cron'), expression: Type.String(), seconds: SecondsField, timeZone: Type.String() }),
])
export type Trigger = Static<typeof Trigger>

/** One firing of a schedule, as its history shows it. */
export const Firing = Type.Object({
  id: Type.Integer(),
  /** Counts the firings that had an effect, from 1; null for the others. */
  number: nullable(Type.Integer()),
  dueAt: Time,
  firedAt: Time,
  cause: FiringCause,
  outcome: FiringOutcome,
  /** Why it failed or was skipped. */
  reason: Type.String(),
  /** How many firings this row represents: more than one only for missed ones. */
  count: Type.Integer(),
  /** The job that it submitted or extended; null when there is none, or when the job is purged. */
  job: nullable(Type.Object({ ...NamedRef.properties, status: JobStatus, deleted: Type.Boolean() })),
})
export type Firing = Static<typeof Firing>

export const Schedule = Type.Object({
  id: Id,
  name: Type.String(),
  /** A label of its owner, and the id that counts. */
  owner: Type.String(),
  ownerId: Type.String(),
  /** Why the farm itself paused it: its owner no longer exists. Empty otherwise. */
  holdReason: Type.String(),
  /** The API that created it. */
  origin: Type.String(),
  /** The id that a client of that API assigned. */
  clientId: nullable(Type.String()),
  state: ScheduleState,
  trigger: Trigger,
  missed: MissedPolicy,
  missedLimit: Type.Integer(),
  overlap: OverlapPolicy,
  /** The job that each firing submits; null when it adds tasks to a job instead. */
  job: nullable(NewJob),
  /** The job that each firing adds tasks to. */
  growsJobId: nullable(Id),
  nextAt: nullable(Time),
  /** Number of firings so far that had an effect. */
  fired: Type.Integer(),
  /** Firings that wait for earlier work to finish. */
  waiting: Type.Integer(),
  /** The newest firing of any outcome. */
  last: nullable(Firing),
  createdAt: Time,
  updatedAt: Time,
})
export type Schedule = Static<typeof Schedule>

const policies = {
  missed: Type.Optional(MissedPolicy),
  missedLimit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  overlap: Type.Optional(OverlapPolicy),
}

/** POST /schedules. Each firing fills in `{n}`, `{date}` and `{time}` in the job's name. Defaults: missed `once`, overlap `allow`. */
export const NewSchedule = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    trigger: TriggerInput,
    job: NewJob,
    ...policies,
    paused: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
)
export type NewSchedule = Static<typeof NewSchedule>

/** PATCH /schedules/{id} */
export const SchedulePatch = Type.Object(
  {
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    trigger: Type.Optional(TriggerInput),
    job: Type.Optional(NewJob),
    ...policies,
  },
  { additionalProperties: false },
)
export type SchedulePatch = Static<typeof SchedulePatch>

/** GET /schedules */
export const ScheduleQuery = Type.Object({
  /** Text in name, owner or the job's type. */
  q: Type.Optional(Type.String({ maxLength: 200 })),
  state: Type.Optional(ScheduleState),
  origin: Type.Optional(Type.String({ maxLength: 50 })),
})

const Count = Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 5 }))
/** GET /schedules/{id}/next */
export const NextFiringsQuery = Type.Object({ count: Count })
/** POST /schedules/preview: when a trigger would fire; nothing is stored. */
export const TriggerPreviewInput = Type.Object({ trigger: TriggerInput, count: Count }, { additionalProperties: false })
export const NextFirings = Type.Object({ trigger: Trigger, items: Type.Array(Time) })
export type NextFirings = Static<typeof NextFirings>

/** GET /schedules/{id}/firings: newest first. */
export const FiringQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  cursor: Type.Optional(Type.String({ maxLength: 1000 })),
})
export const FiringPage = Type.Object({ items: Type.Array(Firing), next: nullable(Type.String()) })
export type FiringPage = Static<typeof FiringPage>
