/** /tasks: one task with its attempts, actions, why it waits. */
import { Type } from 'typebox'
import { BulkResult } from '../../../shared/schemas/farm.ts'
import { Attempt, BulkTaskAction, Explanation, Task, TaskActionInput } from '../../../shared/schemas/job.ts'
import { NotFoundError } from '../../engine/errors.ts'
import { attemptsOfTask } from '../../store/queries/attempts.ts'
import { jobsOfTasks, readTask } from '../../store/queries/tasks.ts'
import type { ServerContext } from '../context.ts'
import { eachOf, requireOwner, requireTask, TaskParams, type NativeApp } from './common.ts'

const tags = ['tasks']
/** 10,000 ids. */
const BULK_BODY_LIMIT = 2 * 1_048_576

export function taskRoutes(app: NativeApp, context: ServerContext): void {
  const { farm } = context

  async function whole(taskId: string): Promise<Task> {
    const task = await readTask(context.read, (await requireTask(context, taskId)).id)
    if (!task) throw new NotFoundError('task', taskId)
    return task
  }

  app.post(
    '/tasks/actions',
    {
      bodyLimit: BULK_BODY_LIMIT,
      config: { access: 'manage' },
      schema: {
        tags,
        operationId: 'actOnTasks',
        summary: 'Do the same with many tasks',
        body: BulkTaskAction,
        response: { 200: BulkResult },
      },
    },
    async (request) => {
      const { action } = request.body
      const ids = request.body.ids.map((id) => id.toLowerCase())
      const jobs = await jobsOfTasks(context.read, ids)
      const result = await eachOf(ids, async (id) => {
        const job = jobs.get(id)
        if (!job) throw new NotFoundError('task', id)
        requireOwner(request, job.owner)
        await farm.actOnTask(id, action, request.caller.actor)
      })
      // Told as changes of the jobs: that is where people look for them.
      const changed = new Set(result.done.flatMap((id) => jobs.get(id)?.publicId ?? []))
      request.audited = { kind: 'job', ids: [...changed], detail: { action, tasks: result.done.length, first: result.done[0] } }
      return result
    },
  )

  app.get(
    '/tasks/:taskId',
    {
      config: { access: 'read' },
      schema: { tags, operationId: 'getTask', summary: 'One task, its commands and attempts', params: TaskParams, response: { 200: Task } },
    },
    (request) => whole(request.params.taskId),
  )

  app.post(
    '/tasks/:taskId/actions',
    {
      config: { access: 'manage' },
      schema: {
        tags,
        operationId: 'actOnTask',
        summary: 'Requeue (for any worker, or elsewhere than it ran), cancel or skip a task',
        params: TaskParams,
        body: TaskActionInput,
        response: { 200: Task },
      },
    },
    async (request) => {
      const task = await requireTask(context, request.params.taskId)
      requireOwner(request, task.owner)
      request.audited = { kind: 'job', id: task.jobPublicId, detail: { action: request.body.action, task: task.publicId } }
      await farm.actOnTask(task.publicId, request.body.action, request.caller.actor)
      return whole(task.publicId)
    },
  )

  app.get(
    '/tasks/:taskId/attempts',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'listAttempts',
        summary: 'Every run of a task',
        params: TaskParams,
        response: { 200: Type.Object({ items: Type.Array(Attempt) }) },
      },
    },
    async (request) => {
      const task = await requireTask(context, request.params.taskId)
      return { items: await attemptsOfTask(context.read, task.id, task.publicId) }
    },
  )

  app.get(
    '/tasks/:taskId/explain',
    {
      config: { access: 'read' },
      schema: { tags, operationId: 'explainTask', summary: 'Why a task waits', params: TaskParams, response: { 200: Explanation } },
    },
    async (request) => farm.explain((await requireTask(context, request.params.taskId)).publicId),
  )
}
