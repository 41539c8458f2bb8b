/**
 * The compiled result of a job type's script, ready to be stored: created in the job-type thread so that the main
 * thread never walks 100,000 tasks. Produced by jobtypes/, stored by Farm.submitJob.
 */
import type { Command } from '../../../shared/schemas/jobs/task.ts'

/** A task as a script authored it. Indices count from 1 in the order of addTask. */
export interface AuthoredTask {
  name: string
  kind: string
  priority: number
  commands: Command[]
  /** Indices (from 1) of the tasks it depends on, among those compiled with it. */
  dependsOn: number[]
  /** For a job that grows: indices of tasks that the job had before. */
  dependsOnOlder?: number[]
  laneName?: string
  /** Its final failure is only a warning: for the job and for dependent tasks, it counts as completed. */
  optional?: boolean
  /** It fails when it has not started by then, milliseconds since the epoch; absent: as CompiledJob.timing says. */
  startBy?: number
}

/**
 * One stored task, as a JSON array to keep the slices small:
 * [index, name, kind, priority, templateIndex, params, stepsTotal, unmet, groupIndex], after them 1 for an optional task (else 0),
 * and the task's own startBy.
 * `params` is a JSON text or null; `templateIndex` and `groupIndex` count from 0 inside this job, groupIndex −1 = none.
 */
export type TaskRow = [number, string, string, number, number, string | null, number, number, number, (0 | 1)?, number?]

/**
 * Rows beside a job's own, stored in the transaction that publishes the job (or its new tasks). The store writes them
 * by kind (store/sideRows.ts).
 */
export interface SideRow {
  readonly kind: string
  readonly values: unknown
}

export interface CompiledJob {
  /** Name and priority, when the script may have changed them. */
  name?: string
  priority?: number
  /** Settings and metadata as the script left them. */
  settings: Record<string, unknown>
  metadata: Record<string, string>
  taskCount: number
  stepsTotal: number
  /** Kinds of task that occur. */
  kinds: string[]
  /** JSON texts of command lists with holes (engine/compile/commandTemplates.ts). */
  templates: string[]
  /** JSON arrays of at most 2,000 TaskRow each, in order of index. */
  taskSlices: string[]
  /** Barriers: number of members of each group. */
  groups: number[]
  /** JSON arrays of at most 5,000 [taskIndex, groupIndex]: the task waits for the whole group. */
  groupDependencySlices: string[]
  /**
   * JSON arrays of at most 5,000 [taskIndex, olderTaskIndex]: only for jobs that grow; taskIndex counts from 1 in what
   * is added, olderTaskIndex in the job. Not counted in `unmet`: the engine knows which older tasks are still open.
   */
  taskDependencySlices?: string[]
  /** Only for jobs that grow: JSON arrays of [olderTaskIndex, taskIndex]: an older task that must not start before a new one is done. */
  olderDependencySlices?: string[]
  /** The output folder, as far as the job type defines it (variables not replaced); null when it does not. */
  outputDir?: string | null
  /** For all these tasks: not assigned before, failed when not started by. Milliseconds since the epoch. */
  timing?: { notBefore?: number; startBy?: number }
  sideRows?: SideRow[]
  /** What the job type's script printed. */
  printed?: string[]
}
