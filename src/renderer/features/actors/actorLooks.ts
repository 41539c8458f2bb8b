/** The states of actors and executions, as the pages show them. Pure. */
import { RESTING_LOOKS, WAITING_LOOK, WORKER_LOOKS, JOB_LOOKS, TASK_LOOKS, type Look } from '../../ui/design/states.ts'
import type { Actor, Execution } from './actorsApi.ts'

const named = (look: Look, status: string): Look => ({ ...look, word: `actors.state.${status}` })

/** By the word on the wire; a ready one shows what its mailbox does. */
export function actorLook({ status, counts }: Pick<Actor, 'status' | 'counts'>): Look {
  if (status === 'SUBMITTED') return named(WORKER_LOOKS.starting, status)
  if (status === 'SHUTTING_DOWN') return named(JOB_LOOKS['cancel-requested'], status)
  if (status !== 'READY') return named(JOB_LOOKS.failed, status)
  if (!counts) return named(JOB_LOOKS.completed, status)
  if (counts.running > 0) return JOB_LOOKS.active
  return counts.waiting > 0 ? JOB_LOOKS.queued : (RESTING_LOOKS['waiting for messages'] ?? WAITING_LOOK)
}

/** An execution that ended with an exit code other than 0 is complete, as clients see it, but shows the colour of a failure. */
export function executionLook({ status, exitCode }: Pick<Execution, 'status' | 'exitCode'>): Look {
  if (status === 'SUBMITTED') return TASK_LOOKS.queued
  if (status === 'RUNNING') return TASK_LOOKS.active
  const isFine = status === 'COMPLETE' && (exitCode ?? 0) === 0
  return named(isFine ? TASK_LOOKS.completed : TASK_LOOKS.failed, status)
}
