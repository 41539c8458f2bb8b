/**
 * The farm's lines about a task's way through its statuses, as a Flamenco task log has them. Those that every run of a task
 * brings are not written: they follow from the attempt's row and are made when the log is read. Only the rest is.
 */
import type { TaskStatus } from '../../shared/enums.ts'
import type { AttemptState } from './model.ts'

type AttemptFacts = Pick<AttemptState, 'number' | 'status' | 'startedAt' | 'endedAt'>

/** A line of the farm's, with its time in front. */
export function farmLine(at: number, text: string): string {
  return `${new Date(at).toISOString()} ${text}\n`
}

/** What a log says when a task's status changes. */
export function statusLine(from: TaskStatus, to: TaskStatus): string {
  return `task changed status ${from} -> ${to}`
}

/** The change shows in the attempt's row, so nobody needs to write it: the first start, and an end that went well. */
export function isReadFromAttempt({ number, status }: AttemptFacts, to: TaskStatus): boolean {
  return to === 'active' ? number === 1 : to === 'completed' && status === 'completed'
}

/** What stands before the attempt's own log in the log of its task. */
export function linesBefore(attempt: AttemptFacts, workerName: string, workerId: string): string {
  const assigned = farmLine(attempt.startedAt, `Task assigned to worker ${workerName} (${workerId})`)
  return isReadFromAttempt(attempt, 'active') ? assigned + farmLine(attempt.startedAt, statusLine('queued', 'active')) : assigned
}

/** What stands behind it. */
export function linesAfter(attempt: AttemptFacts): string {
  if (attempt.endedAt === null || !isReadFromAttempt(attempt, 'completed')) return ''
  return farmLine(attempt.endedAt, statusLine('active', 'completed'))
}
