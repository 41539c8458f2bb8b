/** Reading and changing tasks, and their logs (§1.4, §7). */
import { Type } from 'typebox'
import { expandCommands } from '../../../engine/compile/commandTemplates.ts'
import { taskDetails, type TaskDetails } from '../store/queries.ts'
import type { FarmSettings } from '../../../../shared/schemas/settings.ts'
import { shownCommands } from '../../../http/shownCommands.ts'
import type { ApiContext } from '../../../http/context.ts'
import { WireError } from '../errors.ts'
import { taskLogUrl } from '../jobFiles.ts'
import { assertMayManage, errors, id, needTask, NOTHING, sendJson, TaskParams, type TypedApp } from '../routeSupport.ts'
import { wireTime } from '../schemas/common.ts'
import { Task, TaskLogInfo, TaskStatusChange } from '../schemas/jobs.ts'
import { logTail, TAIL_BYTES } from '../logTail.ts'

export function taskRoutes(app: TypedApp, { farm, read, logs, settings }: ApiContext): void {
  app.get(
    '/tasks/:task_id',
    {
      config: { access: 'read' },
      schema: { operationId: 'fetchTask', tags: ['jobs'], params: TaskParams, response: { 200: Task, ...errors(400, 404) } },
    },
    async (request, reply) => {
      const task = await taskDetails(read, id(request.params.task_id))
      if (!task) throw new WireError(404, 'no such task')
      sendJson(reply, taskText(task, settings.current()))
      return reply
    },
  )

  app.get(
    '/tasks/:task_id/log',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'fetchTaskLogInfo',
        tags: ['jobs'],
        params: TaskParams,
        response: { 200: TaskLogInfo, ...NOTHING, ...errors(400, 404) },
      },
    },
    async (request, reply) => {
      const taskId = id(request.params.task_id)
      const task = await needTask(read, taskId)
      const { bytes } = await logs.taskInfo(taskId)
      if (bytes === 0) return reply.code(204).send()
      return reply.send({ task_id: taskId, job_id: task.jobPublicId, url: taskLogUrl(task.jobPublicId, taskId), size: bytes })
    },
  )

  app.get(
    '/tasks/:task_id/logtail',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'fetchTaskLogTail',
        tags: ['jobs'],
        params: TaskParams,
        response: { 200: Type.String(), ...NOTHING, ...errors(400, 404) },
      },
    },
    async (request, reply) => {
      const taskId = id(request.params.task_id)
      await needTask(read, taskId)
      const { bytes } = await logs.taskInfo(taskId)
      if (bytes === 0) return reply.code(204).send()
      const from = Math.max(0, bytes - TAIL_BYTES)
      const tail = logTail(await logs.readTask(taskId, from, bytes - from), from > 0)
      return reply.header('content-security-policy', "sandbox; default-src 'none'").type('text/plain; charset=utf-8').send(tail)
    },
  )

  app.post(
    '/tasks/:task_id/setstatus',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'setTaskStatus',
        tags: ['jobs'],
        params: TaskParams,
        body: TaskStatusChange,
        response: { ...NOTHING, ...errors(400, 404) },
      },
    },
    async (request, reply) => {
      const taskId = id(request.params.task_id)
      const task = await needTask(read, taskId)
      assertMayManage(request, task)
      await farm.tasks.setStatus(taskId, request.body.status, request.body.reason)
      return reply.code(204).send()
    },
  )
}

/** A Task as text: SQLite's part, and the part that needs the template of the commands. */
function taskText(task: TaskDetails, settings: FarmSettings): string {
  const commands = shownCommands(expandCommands(task.template, task.params), settings).map(({ name, parameters, totalStepCount }) => ({
    name,
    parameters,
    total_step_count: totalStepCount,
  }))
  const more = {
    created: task.created,
    job_id: task.jobId,
    activity: task.activity,
    commands,
    ...(task.touchedAt === null ? {} : { last_touched: wireTime(task.touchedAt) }),
  }
  return `${task.summary},${JSON.stringify(more).slice(1, -1)},"failed_by_workers":${task.failedBy}}`
}
