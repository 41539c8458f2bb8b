/** Jobs by owner or token, by ids. */
import type { JobStatus } from '../../../../shared/enums.ts'
import type { ReadDatabase } from '../../connection.ts'

const MAX_JOBS = 1_000

/**
 * Unfinished jobs of these owners, or that these tokens submitted; oldest first, at most 1,000.
 * @param ownerIds ids as in `jobs.owner_id` @param tokenIds public ids of tokens
 */
export function unfinishedJobsOf(
  db: ReadDatabase,
  ownerIds: readonly string[],
  tokenIds: readonly string[],
): Promise<{ id: string; name: string; status: JobStatus }[]> {
  return db.all(
    `select public_id as id, name, status from jobs
     where deleted_at is null and status in ('queued', 'active', 'paused', 'pause-requested', 'requeueing')
       and (owner_id in (select value from json_each(?)) or submitted_with in (select value from json_each(?)))
     order by jobs.id limit ${MAX_JOBS}`,
    [JSON.stringify(ownerIds), JSON.stringify(tokenIds)],
  )
}
