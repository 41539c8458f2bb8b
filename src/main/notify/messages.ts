/** What a notification of the farm says: the JSON of a webhook, the text of a mail. Pure. */
import type { Job } from '../../shared/schemas/job.ts'

const WORDS: Record<string, string> = { completed: 'is done', failed: 'failed', canceled: 'was cancelled' }

/** Body of a webhook: what a script needs to decide whether to look closer. */
export function jobWebhookBody(job: Job, at: number, url: string | null): Record<string, unknown> {
  const { id, name, type, project, owner, origin, priority, status, activity, counts, frameCount, createdAt, startedAt, finishedAt } = job
  return {
    event: `job-${status}`,
    at: new Date(at).toISOString(),
    job: { id, name, type, project, owner, origin, priority, status, activity, counts, frameCount, createdAt, startedAt, finishedAt, url },
  }
}

export function jobMail(job: Job, farm: string, url: string | null): { subject: string; text: string } {
  const { counts } = job
  const lines = [
    `${job.name} ${WORDS[job.status] ?? job.status}.`,
    '',
    `Status:   ${job.status}${job.activity === '' ? '' : ` (${job.activity})`}`,
    `Type:     ${job.type}`,
    ...(job.project === '' ? [] : [`Project:  ${job.project}`]),
    `Owner:    ${job.owner || '-'}`,
    `Tasks:    ${counts.completed} of ${counts.total} completed, ${counts.failed} failed, ${counts.canceled} canceled`,
    ...(job.frameCount > 0 ? [`Frames:   ${job.frameCount}`] : []),
    ...(job.startedAt ? [`Started:  ${job.startedAt}`] : []),
    ...(job.finishedAt ? [`Ended:    ${job.finishedAt}`] : []),
    ...(url === null ? [] : ['', url]),
    '',
    `Sent by ${farm} because you, or whoever looks after the farm, asked for it.`,
  ]
  return { subject: oneLine(`[${farm}] ${job.name} ${WORDS[job.status] ?? job.status}`), text: lines.join('\n') }
}

/** Subjects are one line, whatever a job is called. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 250)
}
