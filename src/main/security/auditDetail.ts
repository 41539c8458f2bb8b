/** What the audit log keeps of a change: its body without secrets. Pure. */
import { redact, STRICT } from './redaction.ts'

const MAX_CHARS = 2_000

/** @param detail any JSON @returns JSON text, cut to 2,000 characters; null when there is nothing to record */
export function auditDetail(detail: unknown): string | null {
  if (detail === undefined || detail === null) return null
  return JSON.stringify(redact(detail, STRICT)).slice(0, MAX_CHARS)
}
