/** English. The shape of this object is the contract of every other language (tsc compares). Counts use vue-i18n's plural bars. */
import { app } from './app/app.ts'
import { common } from './app/common.ts'
import { dashboard } from './app/dashboard.ts'
import { welcome } from './app/welcome.ts'
import { actors } from './farm/actors.ts'
import { audit } from './farm/audit.ts'
import { colonies } from './farm/colonies.ts'
import { limits } from './farm/limits.ts'
import { notify } from './farm/notify.ts'
import { people } from './farm/people.ts'
import { machine } from './farm/machine.ts'
import { settings } from './farm/settings.ts'
import { workers } from './farm/workers.ts'
import { frames } from './jobs/frames.ts'
import { job } from './jobs/job.ts'
import { jobs } from './jobs/jobs.ts'
import { logs } from './jobs/logs.ts'
import { schedules } from './jobs/schedules.ts'
import { statistics } from './jobs/statistics.ts'
import { submit } from './jobs/submit.ts'

export const messages = {
  ...actors,
  ...app,
  ...audit,
  ...colonies,
  ...common,
  ...dashboard,
  ...frames,
  ...job,
  ...jobs,
  ...limits,
  ...logs,
  ...notify,
  ...people,
  ...schedules,
  ...machine,
  ...settings,
  ...statistics,
  ...submit,
  ...welcome,
  ...workers,
}
export type Messages = typeof messages
