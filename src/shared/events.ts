/**
 * Farm events as hints: ids and states, never whole rows (a listener pulls the data). One map for the
 * engine's bus, the WebSocket of the native API and the dialects that have their own events.
 */
import { Type, type Static } from 'typebox'
import { FarmStatus, JobStatus, TaskStatus, WorkerStatus } from './enums.ts'
import { Id, nullable } from './schemas/common.ts'

const base = { at: Type.Integer() }

/** A job was submitted or changed, or its counters moved. `bulk`: many of its tasks changed without individual events. */
export const JobEvent = Type.Object({
  type: Type.Literal('job'),
  ...base,
  jobId: Id,
  status: JobStatus,
  previousStatus: nullable(JobStatus),
  bulk: Type.Boolean(),
  deleted: Type.Boolean(),
})
export const TaskEvent = Type.Object({
  type: Type.Literal('task'),
  ...base,
  jobId: Id,
  taskId: Id,
  status: TaskStatus,
  previousStatus: nullable(TaskStatus),
  workerId: nullable(Id),
})
/** New log bytes of an attempt. `position`: their offset in the plain log; `text` only up to 64 kB. */
export const LogEvent = Type.Object({
  type: Type.Literal('log'),
  ...base,
  jobId: Id,
  taskId: Id,
  attempt: Type.Integer(),
  position: Type.Integer(),
  bytes: Type.Integer(),
  text: Type.String(),
})
export const FrameEvent = Type.Object({
  type: Type.Literal('frame'),
  ...base,
  jobId: Id,
  taskId: Id,
  attempt: Type.Integer(),
  frame: nullable(Type.Integer()),
  path: Type.String(),
  preview: Type.String(),
})
/** The program of an attempt handed over a result. */
export const ResultEvent = Type.Object({
  type: Type.Literal('result'),
  ...base,
  jobId: Id,
  taskId: Id,
  attempt: Type.Integer(),
  bytes: Type.Integer(),
})
/** The task (or, with `taskId` null, the job itself) has a new warning. */
export const WarningEvent = Type.Object({
  type: Type.Literal('warning'),
  ...base,
  jobId: Id,
  taskId: nullable(Id),
  code: Type.String(),
  text: Type.String(),
  count: Type.Integer(),
})
export const LastRenderedEvent = Type.Object({ type: Type.Literal('last-rendered'), ...base, jobId: Id })
export const WorkerEvent = Type.Object({
  type: Type.Literal('worker'),
  ...base,
  workerId: Id,
  status: WorkerStatus,
  previousStatus: nullable(WorkerStatus),
  deleted: Type.Boolean(),
})
export const MachineEvent = Type.Object({ type: Type.Literal('machine'), ...base, machineId: Id })
export const TagEvent = Type.Object({ type: Type.Literal('tag'), ...base, tagId: Id, deleted: Type.Boolean() })
export const LimitEvent = Type.Object({ type: Type.Literal('limit'), ...base, name: Type.String() })
/** A schedule was created, changed or deleted, or it fired. */
export const ScheduleEvent = Type.Object({ type: Type.Literal('schedule'), ...base, scheduleId: Id, deleted: Type.Boolean() })
export const FarmEvent = Type.Object({ type: Type.Literal('farm'), ...base, status: FarmStatus })
export const LifeCycleEvent = Type.Object({
  type: Type.Literal('lifecycle'),
  ...base,
  phase: Type.Union([Type.Literal('startup'), Type.Literal('shutdown')]),
})

export const FramehouseEvent = Type.Union([
  JobEvent,
  TaskEvent,
  LogEvent,
  FrameEvent,
  ResultEvent,
  WarningEvent,
  LastRenderedEvent,
  WorkerEvent,
  MachineEvent,
  TagEvent,
  LimitEvent,
  ScheduleEvent,
  FarmEvent,
  LifeCycleEvent,
])
export type FramehouseEvent = Static<typeof FramehouseEvent>
export type EventType = FramehouseEvent['type']
export type EventOf<T extends EventType> = Extract<FramehouseEvent, { type: T }>

/**
 * The WebSocket `/api/v1/events`. The server sends a JSON array of events, or one of these objects:
 * `hello` first; `ping` after a period without events; `resync` when events had to be dropped because the listener
 * was too slow: reload everything that is displayed.
 */
export const EventsControl = Type.Union([
  Type.Object({ type: Type.Literal('hello'), at: Type.Integer(), version: Type.String() }),
  Type.Object({ type: Type.Literal('ping'), at: Type.Integer() }),
  Type.Object({ type: Type.Literal('resync'), at: Type.Integer() }),
  Type.Object({ type: Type.Literal('refused'), at: Type.Integer(), message: Type.String() }),
])
export type EventsControl = Static<typeof EventsControl>

/**
 * Messages that a client may send; each replaces the members that it contains. By default, all events except `log` are sent.
 * `watch`: tasks whose log lines to send. `types`: only these events. `jobs`: task, frame, warning and log events of these jobs only.
 */
export const EventsSubscription = Type.Object(
  {
    watch: Type.Optional(Type.Array(Id, { maxItems: 200 })),
    types: Type.Optional(nullable(Type.Array(Type.String({ maxLength: 30 }), { maxItems: 30 }))),
    jobs: Type.Optional(nullable(Type.Array(Id, { maxItems: 1000 }))),
  },
  { additionalProperties: false },
)
export type EventsSubscription = Static<typeof EventsSubscription>
