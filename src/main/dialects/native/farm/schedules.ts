/**
 * /schedules: submit jobs later or repeatedly. Lists the schedules of all dialects; those of other dialects add tasks
 * to a job.
 */
import {
  pauseSchedule,
  resumeSchedule,
  listSchedules,
  createSchedule,
  previewTrigger,
  getSchedule,
  changeSchedule,
  deleteSchedule,
  runSchedule,
  listNextFirings,
  listFirings,
} from '../../../../shared/operations/farm/schedules.ts'
import type { FastifyRequest } from 'fastify'
import type { Schedule } from '../../../../shared/schemas/schedule.ts'
import type { NewJob } from '../../../../shared/schemas/jobs/job.ts'
import { mayManage, ownershipOf, type Caller } from '../../../security/accounts/callers.ts'
import { redact } from '../../../security/redaction.ts'
import { shownRules } from '../../../notify/rules.ts'
import { viewRules } from '../../../http/shownCommands.ts'
import { ConflictError, InvalidInputError, NotFoundError } from '../../../engine/base/errors.ts'
import type { JobOwnership } from '../../../engine/base/farmRecords.ts'
import type { ScheduleState } from '../../../engine/base/scheduleEngine.ts'
import { checkTrigger, nextFirings } from '../../../engine/rules/schedules/trigger.ts'
import { time } from '../../../store/queries/format.ts'
import { lastFirings, pageOfFirings } from '../../../store/queries/farm/schedules.ts'
import type { ServerContext } from '../../../http/context.ts'
import { requireOwner, type NativeApp } from '../common.ts'
import { byNext, fits, shownSchedule } from './scheduleViews.ts'

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
    requireOwner(request, schedule)
    return schedule
  }

  /** Shows the job's secrets only to callers who may change it. */
  function shownTo(caller: Caller, schedule: Schedule): Schedule {
    if (schedule.job === null || mayManage(caller, schedule.ownerId)) return schedule
    const job = redact(schedule.job, viewRules(context.settings.current())) as NewJob
    return { ...schedule, job: { ...job, ...(job.notify && { notify: shownRules(job.notify) }) } }
  }

  async function shownAll(states: readonly ScheduleState[]): Promise<Schedule[]> {
    const last = await lastFirings(
      read,
      states.map(({ id }) => id),
    )
    return states.map((state) => shownSchedule(state, last.get(state.id) ?? null))
  }

  async function whole(state: ScheduleState): Promise<Schedule> {
    return shownSchedule(state, (await lastFirings(read, [state.id])).get(state.id) ?? null)
  }

  /**
   * A template whose job could be submitted now. Each firing uses the current script of that time. @throws
   * InvalidInputError naming the member
   */
  async function checkedTemplate(job: NewJob, ownership: JobOwnership): Promise<ScheduleState['template']> {
    const { typeEtag: _, ...template } = job
    try {
      await submission.check({ ...template, origin: 'native', ...ownership })
    } catch (error) {
      if (error instanceof NotFoundError) throw new InvalidInputError('/job/type', error.message)
      if (!(error instanceof InvalidInputError)) throw error
      throw new InvalidInputError(`/job/${error.field.replace(/^\//, '').replace(/^settings\./, 'settings/')}`, error.message)
    }
    return { kind: 'submit', job: template }
  }

  app.route({
    ...listSchedules,
    handler: async ({ query, caller }) => {
      const wanted = schedules.list().filter((schedule) => fits(schedule, query))
      return { items: (await shownAll(wanted.sort(byNext))).map((each) => shownTo(caller, each)) }
    },
  })

  app.route({
    ...createSchedule,
    handler: async (request, reply) => {
      const { job, trigger, ...rest } = request.body
      const ownership = ownershipOf(request.caller)
      checkTrigger(trigger, context.now())
      const template = await checkedTemplate(job, ownership)
      const state = await schedules.create({ ...rest, trigger, template, origin: 'native', ...ownership })
      request.audited = { kind: 'schedule', id: state.publicId, detail: { name: state.name, trigger: state.trigger, type: job.type } }
      return reply
        .code(201)
        .header('location', `/api/v1/schedules/${state.publicId}`)
        .send(await whole(state))
    },
  })

  app.route({
    ...previewTrigger,
    handler: ({ body }) => {
      const trigger = checkTrigger(body.trigger, context.now())
      return { trigger, items: nextFirings(trigger, context.now(), body.count ?? SHOWN_FIRINGS).map(time) }
    },
  })

  app.route({ ...getSchedule, handler: async ({ params, caller }) => shownTo(caller, await whole(need(params.scheduleId))) })

  app.route({
    ...changeSchedule,
    handler: async (request) => {
      const { publicId, template } = needOwn(request, request.params.scheduleId)
      const { job, ...changes } = request.body
      if (Object.keys(request.body).length === 0) throw new InvalidInputError('', 'no change given; send at least one field')
      if (job && template.kind !== 'submit') throw new ConflictError('this schedule adds tasks to a job; it has no job to submit')
      const ownership = ownershipOf(request.caller)
      // Future submissions also belong to this caller: they get no more than the rights of both.
      const next = job && { template: await checkedTemplate(job, ownership), adminRights: ownership.adminRights }
      return whole(await schedules.change({ publicId }, { ...changes, ...next }))
    },
  })

  app.route({
    ...deleteSchedule,
    handler: async (request, reply) => {
      const { publicId, name } = needOwn(request, request.params.scheduleId)
      await schedules.delete({ publicId })
      request.audited = { kind: 'schedule', detail: { name } }
      return reply.code(204).send(null)
    },
  })

  app.route({
    ...pauseSchedule,
    handler: async (request) => {
      const { publicId, name } = needOwn(request, request.params.scheduleId)
      request.audited = { kind: 'schedule', detail: { name } }
      return whole(await schedules.pause({ publicId }))
    },
  })

  app.route({
    ...resumeSchedule,
    handler: async (request) => {
      const { publicId, name } = needOwn(request, request.params.scheduleId)
      request.audited = { kind: 'schedule', detail: { name } }
      return whole(await schedules.resume({ publicId }, ownershipOf(request.caller)))
    },
  })

  app.route({
    ...runSchedule,
    handler: async (request) => {
      const { publicId, id, name } = needOwn(request, request.params.scheduleId)
      const { jobId } = await schedules.runNow({ publicId })
      request.audited = { kind: 'schedule', detail: { name, job: jobId } }
      const firing = (await lastFirings(read, [id])).get(id)
      if (!firing) throw new NotFoundError('schedule', publicId)
      return firing
    },
  })

  app.route({
    ...listNextFirings,
    handler: ({ params, query }) => {
      const { publicId, trigger } = need(params.scheduleId)
      return { trigger, items: schedules.next({ publicId }, query.count ?? SHOWN_FIRINGS).map(time) }
    },
  })

  app.route({ ...listFirings, handler: ({ params, query }) => pageOfFirings(read, need(params.scheduleId).id, query) })
}
