/** Which events a subscriber wants. Pure. */
import type { FramehouseEvent } from '../../../../shared/events.ts'

export interface Wishes {
  /** Only these types; null: all but `log`. */
  types: ReadonlySet<string> | null
  /** Task, frame, warning and log events of these jobs only; null: of all. */
  jobs: ReadonlySet<string> | null
  /** Tasks whose log lines are wanted. */
  watch: ReadonlySet<string>
}

export function wants({ types, jobs, watch }: Wishes, event: FramehouseEvent): boolean {
  if (event.type === 'log') return watch.has(event.taskId)
  if (types && !types.has(event.type)) return false
  const isOfJob = event.type === 'task' || event.type === 'frame' || event.type === 'warning' || event.type === 'result'
  if (jobs && isOfJob && !jobs.has(event.jobId)) return false
  return true
}
