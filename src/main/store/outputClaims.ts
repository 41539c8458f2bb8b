/** Output folders claimed by jobs: read before a job is accepted, written in the transaction that publishes it. */
import type { JobStatus } from '../../shared/enums.ts'
import { ConflictError } from '../engine/base/errors.ts'
import type { ClaimHolder, StoredClaim } from '../engine/rules/outputClaims.ts'
import type { Connection, ReadDatabase } from './connection.ts'

/** Jobs that have claimed the folder; deleted ones have released it. The newest first, at most a few hundred. */
export async function claimHolders(db: ReadDatabase, key: string): Promise<ClaimHolder[]> {
  return db.all<{ jobId: string; name: string; status: JobStatus; files: string; frames: string | null }>(
    `select j.public_id as jobId, j.name, j.status, c.files, c.frames from output_claims c join jobs j on j.id = c.job_id
       where c.folder_key = ? and j.deleted_at is null order by c.job_id desc limit 500`,
    [key],
  )
}

/**
 * Claims the folder for a new job. `claim.seen`: jobs that were known to hold it. @throws ConflictError when another
 * one has claimed it since
 */
export async function writeOutputClaim(tx: Connection, { jobId, at }: { jobId: number; at: number }, claim: StoredClaim): Promise<void> {
  const other = await tx.get<{ name: string }>(
    `select j.name from output_claims c join jobs j on j.id = c.job_id
       where c.folder_key = ?1 and c.job_id <> ?2 and j.deleted_at is null and j.public_id not in (select value from json_each(?3))
         and c.job_id > coalesce((select min(o.id) from jobs o where o.public_id in (select value from json_each(?3))), 0) limit 1`,
    [claim.key, jobId, JSON.stringify(claim.seen)],
  )
  if (other) throw new ConflictError(`the job "${other.name}" claimed the output folder "${claim.folder}" at the same moment; submit again`)
  await tx.run('insert into output_claims (job_id, folder_key, folder, files, frames) values (?, ?, ?, ?, ?)', [
    jobId,
    claim.key,
    claim.folder,
    claim.files,
    claim.frames,
  ])
  if (claim.warning === null) return
  await tx.run(`insert into warnings (job_id, task_id, code, text, count, at) values (?, null, 'output-shared', ?, 1, ?)`, [
    jobId,
    claim.warning,
    at,
  ])
}
