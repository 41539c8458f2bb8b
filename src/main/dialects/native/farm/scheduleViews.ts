/** Shows, finds and sorts schedules. Pure. */
import type { Firing, Schedule } from '../../../../shared/schemas/schedule.ts'
import type { ScheduleState } from '../../../engine/base/scheduleEngine.ts'
import { time, timeOrNull } from '../../../store/queries/format.ts'

export function shownSchedule(state: ScheduleState, last: Firing | null): Schedule {
  const { template } = state
  return {
    id: state.publicId,
    name: state.name,
    owner: state.owner,
    ownerId: state.ownerId,
    holdReason: state.holdReason,
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

export function fits(
  { name, owner, state, origin, template }: ScheduleState,
  query: { q?: string; state?: string; origin?: string },
): boolean {
  if (query.state !== undefined && query.state !== state) return false
  if (query.origin !== undefined && query.origin !== origin) return false
  const text = `${name}\n${owner}\n${template.kind === 'submit' ? template.job.type : ''}`.toLowerCase()
  return query.q === undefined || text.includes(query.q.toLowerCase())
}

/** Those that fire next come first, those that do not fire last, newest first. */
export function byNext(a: ScheduleState, b: ScheduleState): number {
  return (a.nextAt ?? Infinity) === (b.nextAt ?? Infinity) ? b.id - a.id : (a.nextAt ?? Infinity) - (b.nextAt ?? Infinity)
}
