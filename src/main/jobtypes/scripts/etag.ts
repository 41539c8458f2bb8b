/** The etag of a job type as Flamenco computes it, so that a client's copy can be compared with ours. */
import { createHash } from 'node:crypto'
import type { JobTypeInfo } from '../../../shared/schemas/jobs/jobType.ts'

/**
 * Hex SHA-1 over the compact JSON of the job type with an empty etag: keys sorted, absent ones left out, and the
 * characters escaped that Go's encoder escapes.
 */
export function jobTypeEtag(jobType: Omit<JobTypeInfo, 'etag'>): string {
  return createHash('sha1')
    .update(goJson({ ...jobType, etag: '' }))
    .digest('hex')
}

const GO_ESCAPES = /[<>&\u2028\u2029]/g

function goJson(value: unknown): string {
  return JSON.stringify(sorted(value)).replace(GO_ESCAPES, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sorted(item)]))
}
