/** The farm as a whole: status, dashboard, statistics, audit. */
import { Type, type Static } from 'typebox'
import { FarmStatus, Outcome } from '../enums.ts'
import { Id, NamedRef, Time, nullable } from './common.ts'
import { Frame } from './jobs/frame.ts'
import { JobSummary } from './jobs/job.ts'
import { SaidAs } from '../said/schema.ts'

const Counts = Type.Record(Type.String(), Type.Integer())

/** A problem with the manager's own disk or files. It is removed automatically when it is resolved. */
export const Fault = Type.Object({
  kind: Type.Enum(['disk-full', 'disk-low', 'data-lost', 'database-damaged', 'database-failed', 'logs-damaged', 'worker-cloned']),
  /** `error`: the farm does not work properly until the problem is fixed. */
  severity: Type.Enum(['error', 'warning']),
  /** The problem, with the file or folder. */
  message: Type.String(),
  /** What an administrator can do about it. */
  remedy: Type.String(),
  since: Time,
})
export type Fault = Static<typeof Fault>

/** GET /status */
export const Status = Type.Object({
  version: Type.String(),
  managerName: Type.String(),
  farm: FarmStatus,
  now: Time,
  startedAt: Time,
  /** Jobs by status, excluding deleted ones. */
  jobs: Counts,
  /** Tasks of those jobs by status. */
  tasks: Counts,
  /** Workers by status. */
  workers: Counts,
  pendingWorkers: Type.Integer(),
  framesLastHour: Type.Integer(),
  /** The open switch is on: add-ons and workers on the LAN need no key. */
  openToLan: Type.Boolean(),
  /** Problems with the manager's own disk and files, the most severe first; empty: none. `farm` is `inoperative` while one is an error. */
  faults: Type.Array(Fault),
})
export type Status = Static<typeof Status>

/** A frame with the name of its job, for walls of the newest frames. */
export const WallFrame = Type.Object({ ...Frame.properties, jobName: Type.String() })
export type WallFrame = Static<typeof WallFrame>

/** Something that needs a person's attention. */
export const Attention = Type.Object({
  kind: Type.Enum([
    'job-failed',
    'job-warnings',
    'worker-pending',
    'worker-error',
    'worker-lost',
    'job-waiting',
    'job-stalled',
    'disk-low',
    'open-to-lan',
    'schedule-held',
  ]),
  message: Type.String(),
  /** Missing when the message comes from the job or the disk itself. */
  said: Type.Optional(SaidAs),
  /** The subject: a job's or worker's id. */
  target: nullable(Type.Object({ kind: Type.String(), id: Type.String(), name: Type.String() })),
  at: nullable(Time),
})
export type Attention = Static<typeof Attention>

/** GET /overview: what a dashboard shows, in one call. */
export const Overview = Type.Object({
  status: Status,
  /** Running jobs, then waiting ones; at most 12. */
  running: Type.Array(JobSummary),
  attention: Type.Array(Attention),
  /** Newest frames with a preview; at most 24. */
  frames: Type.Array(WallFrame),
  /** The last 24 hours, oldest first: share of workers' time spent running, 0–1, and number of frames. */
  utilisation: Type.Array(Type.Object({ at: Time, share: Type.Number(), frames: Type.Integer() })),
  /** Estimated end of the next running job. */
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
      /** Attempts that succeeded and failed. */
      tasks: Type.Integer(),
      failed: Type.Integer(),
      /** Total running time of all workers. */
      busySeconds: Type.Number(),
    }),
  ),
  /** Causes of failed attempts. */
  failures: Type.Array(Type.Object({ outcome: Outcome, count: Type.Integer() })),
  /** The jobs that used the most time; at most 100. */
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
  /** By label, which several may have used. */
  actor: Type.Optional(Type.String({ maxLength: 200 })),
  /** By id. */
  actorId: Type.Optional(Type.String({ maxLength: 200 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
})
export const AuditRow = Type.Object({
  id: Type.Integer(),
  at: Time,
  /** A label of the actor at that time, and the id that counts. */
  actor: Type.String(),
  actorId: Type.String(),
  /** The token that was used; null: none, or an older entry. */
  tokenId: nullable(Id),
  action: Type.String(),
  targetKind: Type.String(),
  targetId: Type.String(),
  detail: Type.Unknown(),
})
export type AuditRow = Static<typeof AuditRow>
export const AuditPage = Type.Object({ items: Type.Array(AuditRow), next: nullable(Type.String()) })

/** The result of an action on a list of ids, one by one. */
export const BulkResult = Type.Object({
  done: Type.Array(Id),
  failed: Type.Array(Type.Object({ id: Type.String(), code: Type.String(), message: Type.String() })),
})
export type BulkResult = Static<typeof BulkResult>
