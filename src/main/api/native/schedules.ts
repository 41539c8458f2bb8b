/** /schedules: what submits jobs later or again. Schedules of all dialects are shown; those of others add tasks to a job. */
import type { FastifyRequest } from 'fastify'
import {
  Firing,
  FiringPage,
  FiringQuery,
  NewSchedule,
  NextFirings,
  NextFiringsQuery,
  Schedule,
  SchedulePatch,
  ScheduleQuery,
  TriggerPreviewInput,
} from '../../../shared/schemas/schedule.ts'
import { Type } from 'typebox'
import { Id } from '../../../shared/schemas/common.ts'
import type { NewJob } from '../../../shared/schemas/job.ts'
import { ConflictError, InvalidInputError, NotFoundError } from '../../engine/errors.ts'
import type { ScheduleState } from '../../engine/schedules/scheduleEngine.ts'
import { checkTrigger, nextFirings } from '../../engine/schedules/trigger.ts'
import { time, timeOrNull } from '../../store/queries/format.ts'
import { lastFirings, pageOfFirings } from '../../store/queries/schedules.ts'
import type { ServerContext } from '../context.ts'
import { Nothing, requireOwner, type NativeApp } from './common.ts'

const tags = ['schedules']
const ScheduleParams = Type.Object({ scheduleId: Id })
/** As for jobs: settings may be long lists. */
const BODY_LIMIT = 8 * 1_048_576
const SHOWN_FIRINGS = 5

export function scheduleRoutes(app: NativeApp, context: ServerContext): void {
  const { farm, read, submission } = context
  const { schedules } = farm

  function need(scheduleId: string): ScheduleState {
    const schedule = schedules.find({ publicId: scheduleId })
    if (!schedule) throw new NotFoundError('schedule', scheduleId)
    return schedule
  }

  /** @throws NotFoundError, NotAllowedError */
  function needOwn(request: FastifyRequest, scheduleId: string): ScheduleState {
    const schedule = need(scheduleId)
    requireOwner(request, schedule.owner)
    return schedule
  }

  async function shownAll(states: readonly ScheduleState[]): Promise<Schedule[]> {
    const last = await lastFirings(
      read,
      states.map(({ id }) => id),
    )
    return states.map((state) => shown(state, last.get(state.id) ?? null))
  }

  async function whole(state: ScheduleState): Promise<Schedule> {
    return shown(state, (await lastFirings(read, [state.id])).get(state.id) ?? null)
  }

  /** A template whose job could be submitted now. Its script is the one of the day of each firing. @throws InvalidInputError naming the member */
  async function checkedTemplate(job: NewJob, owner: string): Promise<ScheduleState['template']> {
    const { typeEtag: _, ...template } = job
    try {
      await submission.check({ ...template, origin: 'native', owner })
    } catch (error) {
      if (error instanceof NotFoundError) throw new InvalidInputError('/job/type', error.message)
      if (!(error instanceof InvalidInputError)) throw error
      throw new InvalidInputError(`/job/${error.field.replace(/^\//, '').replace(/^settings\./, 'settings/')}`, error.message)
    }
    return { kind: 'submit', job: template }
  }

  app.get(
    '/schedules',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'listSchedules',
        summary: 'All schedules; those that fire next come first',
        querystring: ScheduleQuery,
        response: { 200: Type.Object({ items: Type.Array(Schedule) }) },
      },
    },
    async ({ query }) => {
      const wanted = schedules.list().filter((schedule) => fits(schedule, query))
      return { items: await shownAll(wanted.sort(byNext)) }
    },
  )

  app.post(
    '/schedules',
    {
      bodyLimit: BODY_LIMIT,
      config: { access: 'submit' },
      schema: {
        tags,
        operationId: 'createSchedule',
        summary: 'Submit a job later or again',
        body: NewSchedule,
        response: { 201: Schedule },
      },
    },
    async (request, reply) => {
      const { job, trigger, ...rest } = request.body
      const owner = request.caller.actor
      checkTrigger(trigger, context.now())
      const template = await checkedTemplate(job, owner)
      const state = await schedules.create({ ...rest, trigger, template, origin: 'native', owner })
      request.audited = { kind: 'schedule', id: state.publicId, detail: { name: state.name, trigger: state.trigger, type: job.type } }
      return reply
        .code(201)
        .header('location', `/api/v1/schedules/${state.publicId}`)
        .send(await whole(state))
    },
  )

  app.post(
    '/schedules/preview',
    {
      config: { access: 'read', audit: false },
      schema: {
        tags,
        operationId: 'previewTrigger',
        summary: 'When a trigger would fire; nothing is stored',
        body: TriggerPreviewInput,
        response: { 200: NextFirings },
      },
    },
    ({ body }) => {
      const trigger = checkTrigger(body.trigger, context.now())
      return { trigger, items: nextFirings(trigger, context.now(), body.count ?? SHOWN_FIRINGS).map(time) }
    },
  )

  app.get(
    '/schedules/:scheduleId',
    {
      config: { access: 'read' },
      schema: { tags, operationId: 'getSchedule', summary: 'One schedule', params: ScheduleParams, response: { 200: Schedule } },
    },
    ({ params }) => whole(need(params.scheduleId)),
  )

  app.patch(
    '/schedules/:scheduleId',
    {
      bodyLimit: BODY_LIMIT,
      config: { access: 'manage' },
      schema: {
        tags,
        operationId: 'changeSchedule',
        summary: 'Change a schedule; a new trigger counts from now',
        params: ScheduleParams,
        body: SchedulePatch,
        response: { 200: Schedule },
      },
    },
    async (request) => {
      const { publicId, owner, template } = needOwn(request, request.params.scheduleId)
      const { job, ...changes } = request.body
      if (Object.keys(request.body).length === 0) throw new InvalidInputError('', 'nothing to change was named')
      if (job && template.kind !== 'submit') throw new ConflictError('this schedule adds tasks to a job; it has no job to submit')
      const next = job && { template: await checkedTemplate(job, owner) }
      return whole(await schedules.change({ publicId }, { ...changes, ...next }))
    },
  )

  app.delete(
    '/schedules/:scheduleId',
    {
      config: { access: 'manage' },
      schema: {
        tags,
        operationId: 'deleteSchedule',
        summary: 'Delete a schedule; its jobs stay',
        params: ScheduleParams,
        response: Nothing,
      },
    },
    async (request, reply) => {
      const { publicId, name } = needOwn(request, request.params.scheduleId)
      await schedules.delete({ publicId })
      request.audited = { kind: 'schedule', detail: { name } }
      return reply.code(204).send(null)
    },
  )

  for (const [action, summary] of [
    ['pause', 'Fire no more until it is resumed'],
    ['resume', 'Fire again, from now on'],
  ] as const) {
    app.post(
      `/schedules/:scheduleId/${action}`,
      {
        config: { access: 'manage' },
        schema: { tags, operationId: `${action}Schedule`, summary, params: ScheduleParams, response: { 200: Schedule } },
      },
      async (request) => {
        const { publicId, name } = needOwn(request, request.params.scheduleId)
        request.audited = { kind: 'schedule', detail: { name } }
        return whole(await schedules[action]({ publicId }))
      },
    )
  }

  app.post(
    '/schedules/:scheduleId/run',
    {
      config: { access: 'manage' },
      schema: {
        tags,
        operationId: 'runSchedule',
        summary: 'One firing more, now, whatever its state and overlap policy',
        params: ScheduleParams,
        response: { 200: Firing },
      },
    },
    async (request) => {
      const { publicId, id, name } = needOwn(request, request.params.scheduleId)
      const { jobId } = await schedules.runNow({ publicId })
      request.audited = { kind: 'schedule', detail: { name, job: jobId } }
      const firing = (await lastFirings(read, [id])).get(id)
      if (!firing) throw new NotFoundError('schedule', publicId)
      return firing
    },
  )

  app.get(
    '/schedules/:scheduleId/next',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'nextFirings',
        summary: 'The next moments of a schedule; none while it is not active',
        params: ScheduleParams,
        querystring: NextFiringsQuery,
        response: { 200: NextFirings },
      },
    },
    ({ params, query }) => {
      const { publicId, trigger } = need(params.scheduleId)
      return { trigger, items: schedules.next({ publicId }, query.count ?? SHOWN_FIRINGS).map(time) }
    },
  )

  app.get(
    '/schedules/:scheduleId/firings',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'listFirings',
        summary: 'What a schedule did, newest first',
        params: ScheduleParams,
        querystring: FiringQuery,
        response: { 200: FiringPage },
      },
    },
    ({ params, query }) => pageOfFirings(read, need(params.scheduleId).id, query),
  )
}

function shown(state: ScheduleState, last: Firing | null): Schedule {
  const { template } = state
  return {
    id: state.publicId,
    name: state.name,
    owner: state.owner,
    origin: state.origin,
    clientId: state.clientId,
    state: state.state,
    trigger: state.trigger,
    missed: state.missed,
    missedLimit: state.missedLimit,
    overlap: state.overlap,
    job: template.kind === 'submit' ? template.job : null,
    growsJobId: template.kind === 'grow' ? template.jobId : null,
    nextAt: timeOrNull(state.nextAt),
    fired: state.fired,
    waiting: state.waiting,
    last,
    createdAt: time(state.createdAt),
    updatedAt: time(state.updatedAt),
  }
}

function fits({ name, owner, state, origin, template }: ScheduleState, query: { q?: string; state?: string; origin?: string }): boolean {
  if (query.state !== undefined && query.state !== state) return false
  if (query.origin !== undefined && query.origin !== origin) return false
  const text = `${name}\n${owner}\n${template.kind === 'submit' ? template.job.type : ''}`.toLowerCase()
  return query.q === undefined || text.includes(query.q.toLowerCase())
}

/** Those that fire next come first, those that do not at the end, newest first. */
function byNext(a: ScheduleState, b: ScheduleState): number {
  return (a.nextAt ?? Infinity) === (b.nextAt ?? Infinity) ? b.id - a.id : (a.nextAt ?? Infinity) - (b.nextAt ?? Infinity)
}
