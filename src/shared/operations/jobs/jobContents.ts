/** Operations of the native API: jobs/jobContents. */
import { JobParams } from '../params.ts'
import { TaskQuery, TaskSummary, Grid, Timeline, JobGraph } from '../../schemas/jobs/task.ts'
import { SuspectFrames, Frame } from '../../schemas/jobs/frame.ts'
import { JobExplanation } from '../../schemas/jobs/job.ts'
import { pageOf, PageQuery, nullable } from '../../schemas/common.ts'
import { JobWarnings } from '../../schemas/jobs/warning.ts'
import { Type } from 'typebox'
import { Session } from '../../schemas/warmApp.ts'
import { AuditPage } from '../../schemas/farm.ts'
import { operation } from '../operation.ts'

export const FrameQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
  /** Only frames with a preview. */
  ready: Type.Optional(Type.Boolean()),
  /** Only frames without a preview because creating it failed: `previewProblem` has the reason. */
  problem: Type.Optional(Type.Boolean()),
})
export const JobFrameQuery = Type.Object({
  ...FrameQuery.properties,
  /** Only frames of the task with this index. */
  task: Type.Optional(Type.Integer({ minimum: 1 })),
  /** By frame number, or the newest first. */
  order: Type.Optional(Type.Union([Type.Literal('number'), Type.Literal('newest')])),
})
export const FramePage = Type.Object({ items: Type.Array(Frame), total: Type.Integer(), next: nullable(Type.String()) })
export const WarningQuery = Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 200 })) })
export const TimelineQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 2_000 })),
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
})

export const listTasks = operation({
  method: 'GET',
  url: '/jobs/:jobId/tasks',
  config: { access: 'read' },
  schema: {
    tags: ['tasks'],
    operationId: 'listTasks',
    summary: "A page of a job's tasks",
    params: JobParams,
    querystring: TaskQuery,
    response: { 200: pageOf(TaskSummary) },
  },
})

export const getGrid = operation({
  method: 'GET',
  url: '/jobs/:jobId/grid',
  config: { access: 'read' },
  schema: {
    tags: ['tasks'],
    operationId: 'getGrid',
    summary: 'All tasks of a job, one letter each',
    params: JobParams,
    response: { 200: Grid },
  },
})

export const listFrames = operation({
  method: 'GET',
  url: '/jobs/:jobId/frames',
  config: { access: 'read' },
  schema: {
    tags: ['frames'],
    operationId: 'listFrames',
    summary: "A job's frames by number or by age",
    params: JobParams,
    querystring: JobFrameQuery,
    response: { 200: FramePage },
  },
})

export const listJobWarnings = operation({
  method: 'GET',
  url: '/jobs/:jobId/warnings',
  config: { access: 'read' },
  schema: {
    tags: ['jobs'],
    operationId: 'listJobWarnings',
    summary: 'Warnings about the result, identical ones grouped, the most frequent first',
    params: JobParams,
    querystring: WarningQuery,
    response: { 200: JobWarnings },
  },
})

export const listSuspectFrames = operation({
  method: 'GET',
  url: '/jobs/:jobId/suspects',
  config: { access: 'read' },
  schema: {
    tags: ['frames'],
    operationId: 'listSuspectFrames',
    summary: 'Complete frames that may be wrong: black, of one color, or unlike their neighbors in size or time',
    params: JobParams,
    response: { 200: SuspectFrames },
  },
})

export const getTimeline = operation({
  method: 'GET',
  url: '/jobs/:jobId/timeline',
  config: { access: 'read' },
  schema: {
    tags: ['jobs'],
    operationId: 'getTimeline',
    summary: 'Timeline of attempts by worker',
    params: JobParams,
    querystring: TimelineQuery,
    response: { 200: Timeline },
  },
})

export const getGraph = operation({
  method: 'GET',
  url: '/jobs/:jobId/graph',
  config: { access: 'read' },
  schema: {
    tags: ['jobs'],
    operationId: 'getGraph',
    summary: 'Graph of task dependencies',
    params: JobParams,
    response: { 200: JobGraph },
  },
})

export const listSessions = operation({
  method: 'GET',
  url: '/jobs/:jobId/sessions',
  config: { access: 'read' },
  schema: {
    tags: ['jobs'],
    operationId: 'listSessions',
    summary: 'Open and closed applications of workers for the job, newest first',
    params: JobParams,
    response: { 200: Type.Object({ items: Type.Array(Session) }) },
  },
})

export const explainJob = operation({
  method: 'GET',
  url: '/jobs/:jobId/explain',
  config: { access: 'read' },
  schema: {
    tags: ['jobs'],
    operationId: 'explainJob',
    summary: 'Why tasks of the job wait',
    params: JobParams,
    response: { 200: JobExplanation },
  },
})

export const listJobActivity = operation({
  method: 'GET',
  url: '/jobs/:jobId/activity',
  config: { access: 'read' },
  schema: {
    tags: ['jobs'],
    operationId: 'listJobActivity',
    summary: 'Who changed what on this job',
    params: JobParams,
    querystring: PageQuery,
    response: { 200: AuditPage },
  },
})
