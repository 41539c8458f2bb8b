/** Submits the demo render: a job type of ours that needs no other program. */
import type { JobTypeInfo } from '../../../shared/schemas/jobs/jobType.ts'
import type { Job } from '../../../shared/schemas/jobs/job.ts'
import { submitJob } from '../../../shared/operations/jobs/jobs.ts'
import { call } from '../../api/client.ts'
import { initialValues, settingsToSend } from '../submit/submitForm.ts'

export const DEMO_TYPE = 'demo-render'

/** Few enough to be done in a minute on a slow machine. */
const FRAMES = '1-16'

export async function submitDemo(type: JobTypeInfo): Promise<Job> {
  const settings = settingsToSend(type, initialValues(type, { frames: FRAMES }))
  return call(submitJob, { body: { name: type.label, type: type.name, settings } })
}
