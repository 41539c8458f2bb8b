/** The engine's port on the check of rendered files (files/looks): the files are on disks that the engine does not access. */
import type { Command } from '../../../shared/schemas/jobs/task.ts'
import type { NewWarning } from '../../../shared/schemas/jobs/warning.ts'
import type { NewFrame } from './farmRecords.ts'
import type { WorkerState } from './model.ts'

export interface TaskLookRequest {
  taskId: string
  /** Public. */
  jobId: string
  attempt: number
  /** The worker that reports the files. */
  worker: WorkerState
  /** As the worker received them. */
  commands: Command[]
  /** Its pictures must be compared with those that were set aside for them. */
  compare: boolean
  /** Some of its frames may be known already, as its worker's log named them. */
  named: boolean
}

/** Findings about an attempt's files; recorded with the attempt's end, in one commit. */
export interface TaskFound {
  /** Why the attempt fails; undefined: its files are correct, as far as can be determined. */
  problem: string | undefined
  frames: NewFrame[]
  warnings: NewWarning[]
}

/** The result for a whole job. `reason` becomes the job's, when its files fail the check. */
export type LookResult = { ok: true } | { ok: false; reason: string }

export interface JobLookRequest {
  /** Internal id. */
  id: number
  publicId: string
}

export interface FrameLooks {
  /** Whether the commands declare output files that can be checked. */
  promises(commands: readonly Command[]): boolean
  /**
   * The assumed result of a foreign worker's attempt when no worker can access its folder; undefined when one may, so that a check is
   * worthwhile, and when that cannot be determined quickly.
   */
  believed(request: TaskLookRequest): Promise<TaskFound | undefined>
  /** Checks the files of a foreign worker's attempt. */
  task(request: TaskLookRequest): Promise<TaskFound>
  /** Whether one of the job's workers sees all of its frames. `again`: the check was not possible now; repeat it later. */
  job(request: JobLookRequest): Promise<LookResult | { again: true }>
  /**
   * Compares the frames of a job whose tasks are all done with their neighbors, and handles suspects by the job's
   * policy. True: some tasks must run once more. Never fails.
   */
  pictures(request: JobLookRequest): Promise<boolean>
}
