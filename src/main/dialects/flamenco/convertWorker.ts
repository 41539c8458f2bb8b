/** Workers and tags of the farm in Flamenco's shapes (§1.6). Pure; absent parts are left out, never null. */
import type { Static } from 'typebox'
import type { TagState, WorkerState } from '../../engine/base/model.ts'
import { wireTime } from './schemas/common.ts'
import type { RegisteredWorker, WorkerSummary, WorkerTag } from './schemas/workers.ts'

export function workerSummary(worker: WorkerState): Static<typeof WorkerSummary> {
  const summary: Static<typeof WorkerSummary> = {
    id: worker.publicId,
    name: worker.name,
    status: worker.status,
    version: worker.software,
    can_restart: worker.canRestart,
  }
  if (worker.statusRequested !== null) summary.status_change = { status: worker.statusRequested, is_lazy: worker.statusRequestLazy }
  if (worker.lastSeenAt !== null) summary.last_seen = wireTime(worker.lastSeenAt)
  return summary
}

export function registeredWorker(worker: WorkerState): Static<typeof RegisteredWorker> {
  return {
    uuid: worker.publicId,
    name: worker.name,
    address: worker.address,
    status: worker.status,
    platform: worker.platform,
    software: worker.software,
    supported_task_types: worker.kinds,
  }
}

export function workerTag(tag: TagState): Static<typeof WorkerTag> {
  return { id: tag.publicId, name: tag.name, ...(tag.description === '' ? {} : { description: tag.description }) }
}

/** Task types as workers declare them: trimmed, lower case, without duplicates and empty ones. */
export function taskTypes(declared: readonly string[]): string[] {
  return [...new Set(declared.map((type) => type.trim().toLowerCase()))].filter((type) => type !== '')
}
