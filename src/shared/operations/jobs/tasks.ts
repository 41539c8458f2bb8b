/** Operations of the native API: jobs/tasks. */
import { BulkTaskAction, Task, TaskActionInput, Attempt, Explanation } from '../../schemas/jobs/task.ts'
import { BulkResult } from '../../schemas/farm.ts'
import { TaskParams } from '../params.ts'
import { Type } from 'typebox'
import { operation } from '../operation.ts'

/** 10,000 ids. */
export const BULK_BODY_LIMIT = 2 * 1_048_576

export const actOnTasks = operation({
  method: 'POST',
  url: '/tasks/actions',
  bodyLimit: BULK_BODY_LIMIT,
  config: { access: 'manage' },
  schema: {
    tags: ['tasks'],
    operationId: 'actOnTasks',
    summary: 'Act on several tasks',
    body: BulkTaskAction,
    response: { 200: BulkResult },
  },
})

export const getTask = operation({
  method: 'GET',
  url: '/tasks/:taskId',
  config: { access: 'read' },
  schema: {
    tags: ['tasks'],
    operationId: 'getTask',
    summary: 'One task, its commands and attempts',
    params: TaskParams,
    response: { 200: Task },
  },
})

export const actOnTask = operation({
  method: 'POST',
  url: '/tasks/:taskId/actions',
  config: { access: 'manage' },
  schema: {
    tags: ['tasks'],
    operationId: 'actOnTask',
    summary: 'Requeue (on any worker, or on another one than before), cancel or skip a task',
    params: TaskParams,
    body: TaskActionInput,
    response: { 200: Task },
  },
})

export const listAttempts = operation({
  method: 'GET',
  url: '/tasks/:taskId/attempts',
  config: { access: 'read' },
  schema: {
    tags: ['tasks'],
    operationId: 'listAttempts',
    summary: 'All attempts of a task',
    params: TaskParams,
    response: { 200: Type.Object({ items: Type.Array(Attempt) }) },
  },
})

export const explainTask = operation({
  method: 'GET',
  url: '/tasks/:taskId/explain',
  config: { access: 'read' },
  schema: { tags: ['tasks'], operationId: 'explainTask', summary: 'Why a task waits', params: TaskParams, response: { 200: Explanation } },
})
