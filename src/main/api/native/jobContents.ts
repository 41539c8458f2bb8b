/** What is inside a job: its tasks, grid, frames, timeline, graph, activity, and why its tasks wait. */
import { Type } from 'typebox'
import { pageOf, PageQuery, nullable } from '../../../shared/schemas/common.ts'
import { AuditPage } from '../../../shared/schemas/farm.ts'
import { Frame, Grid, JobExplanation, JobGraph, TaskQuery, TaskSummary, Timeline } from '../../../shared/schemas/job.ts'
import { Session } from '../../../shared/schemas/session.ts'
import { timelineOfJob } from '../../store/queries/attempts.ts'
import { pageOfAudit } from '../../store/queries/audit.ts'
import { pageOfJobFrames } from '../../store/queries/frames.ts'
import { graphOfJob } from '../../store/queries/graph.ts'
import { gridOfJob } from '../../store/queries/grid.ts'
import { sessionsOfJob } from '../../store/queries/sessions.ts'
import { pageOfTasks } from '../../store/queries/tasks.ts'
import type { ServerContext } from '../context.ts'
import { JobParams, requireJob, type NativeApp } from './common.ts'
import { explainJob } from './explain.ts'

export const FrameQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
  /** Only frames with a preview. */
  ready: Type.Optional(Type.Boolean()),
  /** Only frames whose preview could not be made: `previewProblem` says why. */
  problem: Type.Optional(Type.Boolean()),
})
const JobFrameQuery = Type.Object({
  ...FrameQuery.properties,
  /** Only frames of the task with this index. */
  task: Type.Optional(Type.Integer({ minimum: 1 })),
  /** By frame number, or the newest first. */
  order: Type.Optional(Type.Union([Type.Literal('number'), Type.Literal('newest')])),
})
export const FramePage = Type.Object({ items: Type.Array(Frame), total: Type.Integer(), next: nullable(Type.String()) })

export function jobContentRoutes(app: NativeApp, context: ServerContext): void {
  app.get(
    '/jobs/:jobId/tasks',
    {
      config: { access: 'read' },
      schema: {
        tags: ['tasks'],
        operationId: 'listTasks',
        summary: "A page of a job's tasks",
        params: JobParams,
        querystring: TaskQuery,
        response: { 200: pageOf(TaskSummary) },
      },
    },
    async ({ params, query }) => pageOfTasks(context.read, (await requireJob(context, params.jobId)).id, query),
  )

  app.get(
    '/jobs/:jobId/grid',
    {
      config: { access: 'read' },
      schema: {
        tags: ['tasks'],
        operationId: 'getGrid',
        summary: 'All tasks of a job, one letter each',
        params: JobParams,
        response: { 200: Grid },
      },
    },
    async (request, reply) => {
      const job = await requireJob(context, request.params.jobId)
      const text = await gridOfJob(context.read, job.id)
      // The text is JSON already: it must not go through the serializer.
      return reply
        .type('application/json; charset=utf-8')
        .serializer((payload: string) => payload)
        .send(text as never)
    },
  )

  app.get(
    '/jobs/:jobId/frames',
    {
      config: { access: 'read' },
      schema: {
        tags: ['frames'],
        operationId: 'listFrames',
        summary: "A job's frames by number or by age",
        params: JobParams,
        querystring: JobFrameQuery,
        response: { 200: FramePage },
      },
    },
    async ({ params, query }) => {
      const job = await requireJob(context, params.jobId)
      return pageOfJobFrames(context.read, job.id, { ...query, limit: query.limit ?? 100 })
    },
  )

  app.get(
    '/jobs/:jobId/timeline',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'getTimeline',
        summary: 'Who ran what when',
        params: JobParams,
        querystring: TimelineQuery,
        response: { 200: Timeline },
      },
    },
    async ({ params, query }) =>
      timelineOfJob(context.read, await requireJob(context, params.jobId), { limit: query.limit ?? 2_000, cursor: query.cursor }),
  )

  app.get(
    '/jobs/:jobId/graph',
    {
      config: { access: 'read' },
      schema: { tags, operationId: 'getGraph', summary: 'What waits for what', params: JobParams, response: { 200: JobGraph } },
    },
    async ({ params }) => graphOfJob(context.read, await requireJob(context, params.jobId)),
  )

  app.get(
    '/jobs/:jobId/sessions',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'listSessions',
        summary: 'Applications that workers keep or kept open for the job, newest first',
        params: JobParams,
        response: { 200: Type.Object({ items: Type.Array(Session) }) },
      },
    },
    async ({ params }) => {
      const job = await requireJob(context, params.jobId)
      return { items: await sessionsOfJob(context.read, job.id, context.farm.openSessions({ job: job.id })) }
    },
  )

  app.get(
    '/jobs/:jobId/explain',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'explainJob',
        summary: 'Why tasks of the job wait',
        params: JobParams,
        response: { 200: JobExplanation },
      },
    },
    async ({ params }) => explainJob(context, await requireJob(context, params.jobId)),
  )

  app.get(
    '/jobs/:jobId/activity',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'listJobActivity',
        summary: 'Who changed what on this job',
        params: JobParams,
        querystring: PageQuery,
        response: { 200: AuditPage },
      },
    },
    async ({ params, query }) => {
      const { publicId } = await requireJob(context, params.jobId)
      return pageOfAudit(context.read, { ...query, targetKind: 'job', targetId: publicId })
    },
  )
}

const tags = ['jobs']
const TimelineQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 2_000 })),
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
})
