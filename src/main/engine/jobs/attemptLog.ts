/** Log text of attempts: stored, kept in view while the attempt runs, and announced to followers. */
import type { LogStream } from '../../../shared/enums.ts'
import { taskPublicId } from '../../../shared/ids.ts'
import type { Core } from '../base/core.ts'
import type { AttemptState, TaskState } from '../base/model.ts'
import type { JobRuntime } from '../queue/jobRuntime.ts'
import { farmLine } from '../rules/attemptLines.ts'
import { TAIL_CHARS } from '../rules/errorLine.ts'

/** Longest text in a log event; listeners read the rest. */
const EVENT_TEXT_BYTES = 65_536

export class AttemptLog {
  constructor(private readonly core: Core) {}

  /** Log text of a running or late attempt. */
  append(job: JobRuntime, task: TaskState, attempt: AttemptState, at: number, stream: LogStream, text: string): void {
    if (text === '') return
    const lease = job.active.get(task.id)
    if (lease?.attempt === attempt) {
      lease.lastSignAt = this.core.now()
      if (stream !== 'farm') lease.tail = text.length >= TAIL_CHARS ? text.slice(-TAIL_CHARS) : (lease.tail + text).slice(-TAIL_CHARS)
      if (job.licencePattern && !lease.licenceLine && job.licencePattern.isIn(text)) lease.licenceLine = true
    }
    const place = this.core.store.appendLog(attempt, at, stream, text)
    if (!this.core.bus.wants('log')) return
    const event = {
      type: 'log' as const,
      at,
      jobId: job.state.publicId,
      taskId: taskPublicId(job.state.publicId, task.index),
      attempt: attempt.number,
      position: place.position,
      bytes: place.bytes,
      text: place.bytes <= EVENT_TEXT_BYTES ? text : '',
    }
    this.core.store.afterCommit(() => this.core.bus.emit(event))
  }

  /** A line of the farm's own in an attempt's log. */
  farmLine(job: JobRuntime, task: TaskState, attempt: AttemptState, text: string): void {
    const now = this.core.now()
    this.append(job, task, attempt, now, 'farm', farmLine(now, text))
  }

  /** The same in the log of the task's last attempt, which may have ended; a task that never ran has no log. */
  async appendToLast(job: JobRuntime, task: TaskState, text: string): Promise<void> {
    const attempt = await this.core.store.loadAttempt(task.id, task.attempts)
    if (attempt) this.farmLine(job, task, attempt, text)
  }
}
