/** How tasks and jobs are sorted for assignment. Pure. */
import type { QueueOrder } from '../../../shared/enums.ts'

/** 2³²: priorities above, indices below, both exact in a double and in SQLite's integer. */
const PRIORITY_STEP = 4_294_967_296

/** Key of a ready task inside its job and kind: higher priority first, then the order of authoring. Smaller is earlier. */
export function taskOrderKey(priority: number, index: number): number {
  return (100 - priority) * PRIORITY_STEP + index
}

/** One step of a task's priority is worth a day of waiting (Colonies). */
const DAY_MS = 86_400_000
/** Room for the order of tasks of one millisecond: with it, times and the priorities −50,000 … 50,000 are exact in a double. */
const SAME_MOMENT = 1_024

/**
 * Key of a task in a job of the order `task-ages`: as if it had been added a day earlier for each step of its priority,
 * tasks of one moment in the order of their indices. It never changes.
 * @param at milliseconds since the epoch
 */
export function agedOrderKey(at: number, priority: number, index: number): number {
  return (at - priority * DAY_MS) * SAME_MOMENT + (index % SAME_MOMENT)
}

/** The moment that such a key stands for, in milliseconds. */
export function ageOfOrderKey(orderKey: number): number {
  return Math.floor(orderKey / SAME_MOMENT)
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

/**
 * - `priority`: job priority, then the priority of its first ready task, then age (Flamenco §4)
 * - `age-priority`: as if the job had been submitted earlier by ten minutes for each step of its priority
 * - `fifo`: age alone
 * - `task-days`: as if the job had been submitted a day earlier for each step of its first ready task's priority (Colonies)
 * - `task-ages`: the same for each task by itself, as its key says: jobs that get their tasks one by one
 */
export function jobRank(order: QueueOrder, job: { priority: number; createdAt: number; id: number }, headOrderKey: number): Rank {
  const taskPriority = priorityOfOrderKey(headOrderKey)
  if (order === 'fifo') return [-50, -50, job.createdAt, job.id]
  if (order === 'age-priority') return [-50, -50, job.createdAt - (job.priority - 50) * AGE_STEP_MS, job.id]
  if (order === 'task-days') return [-50, -50, job.createdAt - taskPriority * DAY_MS, job.id]
  if (order === 'task-ages') return [-50, -50, ageOfOrderKey(headOrderKey), job.id]
  return [-job.priority, -taskPriority, job.createdAt, job.id]
}

export function compareRanks(a: Rank, b: Rank): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2] || a[3] - b[3]
}
