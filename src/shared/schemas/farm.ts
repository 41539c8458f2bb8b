/** The farm as a whole: status, dashboard, statistics, audit. */
import { Type, type Static } from 'typebox'
import { FarmStatus, Outcome } from '../enums.ts'
import { Id, NamedRef, Time, nullable } from './common.ts'
import { Frame, JobSummary } from './job.ts'

const Counts = Type.Record(Type.String(), Type.Integer())

/** GET /status */
export const Status = Type.Object({
  version: Type.String(),
  managerName: Type.String(),
  farm: FarmStatus,
  now: Time,
  startedAt: Time,
  /** Jobs by status; deleted ones not counted. */
  jobs: Counts,
  /** Tasks of those jobs by status. */
  tasks: Counts,
  /** Workers by status. */
  workers: Counts,
  pendingWorkers: Type.Integer(),
  framesLastHour: Type.Integer(),
  /** The open switch is on: add-ons and workers of the LAN need no key. */
  openToLan: Type.Boolean(),
})
export type Status = Static<typeof Status>

/** A frame with the name of its job, for walls of newest frames. */
export const WallFrame = Type.Object({ ...Frame.properties, jobName: Type.String() })
export type WallFrame = Static<typeof WallFrame>

/** Something that a person should look at. */
export const Attention = Type.Object({
  kind: Type.Enum(['job-failed', 'worker-pending', 'worker-error', 'worker-lost', 'job-stuck', 'disk-low', 'open-to-lan']),
  message: Type.String(),
  /** What it is about: a job's or worker's id. */
  target: nullable(Type.Object({ kind: Type.String(), id: Type.String(), name: Type.String() })),
  at: nullable(Time),
})
export type Attention = Static<typeof Attention>

/** GET /overview: what a dashboard shows, in one call. */
export const Overview = Type.Object({
  status: Status,
  /** Jobs that run, then those that wait; at most 12. */
  running: Type.Array(JobSummary),
  attention: Type.Array(Attention),
  /** Newest frames with a preview; at most 24. */
  frames: Type.Array(WallFrame),
  /** The last 24 hours, oldest first: share of workers' time spent running, 0–1, and frames made. */
  utilisation: Type.Array(Type.Object({ at: Time, share: Type.Number(), frames: Type.Integer() })),
  /** When the next running job should be done. */
  nextFinish: nullable(Type.Object({ job: NamedRef, at: Time })),
})
export type Overview = Static<typeof Overview>

/** GET /statistics */
export const StatisticsQuery = Type.Object({
  /** Default: 24 hours before `until`. */
  since: Type.Optional(Time),
  until: Type.Optional(Time),
  /** Default: chosen so that there are at most 200 buckets. */
  bucket: Type.Optional(Type.Enum(['hour', 'day'])),
})
export const Statistics = Type.Object({
  since: Time,
  until: Time,
  bucketSeconds: Type.Integer(),
  buckets: Type.Array(
    Type.Object({
      at: Time,
      frames: Type.Integer(),
      /** Attempts that ended well and badly. */
      tasks: Type.Integer(),
      failed: Type.Integer(),
      /** Time that workers spent running, all of them together. */
      busySeconds: Type.Number(),
    }),
  ),
  /** Why attempts ended badly. */
  failures: Type.Array(Type.Object({ outcome: Outcome, count: Type.Integer() })),
  /** The jobs that took most time; at most 100. */
  jobs: Type.Array(
    Type.Object({
      job: NamedRef,
      seconds: Type.Number(),
      frames: Type.Integer(),
      /** In the currency of the machines' hourly rates; null where no rate is known. */
      cost: nullable(Type.Number()),
      wattHours: nullable(Type.Number()),
    }),
  ),
  workers: Type.Array(Type.Object({ worker: NamedRef, seconds: Type.Number(), tasks: Type.Integer(), failed: Type.Integer() })),
})
export type Statistics = Static<typeof Statistics>

/** GET /audit */
export const AuditQuery = Type.Object({
  targetKind: Type.Optional(Type.String({ maxLength: 50 })),
  targetId: Type.Optional(Type.String({ maxLength: 100 })),
  actor: Type.Optional(Type.String({ maxLength: 200 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
})
export const AuditRow = Type.Object({
  id: Type.Integer(),
  at: Time,
  actor: Type.String(),
  action: Type.String(),
  targetKind: Type.String(),
  targetId: Type.String(),
  detail: Type.Unknown(),
})
export type AuditRow = Static<typeof AuditRow>
export const AuditPage = Type.Object({ items: Type.Array(AuditRow), next: nullable(Type.String()) })

/** What a list of ids was asked to do, one by one. */
export const BulkResult = Type.Object({
  done: Type.Array(Id),
  failed: Type.Array(Type.Object({ id: Type.String(), code: Type.String(), message: Type.String() })),
})
export type BulkResult = Static<typeof BulkResult>
