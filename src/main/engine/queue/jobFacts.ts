/** What the rules need to know about a job: its own state, and its shares of limits and lanes. */
import type { LimitState } from '../base/model.ts'
import type { LaneState } from '../base/ports.ts'
import type { JobFacts } from '../rules/eligibility.ts'
import type { JobRuntime } from './jobRuntime.ts'
import type { LaneOrder } from './ready/laneOrder.ts'
import type { Leases } from './leases.ts'

interface Sources {
  leases: Leases
  limits: ReadonlyMap<number, LimitState>
  lanes: ReadonlyMap<number, LaneState>
  laneOrder: LaneOrder
}

export function factsOf(job: JobRuntime, { leases, limits, lanes, laneOrder }: Sources): JobFacts {
  const lane = job.state.laneId === null ? undefined : lanes.get(job.state.laneId)
  const overtakes = lane?.ordered === true && (job.delayed.size > 0 || laneOrder.isBehindOthers(job, lane.id))
  return {
    status: job.state.status,
    deletedAt: job.state.deletedAt,
    startAfter: job.state.startAfter,
    unmetJobs: job.state.unmetJobs,
    limits: job.state.limitIds.length === 0 ? NO_LIMITS : job.state.limitIds.flatMap((id) => limitUse(id) ?? []),
    maxTasks: job.state.maxTasks,
    activeTasks: job.active.size,
    lane: lane ? { ...leases.laneUse(lane), overtakes } : null,
    busy: job.busy !== undefined,
  }

  function limitUse(limitId: number) {
    const limit = limits.get(limitId)
    return limit && leases.limitUse(limit)
  }
}

const NO_LIMITS: never[] = []
