/** Formats warnings for the command line. */
import { withCounts } from '../../../shared/schemas/jobs/warning.ts'
import { plural } from '../../../shared/text/plural.ts'
import type { Client, Job } from '../client/client.ts'

const SHOWN = 10

/** `completed with 2 warnings` */
export function statusWords({ status, warningCount }: Pick<Job, 'status' | 'warningCount'>): string {
  return warningCount > 0 ? `${status} with ${plural(warningCount, 'warning')}` : status
}

/** The first warnings of a job, one per line, and the number of the remaining ones. */
export async function warningLines(client: Client, job: Pick<Job, 'id'>): Promise<string[]> {
  const { items, total } = await client.warnings(job.id, SHOWN)
  const lines = items.map((warning) => `Warning: ${withCounts(warning)}`)
  const more = total - items.length
  return more > 0 ? [...lines, `… and ${plural(more, 'more warning', 'more warnings')}: framehouse job ${job.id} --json`] : lines
}
