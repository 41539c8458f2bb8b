/** Which jobs may write to one folder. Pure. */
import { FINISHED_JOB_STATUSES, type JobStatus } from '../../../shared/enums.ts'
import { english } from '../../../shared/said/said.ts'
import { shareFrames } from '../../../shared/frames/frameRange.ts'
import { ConflictError } from '../base/errors.ts'

/** Where a job writes. */
export interface OutputClaim {
  /** For people. */
  folder: string
  /** Equal for paths that may be the same folder. */
  key: string
  /** The names of its files (a name, or a pattern), in lower case; empty: unknown. */
  files: string
  /** Its frames as submitted; null: unknown. */
  frames: string | null
}

/** What is stored with the job: `seen` are the jobs that were known to hold the folder, `warning` reports it to people. */
export interface StoredClaim extends OutputClaim {
  seen: string[]
  warning: string | null
}

/** Another job that has claimed the same folder. */
export interface ClaimHolder {
  jobId: string
  name: string
  status: JobStatus
  files: string
  frames: string | null
}

/** An unfinished job renders the same frames into the folder, and the submission does not allow that. */
export class OutputSharedError extends ConflictError {
  override readonly code = 'output-shared'
  readonly field = 'allowSharedOutput'
}

const isPattern = (files: string): boolean => /[#*?{%]/.test(files)

/** The holders whose files can be among the claim's: files with different names, `a.mp4` and `b.mp4`, can share a folder. */
export function sharers(claim: Pick<OutputClaim, 'files'>, holders: readonly ClaimHolder[]): ClaimHolder[] {
  return holders.filter(({ files }) => {
    if (files === '' || claim.files === '' || files === claim.files) return true
    return isPattern(files) && isPattern(claim.files)
  })
}

/** The unfinished ones among them that create the same files. */
export function clashing(claim: Pick<OutputClaim, 'files' | 'frames'>, holders: readonly ClaimHolder[]): ClaimHolder[] {
  return sharers(claim, holders).filter(({ status, files, frames }) => {
    if (FINISHED_JOB_STATUSES.includes(status)) return false
    const sameFiles = files === claim.files || files === '' || claim.files === ''
    return sameFiles && (frames === null || claim.frames === null || shareFrames(frames, claim.frames))
  })
}

/** A message about the folder. */
export function sharedText({ folder }: OutputClaim, holders: readonly ClaimHolder[]): string {
  const job = holders[0]?.name ?? ''
  const n = holders.length - 1
  return n > 0 ? english('warning.shared-output-more', { folder, job, n }) : english('warning.shared-output', { folder, job })
}
