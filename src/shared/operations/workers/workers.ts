/** Operations of the native API: workers/workers. */
import { Type } from 'typebox'
import {
  SignInGrant,
  Worker,
  WorkerAction,
  WorkerPatch,
  WorkerReplacement,
  WorkerTagsInput,
  SleepScheduleInput,
} from '../../schemas/worker.ts'
import { WorkerParams, Nothing } from '../params.ts'
import { ContainerCapabilities } from '../../schemas/container.ts'
import { operation } from '../operation.ts'

export const listWorkers = operation({
  method: 'GET',
  url: '/workers',
  config: { access: 'read' },
  schema: {
    tags: ['workers'],
    operationId: 'listWorkers',
    summary: 'All workers, by name',
    response: { 200: Type.Object({ items: Type.Array(Worker) }) },
  },
})

export const getWorker = operation({
  method: 'GET',
  url: '/workers/:workerId',
  config: { access: 'read' },
  schema: { tags: ['workers'], operationId: 'getWorker', summary: 'One worker', params: WorkerParams, response: { 200: Worker } },
})

export const getWorkerContainers = operation({
  method: 'GET',
  url: '/workers/:workerId/containers',
  config: { access: 'read' },
  schema: {
    tags: ['workers'],
    operationId: 'getWorkerContainers',
    summary: 'The Docker engines of a worker and their images, as of its last sign-on; none for one that runs no containers',
    params: WorkerParams,
    response: { 200: ContainerCapabilities },
  },
})

export const approveWorker = operation({
  method: 'POST',
  url: '/workers/:workerId/approve',
  config: { access: 'admin' },
  schema: {
    tags: ['workers'],
    operationId: 'approveWorker',
    summary: 'Approve a worker that requested to join, and allow the folders that it names',
    params: WorkerParams,
    response: { 200: Worker },
  },
})

export const grantSignIn = operation({
  method: 'POST',
  url: '/workers/:workerId/sign-in',
  config: { access: 'admin' },
  schema: {
    tags: ['workers'],
    operationId: 'grantSignIn',
    summary: "Grant the sign-in that the window at a worker's machine asks for",
    params: WorkerParams,
    body: SignInGrant,
    response: { 200: Worker },
  },
})

export const refuseSignIn = operation({
  method: 'DELETE',
  url: '/workers/:workerId/sign-in',
  config: { access: 'admin' },
  schema: {
    tags: ['workers'],
    operationId: 'refuseSignIn',
    summary: "Refuse the sign-in that the window at a worker's machine asks for",
    params: WorkerParams,
    response: { 200: Worker },
  },
})

export const renameWorker = operation({
  method: 'PATCH',
  url: '/workers/:workerId',
  config: { access: 'admin' },
  schema: {
    tags: ['workers'],
    operationId: 'renameWorker',
    summary: 'Name a worker, whatever it calls itself',
    params: WorkerParams,
    body: WorkerPatch,
    response: { 200: Worker },
  },
})

export const replaceWorker = operation({
  method: 'POST',
  url: '/workers/:workerId/replace',
  config: { access: 'admin' },
  schema: {
    tags: ['workers'],
    operationId: 'replaceWorker',
    summary: 'Approve a worker in place of one that is offline: it takes over name, tags and sleep schedule, and the other one is removed',
    params: WorkerParams,
    body: WorkerReplacement,
    response: { 200: Worker },
  },
})

export const actOnWorker = operation({
  method: 'POST',
  url: '/workers/:workerId/actions',
  config: { access: 'admin' },
  schema: {
    tags: ['workers'],
    operationId: 'actOnWorker',
    summary: 'Send a worker to sleep, wake, restart or shut it down; now, or after its task',
    params: WorkerParams,
    body: WorkerAction,
    response: { 200: Worker },
  },
})

export const setWorkerTags = operation({
  method: 'PUT',
  url: '/workers/:workerId/tags',
  config: { access: 'admin' },
  schema: {
    tags: ['workers'],
    operationId: 'setWorkerTags',
    summary: 'Replace the tags of a worker',
    params: WorkerParams,
    body: WorkerTagsInput,
    response: { 200: Worker },
  },
})

export const setSleepSchedule = operation({
  method: 'PUT',
  url: '/workers/:workerId/sleep-schedule',
  config: { access: 'admin' },
  schema: {
    tags: ['workers'],
    operationId: 'setSleepSchedule',
    summary: "When a worker sleeps, in the manager's time zone",
    params: WorkerParams,
    body: SleepScheduleInput,
    response: { 200: Worker },
  },
})

export const deleteWorker = operation({
  method: 'DELETE',
  url: '/workers/:workerId',
  config: { access: 'admin' },
  schema: {
    tags: ['workers'],
    operationId: 'deleteWorker',
    summary: 'Remove a worker; its running tasks are requeued',
    params: WorkerParams,
    response: Nothing,
  },
})
