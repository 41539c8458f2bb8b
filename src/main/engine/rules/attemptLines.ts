/**
 * The farm's lines about a task's status changes, as in a Flamenco task log. Lines that every run of a task has are not
 * written: they are derived from the attempt's row when the log is read.
 */
import type { TaskStatus } from '../../../shared/enums.ts'
import type { AttemptState } from '../base/model.ts'

type AttemptFacts = Pick<AttemptState, 'number' | 'status' | 'startedAt' | 'endedAt'>

/** A line of the farm, prefixed with its time. */
export function farmLine(at: number, text: string): string {
  return `${new Date(at).toISOString()} ${text}\n`
}

/** What a log says when a task's status changes. */
export function statusLine(from: TaskStatus, to: TaskStatus): string {
  return `task changed status ${from} -> ${to}`
}

/** Whether the attempt's row shows the change, so that it need not be written: the first start, and a successful end. */
export function isReadFromAttempt({ number, status }: AttemptFacts, to: TaskStatus): boolean {
  return to === 'active' ? number === 1 : to === 'completed' && status === 'completed'
}

/** The lines before the attempt's own log in the log of its task. */
export function linesBefore(attempt: AttemptFacts, workerName: string, workerId: string): string {
  const assigned = farmLine(attempt.startedAt, `Task assigned to worker ${workerName} (${workerId})`)
  return isReadFromAttempt(attempt, 'active') ? assigned + farmLine(attempt.startedAt, statusLine('queued', 'active')) : assigned
}

/** The lines after it. */
export function linesAfter(attempt: AttemptFacts): string {
  if (attempt.endedAt === null || !isReadFromAttempt(attempt, 'completed')) return ''
  return farmLine(attempt.endedAt, statusLine('active', 'completed'))
}
