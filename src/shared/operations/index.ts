/** All operations of the native API, for users of the whole table: the tests of the server's routes, generators of clients. */
import type { Operation } from './operation.ts'
import * as backups from './admin/backups.ts'
import * as dialects from './admin/dialects.ts'
import * as imageRegistries from './admin/imageRegistries.ts'
import * as notifications from './admin/notifications.ts'
import * as sessions from './admin/sessions.ts'
import * as settings from './admin/settings.ts'
import * as tokens from './admin/tokens.ts'
import * as users from './admin/users.ts'
import * as agent from './agent/agent.ts'
import * as agentResults from './agent/results.ts'
import * as workerRequests from './agent/workerRequests.ts'
import * as s3Keys from './colonies/s3Keys.ts'
import * as colonies from './colonies/colonies.ts'
import * as colonyPlans from './colonies/plans.ts'
import * as colonyWork from './colonies/work.ts'
import * as farm from './farm/farm.ts'
import * as listeners from './farm/listeners.ts'
import * as schedules from './farm/schedules.ts'
import * as content from './jobs/content.ts'
import * as frames from './jobs/frames.ts'
import * as inspections from './jobs/inspections.ts'
import * as jobContents from './jobs/jobContents.ts'
import * as jobTypes from './jobs/jobTypes.ts'
import * as jobs from './jobs/jobs.ts'
import * as logs from './jobs/logs.ts'
import * as results from './jobs/results.ts'
import * as tasks from './jobs/tasks.ts'
import * as uploads from './jobs/uploads.ts'
import * as joinCodes from './workers/joinCodes.ts'
import * as machines from './workers/machines.ts'
import * as reachability from './workers/reachability.ts'
import * as tagsAndLimits from './workers/tagsAndLimits.ts'
import * as workers from './workers/workers.ts'

export const OPERATIONS: readonly Operation[] = [
  backups,
  dialects,
  imageRegistries,
  notifications,
  sessions,
  settings,
  tokens,
  users,
  agent,
  agentResults,
  workerRequests,
  s3Keys,
  colonies,
  colonyPlans,
  colonyWork,
  farm,
  listeners,
  schedules,
  content,
  frames,
  inspections,
  jobContents,
  jobTypes,
  jobs,
  logs,
  results,
  tasks,
  uploads,
  joinCodes,
  machines,
  reachability,
  tagsAndLimits,
  workers,
]
  .flatMap((room): unknown[] => Object.values(room))
  .flatMap((value) =>
    isOperation(value) ? [value] : typeof value === 'object' && value !== null ? Object.values(value).filter(isOperation) : [],
  )

/** What is exported besides are schemas. */
function isOperation(value: unknown): value is Operation {
  return typeof value === 'object' && value !== null && 'method' in value && 'url' in value && 'schema' in value
}
