/** The contents of a job: tasks, grid, frames, timeline, graph, activity, and why its tasks wait. */
import {
  listTasks,
  getGrid,
  listFrames,
  listJobWarnings,
  listSuspectFrames,
  getTimeline,
  getGraph,
  listSessions,
  explainJob,
  listJobActivity,
} from '../../../../shared/operations/jobs/jobContents.ts'
import { timelineOfJob } from '../../../store/queries/tasks/attempts.ts'
import { pageOfAudit } from '../../../store/queries/farm/audit.ts'
import { pageOfJobFrames } from '../../../store/queries/tasks/frames.ts'
import { graphOfJob } from '../../../store/queries/tasks/graph.ts'
import { gridOfJob } from '../../../store/queries/tasks/grid.ts'
import { sessionsOfJob } from '../../../store/queries/farm/warmApps.ts'
import { suspectPage } from '../../../store/queries/tasks/suspects.ts'
import { pageOfTasks } from '../../../store/queries/tasks/tasks.ts'
import { warningsOfJob } from '../../../store/queries/jobs/warnings.ts'
import type { ServerContext } from '../../../http/context.ts'
import { requireJob, type NativeApp } from '../common.ts'
import { explanationOf } from './explain.ts'

/** Suspects in the list; further ones are only counted. */
const MAX_SUSPECTS = 200

export function jobContentRoutes(app: NativeApp, context: ServerContext): void {
  app.route({
    ...listTasks,
    handler: async ({ params, query }) => pageOfTasks(context.read, (await requireJob(context, params.jobId)).id, query),
  })

  app.route({
    ...getGrid,
    handler: async (request, reply) => {
      const job = await requireJob(context, request.params.jobId)
      const text = await gridOfJob(context.read, job.id)
      // The text is JSON already and must bypass the serializer.
      return reply
        .type('application/json; charset=utf-8')
        .serializer((payload: string) => payload)
        .send(text as never)
    },
  })

  app.route({
    ...listFrames,
    handler: async ({ params, query }) => {
      const job = await requireJob(context, params.jobId)
      return pageOfJobFrames(context.read, job.id, { ...query, limit: query.limit ?? 100 })
    },
  })

  app.route({
    ...listJobWarnings,
    handler: async ({ params, query }) => warningsOfJob(context.read, await requireJob(context, params.jobId), query.limit ?? 200),
  })

  app.route({
    ...listSuspectFrames,
    handler: async ({ params }) => suspectPage(context.read, (await requireJob(context, params.jobId)).publicId, MAX_SUSPECTS),
  })

  app.route({
    ...getTimeline,
    handler: async ({ params, query }) =>
      timelineOfJob(context.read, await requireJob(context, params.jobId), { limit: query.limit ?? 2_000, cursor: query.cursor }),
  })

  app.route({ ...getGraph, handler: async ({ params }) => graphOfJob(context.read, await requireJob(context, params.jobId)) })

  app.route({
    ...listSessions,
    handler: async ({ params }) => {
      const job = await requireJob(context, params.jobId)
      return { items: await sessionsOfJob(context.read, job.id, context.farm.warmApps.ofJob(job.id)) }
    },
  })

  app.route({ ...explainJob, handler: async ({ params }) => explanationOf(context, await requireJob(context, params.jobId)) })

  app.route({
    ...listJobActivity,
    handler: async ({ params, query }) => {
      const { publicId } = await requireJob(context, params.jobId)
      return pageOfAudit(context.read, { ...query, targetKind: 'job', targetId: publicId })
    },
  })
}
