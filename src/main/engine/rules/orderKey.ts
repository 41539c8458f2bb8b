/** How tasks and jobs are sorted for assignment. Pure. */
import type { QueueOrder } from '../../../shared/enums.ts'

/** 2³²: priorities above, indices below, both exact in a double and in SQLite's integer. */
const PRIORITY_STEP = 4_294_967_296

/** Key of a ready task inside its job and kind: higher priority first, then the order of authoring. Smaller is earlier. */
export function taskOrderKey(priority: number, index: number): number {
  return (100 - priority) * PRIORITY_STEP + index
}

/** Failed tasks come after all untried ones, those with fewer tries first: room for 2²⁹ indices and seven tries. */
const TRY_STEP = 536_870_912
const MOST_STEPS = 7

/** Key of a task after this many failures: behind the untried ones of its priority. */
export function retryOrderKey(priority: number, index: number, tries: number): number {
  return taskOrderKey(priority, index) + Math.min(tries, MOST_STEPS) * TRY_STEP
}

/** The task priority (0–100) that a key contains. */
export function priorityOfOrderKey(orderKey: number): number {
  return 100 - Math.floor(orderKey / PRIORITY_STEP)
}

/** The rank of a job's queue among the queues of one (namespace, kind, tag). Compared element by element, smaller first. */
export type Rank = readonly [number, number, number, number]

/** An age-priority job gains one step of priority for each of these. */
const AGE_STEP_MS = 600_000
const DAY_MS = 86_400_000

/**
 * - `priority`: job priority, then the priority of its first ready task, then age (Flamenco §4)
 * - `age-priority`: as if the job had been submitted earlier by ten minutes for each step of its priority
 * - `fifo`: age alone
 * - `task-days`: as if the job had been submitted a day earlier for each step of its first ready task's priority (Colonies)
 */
export function jobRank(order: QueueOrder, job: { priority: number; createdAt: number; id: number }, headOrderKey: number): Rank {
  const taskPriority = priorityOfOrderKey(headOrderKey)
  if (order === 'fifo') return [-50, -50, job.createdAt, job.id]
  if (order === 'age-priority') return [-50, -50, job.createdAt - (job.priority - 50) * AGE_STEP_MS, job.id]
  if (order === 'task-days') return [-50, -50, job.createdAt - taskPriority * DAY_MS, job.id]
  return [-job.priority, -taskPriority, job.createdAt, job.id]
}

export function compareRanks(a: Rank, b: Rank): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2] || a[3] - b[3]
}
