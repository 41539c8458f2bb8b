/** Operations of the native API: farm/schedules. */
import {
  ScheduleQuery,
  Schedule,
  NewSchedule,
  TriggerPreviewInput,
  NextFirings,
  SchedulePatch,
  Firing,
  NextFiringsQuery,
  FiringQuery,
  FiringPage,
} from '../../schemas/schedule.ts'
import { Type } from 'typebox'
import { Nothing } from '../params.ts'
import { Id } from '../../schemas/common.ts'
import { operation } from '../operation.ts'

export const ScheduleParams = Type.Object({ scheduleId: Id })
/** As for jobs: settings may be long lists. */
export const BODY_LIMIT = 8 * 1_048_576

export const listSchedules = operation({
  method: 'GET',
  url: '/schedules',
  config: { access: 'read' },
  schema: {
    tags: ['schedules'],
    operationId: 'listSchedules',
    summary: 'All schedules; those that fire next come first',
    querystring: ScheduleQuery,
    response: { 200: Type.Object({ items: Type.Array(Schedule) }) },
  },
})

export const createSchedule = operation({
  method: 'POST',
  url: '/schedules',
  bodyLimit: BODY_LIMIT,
  config: { access: 'submit' },
  schema: {
    tags: ['schedules'],
    operationId: 'createSchedule',
    summary: 'Submit a job later or repeatedly',
    body: NewSchedule,
    response: { 201: Schedule },
  },
})

export const previewTrigger = operation({
  method: 'POST',
  url: '/schedules/preview',
  config: { access: 'read', audit: false },
  schema: {
    tags: ['schedules'],
    operationId: 'previewTrigger',
    summary: 'When a trigger would fire; nothing is stored',
    body: TriggerPreviewInput,
    response: { 200: NextFirings },
  },
})

export const getSchedule = operation({
  method: 'GET',
  url: '/schedules/:scheduleId',
  config: { access: 'read' },
  schema: { tags: ['schedules'], operationId: 'getSchedule', summary: 'One schedule', params: ScheduleParams, response: { 200: Schedule } },
})

export const changeSchedule = operation({
  method: 'PATCH',
  url: '/schedules/:scheduleId',
  bodyLimit: BODY_LIMIT,
  config: { access: 'manage' },
  schema: {
    tags: ['schedules'],
    operationId: 'changeSchedule',
    summary: 'Change a schedule; a new trigger counts from now',
    params: ScheduleParams,
    body: SchedulePatch,
    response: { 200: Schedule },
  },
})

export const deleteSchedule = operation({
  method: 'DELETE',
  url: '/schedules/:scheduleId',
  config: { access: 'manage' },
  schema: {
    tags: ['schedules'],
    operationId: 'deleteSchedule',
    summary: 'Delete a schedule; its jobs stay',
    params: ScheduleParams,
    response: Nothing,
  },
})

export const runSchedule = operation({
  method: 'POST',
  url: '/schedules/:scheduleId/run',
  config: { access: 'manage' },
  schema: {
    tags: ['schedules'],
    operationId: 'runSchedule',
    summary: 'Fire a schedule once now, whatever its state and overlap policy',
    params: ScheduleParams,
    response: { 200: Firing },
  },
})

export const listNextFirings = operation({
  method: 'GET',
  url: '/schedules/:scheduleId/next',
  config: { access: 'read' },
  schema: {
    tags: ['schedules'],
    operationId: 'nextFirings',
    summary: 'The next firing times of a schedule; none while it is not active',
    params: ScheduleParams,
    querystring: NextFiringsQuery,
    response: { 200: NextFirings },
  },
})

export const listFirings = operation({
  method: 'GET',
  url: '/schedules/:scheduleId/firings',
  config: { access: 'read' },
  schema: {
    tags: ['schedules'],
    operationId: 'listFirings',
    summary: 'Past firings of a schedule, newest first',
    params: ScheduleParams,
    querystring: FiringQuery,
    response: { 200: FiringPage },
  },
})

export const pauseSchedule = operation({
  method: 'POST',
  url: '/schedules/:scheduleId/pause',
  config: { access: 'manage' },
  schema: {
    tags: ['schedules'],
    operationId: 'pauseSchedule',
    summary: 'Pause a schedule until it is resumed',
    params: ScheduleParams,
    response: { 200: Schedule },
  },
})

export const resumeSchedule = operation({
  method: 'POST',
  url: '/schedules/:scheduleId/resume',
  config: { access: 'manage' },
  schema: {
    tags: ['schedules'],
    operationId: 'resumeSchedule',
    summary: 'Resume a schedule from now on; if its owner is gone, the caller becomes the owner',
    params: ScheduleParams,
    response: { 200: Schedule },
  },
})
