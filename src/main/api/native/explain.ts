/** Why a job's tasks wait: the scheduler is asked about one task of each kind and situation, and the answers are put together. */
import type { JobExplanation } from '../../../shared/schemas/job.ts'
import { waitingSamples } from '../../store/queries/waiting.ts'
import type { ServerContext } from '../context.ts'
import type { JobKey } from '../../store/queries/jobDetail.ts'

/** Tasks that the scheduler is asked about. */
const MAX_SAMPLES = 12

export async function explainJob(context: ServerContext, job: JobKey & { publicId: string }): Promise<JobExplanation> {
  const samples = await waitingSamples(context.read, job, MAX_SAMPLES)
  const reasons = new Map<string, JobExplanation['reasons'][number]>()
  let summary = ''
  for (const sample of samples) {
    const explanation = await context.farm.explain(sample.taskId)
    summary ||= explanation.summary
    for (const reason of explanation.reasons) {
      const key = `${reason.rule}\n${reason.message}`
      const known = reasons.get(key)
      if (known) known.tasks += sample.tasks
      else reasons.set(key, { ...reason, tasks: sample.tasks, exampleTaskId: sample.taskId })
    }
  }
  const waiting = samples.reduce((sum, sample) => sum + sample.tasks, 0)
  return {
    jobId: job.publicId,
    status: job.status,
    summary: waiting === 0 ? 'No task of this job waits.' : summary,
    waiting,
    examined: samples.length,
    openOn: context.farm.openOn(job.id),
    reasons: [...reasons.values()].sort((a, b) => b.tasks - a.tasks),
  }
}
