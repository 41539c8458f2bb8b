/** Workers, machines, tags, limits as the native API shows them. */
import { Type, type Static } from 'typebox'
import { LimitScope, WorkerStatus } from '../enums.ts'
import { Id, NamedRef, Time, nullable } from './common.ts'
import { Session } from './warmApp.ts'

export const Gpu = Type.Object({ name: Type.String(), memoryBytes: nullable(Type.Integer()) })
export const Software = Type.Object({ name: Type.String(), version: Type.String(), path: Type.String() })
export type Software = Static<typeof Software>

/** Shares are 0–1, memory in bytes; null when the machine cannot report it. */
export const Load = Type.Object({
  cpu: nullable(Type.Number()),
  memoryUsed: nullable(Type.Number()),
  memoryTotal: nullable(Type.Number()),
  gpus: Type.Array(
    Type.Object({ load: nullable(Type.Number()), memoryUsed: nullable(Type.Number()), temperature: nullable(Type.Number()) }),
  ),
  diskFree: nullable(Type.Number()),
})
export type Load = Static<typeof Load>

/** A worker's description of its computer; `id` is generated once per machine and kept. */
export const MachineReport = Type.Object({
  id: Id,
  name: Type.String({ minLength: 1, maxLength: 200 }),
  platform: Type.String(),
  arch: Type.String(),
  cpuCount: Type.Integer(),
  memoryBytes: Type.Integer(),
  gpus: Type.Array(Gpu, { maxItems: 64 }),
  software: Type.Array(Software, { maxItems: 200 }),
})
export type MachineReport = Static<typeof MachineReport>

export const Machine = Type.Object({
  ...MachineReport.properties,
  address: Type.String(),
  cpuCount: nullable(Type.Integer()),
  memoryBytes: nullable(Type.Integer()),
  hourlyRate: nullable(Type.Number()),
  watts: nullable(Type.Number()),
  load: nullable(Load),
  lastSeenAt: nullable(Time),
  workerIds: Type.Array(Id),
})
export type Machine = Static<typeof Machine>

export const SleepSchedule = Type.Object({
  isActive: Type.Boolean(),
  /** Two-letter English day names, space-separated; empty: every day. */
  daysOfWeek: Type.String(),
  startTime: Type.String(),
  endTime: Type.String(),
})
export type SleepSchedule = Static<typeof SleepSchedule>

export const Tag = Type.Object({ id: Id, name: Type.String(), description: Type.String() })
export type Tag = Static<typeof Tag>

/** A folder of a worker in which the manager opens what that worker saved; only when `allowed`, by an admin (docs/security.md). */
export const WorkerFolder = Type.Object({ path: Type.String(), allowed: Type.Boolean() })

export const Worker = Type.Object({
  id: Id,
  name: Type.String(),
  adapter: Type.String(),
  platform: Type.String(),
  address: Type.String(),
  software: Type.String(),
  status: WorkerStatus,
  statusRequested: nullable(WorkerStatus),
  statusRequestLazy: Type.Boolean(),
  canRestart: Type.Boolean(),
  approved: Type.Boolean(),
  /** Who asked to join from its machine; empty: unknown. */
  person: Type.String(),
  /** The window at its machine asks for a sign-in; null: it does not, or was answered. */
  signIn: nullable(Type.Object({ person: Type.String() })),
  /** While it waits for approval: the worker that is gone and that it seems to be, after its machine was set up anew. */
  replaces: nullable(NamedRef),
  kinds: Type.Array(Type.String()),
  capacity: Type.Integer(),
  folders: Type.Array(WorkerFolder),
  tags: Type.Array(Tag),
  machine: nullable(NamedRef),
  running: Type.Array(
    Type.Object({ taskId: Id, taskName: Type.String(), jobId: Id, jobName: Type.String(), attempt: Type.Integer(), startedAt: Time }),
  ),
  /** Applications that it keeps open between tasks. */
  sessions: Type.Array(Session),
  sleepSchedule: nullable(SleepSchedule),
  lastSeenAt: nullable(Time),
  createdAt: Time,
})
export type Worker = Static<typeof Worker>

/** PATCH /workers/{id} */
export const WorkerPatch = Type.Object({ name: Type.String({ minLength: 1, maxLength: 64 }) }, { additionalProperties: false })

/** POST /workers/{id}/sign-in */
export const SignInGrant = Type.Object(
  { role: Type.Union([Type.Literal('viewer'), Type.Literal('artist')]) },
  { additionalProperties: false },
)
export type SignInRole = Static<typeof SignInGrant>['role']

/** POST /workers/{id}/replace */
export const WorkerReplacement = Type.Object(
  {
    /** The worker whose name, tags and sleep schedule it takes over, and which is removed. */
    worker: Id,
  },
  { additionalProperties: false },
)

export const WorkerAction = Type.Object(
  {
    status: Type.Union([Type.Literal('awake'), Type.Literal('asleep'), Type.Literal('offline'), Type.Literal('restart')]),
    /** Wait for the running work to end. */
    lazy: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
)

export const Limit = Type.Object({
  id: Id,
  name: Type.String(),
  description: Type.String(),
  max: Type.Integer(),
  scope: LimitScope,
  inUse: Type.Integer(),
  /** Running tasks of the jobs that use it, the oldest first; at most 100. Several on one machine may share a unit. */
  holders: Type.Array(
    Type.Object({ jobId: Id, jobName: Type.String(), taskId: Id, taskName: Type.String(), worker: NamedRef, startedAt: Time }),
  ),
})
export type Limit = Static<typeof Limit>
export const LimitInput = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100 }),
    description: Type.Optional(Type.String({ maxLength: 1000 })),
    max: Type.Integer({ minimum: 0 }),
    scope: Type.Optional(LimitScope),
  },
  { additionalProperties: false },
)
export const LimitPatch = Type.Partial(LimitInput, { additionalProperties: false })

export const TagInput = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 100 }), description: Type.Optional(Type.String({ maxLength: 1000 })) },
  { additionalProperties: false },
)
export const TagPatch = Type.Partial(TagInput, { additionalProperties: false })

/** PUT /workers/{id}/tags */
export const WorkerTagsInput = Type.Object({ tags: Type.Array(Id, { maxItems: 100 }) }, { additionalProperties: false })

/** PUT /workers/{id}/sleep-schedule. Times are `HH:MM` by the manager's clock. */
export const SleepScheduleInput = Type.Object(
  {
    isActive: Type.Boolean(),
    daysOfWeek: Type.String({ maxLength: 50, pattern: '^\\s*((mo|tu|we|th|fr|sa|su)(\\s+|$))*$' }),
    startTime: Type.String({ pattern: '^(([01]\\d|2[0-3]):[0-5]\\d)?$' }),
    endTime: Type.String({ pattern: '^(([01]\\d|2[0-3]):[0-5]\\d)?$' }),
  },
  { additionalProperties: false },
)

/** PATCH /machines/{id} */
export const MachinePatch = Type.Object(
  {
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    /** Its cost per hour, in the studio's currency. */
    hourlyRate: Type.Optional(nullable(Type.Number({ minimum: 0 }))),
    watts: Type.Optional(nullable(Type.Number({ minimum: 0 }))),
  },
  { additionalProperties: false },
)

/** GET /machines/{id}/samples: shares 0–1. */
export const MachineSample = Type.Object({
  at: Time,
  cpu: nullable(Type.Number()),
  memory: nullable(Type.Number()),
  gpu: nullable(Type.Number()),
})
export type MachineSample = Static<typeof MachineSample>
