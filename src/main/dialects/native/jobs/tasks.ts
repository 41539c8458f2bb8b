/** /tasks: one task with its attempts, actions, why it waits. */
import { actOnTasks, getTask, actOnTask, listAttempts, explainTask } from '../../../../shared/operations/jobs/tasks.ts'
import type { Task } from '../../../../shared/schemas/jobs/task.ts'
import { NotFoundError } from '../../../engine/base/errors.ts'
import { attemptsOfTask } from '../../../store/queries/tasks/attempts.ts'
import { jobsOfTasks, readTask } from '../../../store/queries/tasks/tasks.ts'
import type { ServerContext } from '../../../http/context.ts'
import { shownCommands } from '../../../http/shownCommands.ts'
import { eachOf, requireOwner, requireTask, type NativeApp } from '../common.ts'

export function taskRoutes(app: NativeApp, context: ServerContext): void {
  const { farm } = context

  async function whole(taskId: string): Promise<Task> {
    const task = await readTask(context.read, (await requireTask(context, taskId)).id)
    if (!task) throw new NotFoundError('task', taskId)
    return { ...task, commands: shownCommands(task.commands, context.settings.current()) }
  }

  app.route({
    ...actOnTasks,
    handler: async (request) => {
      const { ids: wanted, action, ...choices } = request.body
      const ids = wanted.map((id) => id.toLowerCase())
      const jobs = await jobsOfTasks(context.read, ids)
      const result = await eachOf(ids, async (id) => {
        const job = jobs.get(id)
        if (!job) throw new NotFoundError('task', id)
        requireOwner(request, job)
        await farm.tasks.act(id, action, request.caller.actor, choices)
      })
      // Audited as changes of the jobs, because that is where people look for them.
      const changed = new Set(result.done.flatMap((id) => jobs.get(id)?.publicId ?? []))
      request.audited = { kind: 'job', ids: [...changed], detail: { action, tasks: result.done.length, first: result.done[0] } }
      return result
    },
  })

  app.route({ ...getTask, handler: (request) => whole(request.params.taskId) })

  app.route({
    ...actOnTask,
    handler: async (request) => {
      const task = await requireTask(context, request.params.taskId)
      requireOwner(request, task)
      request.audited = { kind: 'job', id: task.jobPublicId, detail: { action: request.body.action, task: task.publicId } }
      const { action, ...choices } = request.body
      await farm.tasks.act(task.publicId, action, request.caller.actor, choices)
      return whole(task.publicId)
    },
  })

  app.route({
    ...listAttempts,
    handler: async (request) => {
      const task = await requireTask(context, request.params.taskId)
      return { items: await attemptsOfTask(context.read, task.id, task.publicId) }
    },
  })

  app.route({
    ...explainTask,
    handler: async (request) => farm.tasks.explain((await requireTask(context, request.params.taskId)).publicId),
  })
}
