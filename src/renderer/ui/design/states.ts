/** Which look (colour, icon, word) each state of the farm has. Never colour alone: always with icon and word. */
import type { AttemptStatus, FarmStatus, JobStatus, TaskStatus, WorkerStatus } from '../../../shared/enums.ts'
import type { IconName } from './icons.ts'
import type { StateKey } from './tokens.ts'

export interface Look {
  state: StateKey
  icon: IconName
  /** i18n key of the word. */
  word: string
}

const look = (state: StateKey, icon: IconName, word: string): Look => ({ state, icon, word: `state.${word}` })

export const JOB_LOOKS: Record<JobStatus, Look> = {
  'under-construction': look('waiting', 'hourglass', 'building'),
  queued: look('queued', 'clock', 'queued'),
  active: look('running', 'play', 'running'),
  completed: look('done', 'check', 'done'),
  failed: look('failed', 'cross', 'failed'),
  canceled: look('cancelled', 'slash', 'cancelled'),
  paused: look('paused', 'pause', 'paused'),
  'pause-requested': look('paused', 'pause', 'pausing'),
  'cancel-requested': look('cancelled', 'slash', 'cancelling'),
  requeueing: look('queued', 'rotate', 'requeueing'),
}

export const TASK_LOOKS: Record<TaskStatus, Look> = {
  queued: look('queued', 'clock', 'queued'),
  active: look('running', 'play', 'running'),
  completed: look('done', 'check', 'done'),
  failed: look('failed', 'cross', 'failed'),
  canceled: look('cancelled', 'slash', 'cancelled'),
  'soft-failed': look('retrying', 'rotate', 'retrying'),
  paused: look('paused', 'pause', 'paused'),
}

export const ATTEMPT_LOOKS: Record<AttemptStatus, Look> = {
  active: look('running', 'play', 'running'),
  completed: look('done', 'check', 'done'),
  failed: look('failed', 'cross', 'failed'),
  lost: look('lost', 'plug-off', 'lost'),
  canceled: look('cancelled', 'slash', 'cancelled'),
}

export const WORKER_LOOKS: Record<WorkerStatus, Look> = {
  starting: look('queued', 'hourglass', 'starting'),
  awake: look('done', 'check', 'awake'),
  asleep: look('asleep', 'moon', 'asleep'),
  error: look('failed', 'cross', 'error'),
  testing: look('waiting', 'search', 'testing'),
  offline: look('lost', 'plug-off', 'offline'),
  restart: look('queued', 'rotate', 'restarting'),
}

export const FARM_LOOKS: Record<FarmStatus, Look> = {
  active: look('running', 'play', 'farmActive'),
  idle: look('done', 'check', 'farmIdle'),
  waiting: look('waiting', 'hourglass', 'farmWaiting'),
  asleep: look('asleep', 'moon', 'farmAsleep'),
  inoperative: look('failed', 'plug-off', 'farmInoperative'),
  unknown: look('paused', 'question', 'farmUnknown'),
  starting: look('queued', 'hourglass', 'starting'),
}

/** Mails and webhooks. */
export const DELIVERY_LOOKS = {
  waiting: look('waiting', 'hourglass', 'waiting'),
  delivered: look('done', 'check', 'delivered'),
  failed: look('failed', 'cross', 'notDelivered'),
} as const satisfies Record<string, Look>

/** Waits for something other than a free worker. */
export const WAITING_LOOK = look('waiting', 'link', 'waiting')
/** Completed for now: more tasks may join. By what the job says that it waits for (`restsAs`). */
export const RESTING_LOOKS: Readonly<Record<string, Look>> = {
  'waiting for messages': look('waiting', 'hourglass', 'waitingForMessages'),
  'waiting for processes': look('waiting', 'hourglass', 'waitingForProcesses'),
  'all of its processes have ended': look('done', 'check', 'done'),
}
/** A worker that runs something. */
export const BUSY_LOOK = look('running', 'play', 'rendering')
/** A worker waiting for approval. */
export const PENDING_LOOK = look('waiting', 'key', 'pending')
