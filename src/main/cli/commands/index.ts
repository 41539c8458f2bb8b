/** All commands, in the order of the overview. A new command is a file here and a line below. */
import type { Command } from '../command.ts'
import { actions } from './actions.ts'
import { backup } from './backup.ts'
import { both } from './both.ts'
import { completeCommand, completion } from './completion.ts'
import { demo } from './demo.ts'
import { explain } from './explain.ts'
import { job } from './job.ts'
import { jobs } from './jobs.ts'
import { frames } from './frames.ts'
import { jobTypes } from './jobTypes.ts'
import { logs } from './logs.ts'
import { addSchedule, listSchedules, scheduleActions, showSchedule } from './schedules.ts'
import { submit } from './submit.ts'
import { createToken, listTokens, revokeToken } from './tokens.ts'
import { doctor } from './doctor.ts'
import { manager } from './manager.ts'
import { worker } from './worker.ts'
import { approveWorker, workerRequests, workers } from './workers.ts'

export const COMMANDS: readonly Command[] = [
  submit,
  jobs,
  job,
  frames,
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
  backup,
  completion,
  completeCommand(() => COMMANDS),
]
