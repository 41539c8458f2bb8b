/** The states of executors and processes, as the pages show them. Pure. */
import type { ColonyExecutor, ProcessState } from '../../../shared/schemas/colonies/people.ts'
import { PENDING_LOOK, TASK_LOOKS, WORKER_LOOKS, type Look } from '../../ui/design/states.ts'

export const PROCESS_LOOKS: Record<ProcessState, Look> = {
  waiting: TASK_LOOKS.queued,
  running: TASK_LOOKS.active,
  successful: TASK_LOOKS.completed,
  failed: TASK_LOOKS.failed,
  cancelled: TASK_LOOKS.canceled,
}

const named = (look: Look, word: string): Look => ({ ...look, word: `colonies.executorState.${word}` })

export function executorLook({ state, silentSince, held }: Pick<ColonyExecutor, 'state' | 'silentSince' | 'held'>): Look {
  if (state === 'pending') return PENDING_LOOK
  if (state === 'rejected') return named(TASK_LOOKS.canceled, 'rejected')
  if (state === 'unregistered') return named(WORKER_LOOKS.asleep, 'unregistered')
  if (silentSince !== null) return named(WORKER_LOOKS.offline, 'silent')
  return held > 0 ? TASK_LOOKS.active : named(WORKER_LOOKS.awake, 'ready')
}
