/** The farm's status in one word (Flamenco §4). Pure. */
import type { FarmStatus, JobStatus, WorkerStatus } from '../../../shared/enums.ts'

export function farmStatusOf(workers: readonly WorkerStatus[], jobs: Iterable<JobStatus>): FarmStatus {
  if (workers.every((status) => status === 'offline' || status === 'error')) return 'inoperative'
  const awake = workers.includes('awake')
  let active = false
  let work = false
  for (const status of jobs) {
    if (status === 'active') active = work = true
    else if (status === 'queued') work = true
  }
  if (active && awake) return 'active'
  if (work) return 'waiting'
  if (!awake && workers.includes('asleep')) return 'asleep'
  return 'idle'
}
