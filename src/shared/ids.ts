/**
 * Public ids. A task's id is its job's id with the first eight hex digits replaced by the task's index, so a million
 * tasks need no id column and no index of their own, and the id survives every re-run.
 * Example: job `9b2f63aa-1c3d-4e5f-8a9b-0c1d2e3f4a5b`, task 42 of it: `0000002a-1c3d-4e5f-8a9b-0c1d2e3f4a5b`.
 */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** True for 36 characters of the form 8-4-4-4-12, in upper or lower case. */
export function isUuid(text: string): boolean {
  return UUID.test(text)
}

/** The part of a job's id that its tasks' ids share: everything after the first dash. */
export function idTail(publicId: string): string {
  return publicId.slice(9).toLowerCase()
}

/** The public id of task number `index` (from 1) of the job. */
export function taskPublicId(jobPublicId: string, index: number): string {
  return `${index.toString(16).padStart(8, '0')}-${idTail(jobPublicId)}`
}

/** Splits a task's public id into its lookup keys: the tail of the job's id and the task's index. Undefined when it is not a UUID. */
export function parseTaskId(publicId: string): { jobTail: string; index: number } | undefined {
  if (!isUuid(publicId)) return undefined
  return { jobTail: idTail(publicId), index: Number.parseInt(publicId.slice(0, 8), 16) }
}
