/** Times and ids on the wire. */
import { createHash, randomBytes } from 'node:crypto'
import { sha3Hex } from '../crypto/sha3.ts'

/** "Not set": year 1, as the original's zero time. */
export const ZERO_TIME = '0001-01-01T00:00:00Z'

/** @param at milliseconds since the epoch */
export function wireTime(at: number | null | undefined): string {
  return at === null || at === undefined ? ZERO_TIME : new Date(at).toISOString()
}

/** Milliseconds → nanoseconds. */
export function nanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms)) * 1_000_000n
}

/** 64 hex digits of chance. */
export function randomId(): string {
  return randomBytes(32).toString('hex')
}

export function isId(value: string): boolean {
  return /^[0-9a-f]{64}$/.test(value)
}

/** One attribute of a kind and name for each process: the id follows from them. */
export function attributeId(processId: string, key: string, type: number): string {
  return sha3Hex(`${processId}${key}${type}`)
}

/**
 * The id of a process contains its task's id, so no index of a million ids is needed: the job's UUID, the task's index,
 * and 24 digits that no other id of the same form has. Index 0 is the job itself: a process graph.
 */
export function processIdOf(jobId: string, index: number): string {
  const head = jobId.replaceAll('-', '').toLowerCase() + index.toString(16).padStart(8, '0')
  return head + createHash('sha256').update(head).digest('hex').slice(0, 24)
}

export const graphIdOf = (jobId: string): string => processIdOf(jobId, 0)

/** Undefined for ids that processIdOf did not make. */
export function parseProcessId(id: string): { jobId: string; index: number } | undefined {
  if (!isId(id)) return undefined
  const jobId = id.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  const index = Number.parseInt(id.slice(32, 40), 16)
  return processIdOf(jobId, index) === id ? { jobId, index } : undefined
}
