/** The content of the farm's notifications: the JSON of a webhook, the text of an email. Pure. */
import { plural } from '../../shared/text/plural.ts'
import type { Job } from '../../shared/schemas/jobs/job.ts'
import { withCounts, type JobWarnings } from '../../shared/schemas/jobs/warning.ts'

const WORDS: Record<string, string> = { completed: 'is done', failed: 'failed', canceled: 'was cancelled' }

/** Body of a webhook: what a script needs to decide whether to look closer. */
export function jobWebhookBody(job: Job, { items }: JobWarnings, at: number, url: string | null): Record<string, unknown> {
  const { id, name, type, project, owner, origin, priority, status, activity, counts, frameCount } = job
  const { warningCount, createdAt, startedAt, finishedAt } = job
  const warnings = items.map(({ code, text, count, taskCount }) => ({ code, text, count, taskCount }))
  return {
    event: `job-${status}`,
    at: new Date(at).toISOString(),
    job: {
      ...{ id, name, type, project, owner, origin, priority, status, activity, counts, frameCount },
      ...{ warningCount, warnings, createdAt, startedAt, finishedAt, url },
    },
  }
}

/** @param warnings the first of the job's; the rest are counted */
export function jobMail(job: Job, warnings: JobWarnings, farm: string, url: string | null): { subject: string; text: string } {
  const { counts } = job
  const ended = `${WORDS[job.status] ?? job.status}${warnings.total > 0 ? ` with ${plural(warnings.total, 'warning')}` : ''}`
  const more = warnings.total - warnings.items.length
  const lines = [
    `${job.name} ${ended}.`,
    '',
    `Status:   ${job.status}${job.activity === '' ? '' : ` (${job.activity})`}`,
    `Type:     ${job.type}`,
    ...(job.project === '' ? [] : [`Project:  ${job.project}`]),
    `Owner:    ${job.owner || '-'}`,
    `Tasks:    ${counts.completed} of ${counts.total} completed, ${counts.failed} failed, ${counts.canceled} canceled`,
    ...(job.frameCount > 0 ? [`Frames:   ${job.frameCount}`] : []),
    ...(job.startedAt ? [`Started:  ${job.startedAt}`] : []),
    ...(job.finishedAt ? [`Ended:    ${job.finishedAt}`] : []),
    ...(warnings.total > 0 ? ['', 'Warnings:'] : []),
    ...warnings.items.map((warning) => `- ${withCounts(warning)}`),
    ...(more > 0 ? [`  … and ${more} more`] : []),
    ...(url === null ? [] : ['', url]),
    '',
    `Sent by ${farm} because you, or the farm's administrator, requested it.`,
  ]
  return { subject: oneLine(`[${farm}] ${job.name} ${ended}`), text: lines.join('\n') }
}

/** Subjects are one line, whatever a job is called. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 250)
}
