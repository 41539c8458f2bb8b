/** Tasks of foreign workers (Flamenco): what they receive and report. */
import type { TaskStatus } from '../../../shared/enums.ts'
import type { Assignment } from '../../../shared/schemas/agent.ts'

/** One update of a foreign worker about its task (Flamenco §2.1 taskUpdate). */
export interface ForeignUpdate {
  status?: TaskStatus
  activity?: string
  log?: string
  stepsCompleted?: number
}

export interface MayKeepRunning {
  mayKeepRunning: boolean
  reason: string
  statusChangeRequested: boolean
}

/** An assignment, and what scheduleTask's reply needs beyond it. */
export interface ForeignTask {
  assignment: Assignment
  priority: number
  jobPriority: number
  stepsCompleted: number
  /** The worker had the task already: this is not a new attempt. */
  again: boolean
}
