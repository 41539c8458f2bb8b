/** Operations of the native API: jobs/jobs. */
import {
  JobQuery,
  JobSummary,
  JobGroupQuery,
  JobGroups,
  NewJob,
  Job,
  DryRun,
  BulkJobAction,
  JobPatch,
  JobActionInput,
} from '../../schemas/jobs/job.ts'
import { pageOf, Id } from '../../schemas/common.ts'
import { BulkResult } from '../../schemas/farm.ts'
import { JobParams, Nothing } from '../params.ts'
import { Type } from 'typebox'
import { operation } from '../operation.ts'

/** Settings of a job may be long lists. */
export const SUBMIT_BODY_LIMIT = 8 * 1_048_576

export const listJobs = operation({
  method: 'GET',
  url: '/jobs',
  config: { access: 'read' },
  schema: {
    tags: ['jobs'],
    operationId: 'listJobs',
    summary: 'A page of jobs',
    querystring: JobQuery,
    response: { 200: pageOf(JobSummary) },
  },
})

export const groupJobs = operation({
  method: 'GET',
  url: '/jobs/groups',
  config: { access: 'read' },
  schema: {
    tags: ['jobs'],
    operationId: 'groupJobs',
    summary: 'Number of jobs by value',
    querystring: JobGroupQuery,
    response: { 200: JobGroups },
  },
})

export const submitJob = operation({
  method: 'POST',
  url: '/jobs',
  bodyLimit: SUBMIT_BODY_LIMIT,
  config: { access: 'submit' },
  schema: { tags: ['jobs'], operationId: 'submitJob', summary: 'Submit a job', body: NewJob, response: { 201: Job } },
})

export const checkJob = operation({
  method: 'POST',
  url: '/jobs/check',
  bodyLimit: SUBMIT_BODY_LIMIT,
  config: { access: 'submit', audit: false },
  schema: {
    tags: ['jobs'],
    operationId: 'checkJob',
    summary: 'Preview the tasks of a job; nothing is stored',
    body: NewJob,
    response: { 200: DryRun },
  },
})

export const actOnJobs = operation({
  method: 'POST',
  url: '/jobs/actions',
  config: { access: 'manage' },
  schema: { tags: ['jobs'], operationId: 'actOnJobs', summary: 'Act on several jobs', body: BulkJobAction, response: { 200: BulkResult } },
})

export const getJob = operation({
  method: 'GET',
  url: '/jobs/:jobId',
  config: { access: 'read' },
  schema: { tags: ['jobs'], operationId: 'getJob', summary: 'One job', params: JobParams, response: { 200: Job } },
})

export const changeJob = operation({
  method: 'PATCH',
  url: '/jobs/:jobId',
  config: { access: 'manage' },
  schema: {
    tags: ['jobs'],
    operationId: 'changeJob',
    summary: 'Change a submitted job',
    params: JobParams,
    body: JobPatch,
    response: { 200: Job },
  },
})

export const actOnJob = operation({
  method: 'POST',
  url: '/jobs/:jobId/actions',
  config: { access: 'manage' },
  schema: {
    tags: ['jobs'],
    operationId: 'actOnJob',
    summary: 'Pause, resume, cancel, requeue, delete or restore a job',
    params: JobParams,
    body: JobActionInput,
    response: { 200: Job },
  },
})

export const unblockWorker = operation({
  method: 'DELETE',
  url: '/jobs/:jobId/blocklist/:workerId/:kind',
  config: { access: 'manage' },
  schema: {
    tags: ['jobs'],
    operationId: 'unblockWorker',
    summary: 'Let a worker try this kind of task of the job again',
    params: Type.Object({ jobId: Id, workerId: Id, kind: Type.String({ minLength: 1, maxLength: 100 }) }),
    response: Nothing,
  },
})
