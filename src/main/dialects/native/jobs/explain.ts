/** Why a job's tasks wait: explains one task of each kind and situation, and combines the answers. */
import type { JobExplanation } from '../../../../shared/schemas/jobs/job.ts'
import { inEnglish, say } from '../../../../shared/said/said.ts'
import { waitingSamples } from '../../../store/queries/jobs/waiting.ts'
import type { ServerContext } from '../../../http/context.ts'
import type { JobKey } from '../../../store/queries/jobs/jobDetail.ts'

/** Tasks that are explained. */
const MAX_SAMPLES = 12

export async function explanationOf(context: ServerContext, job: JobKey & { publicId: string }): Promise<JobExplanation> {
  const samples = await waitingSamples(context.read, job, MAX_SAMPLES)
  const reasons = new Map<string, JobExplanation['reasons'][number]>()
  let first: JobExplanation['said']
  for (const sample of samples) {
    const explanation = await context.farm.tasks.explain(sample.taskId)
    first ??= explanation.said
    for (const reason of explanation.reasons) {
      const key = `${reason.rule}\n${reason.message}`
      const known = reasons.get(key)
      if (known) known.tasks += sample.tasks
      else reasons.set(key, { ...reason, tasks: sample.tasks, exampleTaskId: sample.taskId })
    }
  }
  const waiting = samples.reduce((sum, sample) => sum + sample.tasks, 0)
  const said = waiting > 0 && first ? first : say('summary.none-waits')
  return {
    jobId: job.publicId,
    status: job.status,
    summary: inEnglish(said),
    said,
    waiting,
    examined: samples.length,
    openOn: context.farm.warmApps.openOn(job.id),
    reasons: [...reasons.values()].sort((a, b) => b.tasks - a.tasks),
  }
}
