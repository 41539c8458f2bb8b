/** All commands, in the order of the overview. To add a command, add a file here and a line below. */
import type { Command } from '../parsing/command.ts'
import { actions } from './jobs/actions.ts'
import { backup } from './farm/backup.ts'
import { both } from './services/both.ts'
import { completeCommand, completion } from './completion.ts'
import { demo } from './services/demo.ts'
import { explain } from './jobs/explain.ts'
import { job } from './jobs/job.ts'
import { jobs } from './jobs/jobs.ts'
import { fetch } from './jobs/fetch.ts'
import { frames } from './jobs/frames.ts'
import { jobTypes } from './jobs/jobTypes.ts'
import { logs } from './jobs/logs.ts'
import { addSchedule, listSchedules, scheduleActions, showSchedule } from './jobs/schedules.ts'
import { restoreCommand, salvageCommand } from './farm/restore.ts'
import { submit } from './jobs/submit.ts'
import { createToken, listTokens, revokeToken } from './farm/tokens.ts'
import { doctor } from './services/doctor.ts'
import { farms } from './farm/farms.ts'
import { createJoinCode, listJoinCodes, revokeJoinCode } from './farm/joinCodes.ts'
import { addListener, listeners, removeListener } from './farm/listeners.ts'
import { ownerKey } from './farm/ownerKey.ts'
import { createS3Key, listS3Keys, removeS3Key } from './farm/s3Keys.ts'
import { manager } from './services/manager.ts'
import { worker } from './services/worker.ts'
import { approveWorker, workerRequests, workers } from './farm/workers.ts'

export const COMMANDS: readonly Command[] = [
  submit,
  jobs,
  job,
  frames,
  fetch,
  logs,
  explain,
  ...actions,
  jobTypes,
  listSchedules,
  showSchedule,
  addSchedule,
  ...scheduleActions,
  workers,
  approveWorker,
  ...workerRequests,
  createToken,
  listTokens,
  revokeToken,
  manager,
  worker,
  both,
  demo,
  doctor,
  farms,
  createJoinCode,
  listJoinCodes,
  revokeJoinCode,
  listeners,
  addListener,
  removeListener,
  ownerKey,
  createS3Key,
  listS3Keys,
  removeS3Key,
  backup,
  restoreCommand,
  salvageCommand,
  completion,
  completeCommand(() => COMMANDS),
]
