/** PLACEHOLDER until the job-type modules land: the contract other modules build on. */
import type { NewJob } from '../../shared/schemas/job.ts'
import type { Platform } from '../../shared/schemas/jobType.ts'
import type { JobState } from '../engine/model.ts'
import type { JobStatus } from '../../shared/enums.ts'

/** A submission in the words of the native API, plus what only some dialects know. */
export interface SubmissionInput extends NewJob {
  origin: 'native' | 'flamenco'
  owner: string
  submitterPlatform?: Platform
  checkoutId?: string
  initialStatus?: JobStatus
}

export interface Submission {
  /** Variables → etag → settings checked and defaulted → compiled → stored. @throws NotFoundError (type), JobTypeChangedError, InvalidInputError */
  submit(input: SubmissionInput): Promise<JobState>
  /** The same up to the compilation; nothing is stored. Returns what would be authored. */
  check(input: SubmissionInput): Promise<{ settings: Record<string, unknown>; taskCount: number; tasks: { name: string; kind: string }[] }>
}
