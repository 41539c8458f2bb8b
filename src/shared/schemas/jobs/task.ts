/** Tasks and attempts as the native API shows them, and why a task waits. */
import { Type, type Static } from 'typebox'
import { AttemptStatus, Outcome, TaskStatus } from '../../enums.ts'
import { Id, NamedRef, Time, WordList, nullable } from '../common.ts'
import { SaidAs, SaidWithAdvice } from '../../said/schema.ts'
import { TaskWarning } from './warning.ts'

export const Steps = Type.Object({ completed: Type.Integer(), total: Type.Integer() })

export const TaskAction = Type.Union([
  Type.Literal('requeue'),
  /** Like requeue, but excludes the worker that ran it last; a plain requeue lifts the exclusion. */
  Type.Literal('requeue-elsewhere'),
  Type.Literal('cancel'),
  Type.Literal('skip'),
])

export type TaskAction = Static<typeof TaskAction>

export const TaskSummary = Type.Object({
  id: Id,
  jobId: Id,
  index: Type.Integer(),
  name: Type.String(),
  kind: Type.String(),
  status: TaskStatus,
  priority: Type.Integer(),
  activity: Type.String(),
  steps: Steps,
  worker: nullable(NamedRef),
  attempts: Type.Integer(),
  /** Number of its distinct warnings. */
  warningCount: Type.Integer(),
  /** How many groups or tasks it still waits for. */
  unmet: Type.Integer(),
  updatedAt: Time,
  startedAt: nullable(Time),
  finishedAt: nullable(Time),
})

export type TaskSummary = Static<typeof TaskSummary>

export const CommandSchema = Type.Object({
  name: Type.String(),
  parameters: Type.Record(Type.String(), Type.Unknown()),
  totalStepCount: Type.Integer({ minimum: 0, default: 0 }),
})

/** One step of a task, in the form that job-type scripts author (Flamenco §5.3). */
export type Command = Static<typeof CommandSchema>

export const Attempt = Type.Object({
  taskId: Id,
  number: Type.Integer(),
  worker: NamedRef,
  status: AttemptStatus,
  outcome: nullable(Outcome),
  reason: Type.String(),
  exitCode: nullable(Type.Integer()),
  startedAt: Time,
  endedAt: nullable(Time),
  logBytes: Type.Integer(),
  logLines: Type.Integer(),
  result: Type.Unknown(),
  metrics: Type.Unknown(),
})

export type Attempt = Static<typeof Attempt>

export const Task = Type.Object({
  ...TaskSummary.properties,
  commands: Type.Array(CommandSchema),
  failedBy: Type.Array(NamedRef),
  warnings: Type.Array(TaskWarning),
  attemptList: Type.Array(Attempt),
})

export type Task = Static<typeof Task>

/** One rule of the scheduler that keeps a task waiting, and the workers that it excludes. */
export const WaitReason = Type.Object({
  rule: Type.String(),
  message: Type.String(),
  /** What a person could do about it. */
  advice: Type.String(),
  said: Type.Optional(SaidWithAdvice),
  workersExcluded: Type.Integer(),
  workers: Type.Array(NamedRef),
})

export const Explanation = Type.Object({
  taskId: Id,
  status: TaskStatus,
  summary: Type.String(),
  said: Type.Optional(SaidAs),
  workersTotal: Type.Integer(),
  workersEligible: Type.Integer(),
  /** Workers that have the job's application open; preferred when that makes no other worker wait. */
  openOn: Type.Array(NamedRef),
  reasons: Type.Array(WaitReason),
})

export type WaitReason = Static<typeof WaitReason>

export type Explanation = Static<typeof Explanation>

/** Options of requeue. */
export const RequeueChoices = {
  /** Keep complete existing files, whatever created them; missing: as the job defines. */
  keepWholeFrames: Type.Optional(Type.Boolean()),
  /** Render only these frames again; keep the other frames of their tasks. */
  frames: Type.Optional(Type.Array(Type.Integer(), { minItems: 1, maxItems: 100_000 })),
}

/** POST /tasks/{id}/actions and, with ids, POST /tasks/actions. */
export const TaskActionInput = Type.Object({ action: TaskAction, ...RequeueChoices }, { additionalProperties: false })

export type TaskActionInput = Static<typeof TaskActionInput>

export const BulkTaskAction = Type.Object(
  { ids: Type.Array(Id, { minItems: 1, maxItems: 10_000 }), action: TaskAction, keepWholeFrames: RequeueChoices.keepWholeFrames },
  { additionalProperties: false },
)

/** GET /jobs/{id}/tasks */
export const TaskQuery = Type.Object({
  status: Type.Optional(WordList),
  kind: Type.Optional(WordList),
  /** Text in the task's name. */
  q: Type.Optional(Type.String({ maxLength: 200 })),
  /** Id of the worker that runs it, or last ran it. */
  worker: Type.Optional(Id),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
})

/**
 * GET /jobs/{id}/grid: all tasks of a job, compact enough for 100,000 of them. `statuses` has one letter per task, in order
 * of index: q queued, a active, c completed, f failed, x canceled, s soft-failed, p paused. `kindOf` indexes `kinds`.
 * `frames`: [task index from 1, frame number, frame id] of each frame with a preview. `marks`: [task index, frame number, mark] of each
 * frame whose newest file was kept (k) or could not be checked (u).
 */
export const Grid = Type.Object({
  statuses: Type.String(),
  names: Type.Array(Type.String()),
  kinds: Type.Array(Type.String()),
  kindOf: Type.Array(Type.Integer()),
  frames: Type.Array(Type.Tuple([Type.Integer(), nullable(Type.Integer()), Type.Integer()])),
  marks: Type.Array(Type.Tuple([Type.Integer(), nullable(Type.Integer()), Type.Enum(['k', 'u'])])),
})

export type Grid = Static<typeof Grid>

/** GET /jobs/{id}/timeline: which worker ran what, and when. */
export const TimelineItem = Type.Object({
  taskId: Id,
  taskName: Type.String(),
  attempt: Type.Integer(),
  worker: NamedRef,
  status: AttemptStatus,
  outcome: nullable(Outcome),
  startedAt: Time,
  endedAt: nullable(Time),
})

export type TimelineItem = Static<typeof TimelineItem>

export const Timeline = Type.Object({ items: Type.Array(TimelineItem), next: nullable(Type.String()) })

/** GET /jobs/{id}/graph: tasks with the same kind and the same dependencies form one node, so that it stays readable. */
export const GraphNode = Type.Object({
  id: Type.String(),
  label: Type.String(),
  kind: Type.String(),
  /** First task of the node. */
  taskId: nullable(Id),
  /** Number of its tasks by status. */
  counts: Type.Record(Type.String(), Type.Integer()),
})

export type GraphNode = Static<typeof GraphNode>

export const JobGraph = Type.Object({
  nodes: Type.Array(GraphNode),
  /** `to` waits for `from`. */
  edges: Type.Array(Type.Object({ from: Type.String(), to: Type.String() })),
})

export type JobGraph = Static<typeof JobGraph>
