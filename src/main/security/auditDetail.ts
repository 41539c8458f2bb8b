/** What the audit log keeps of a change: its body without what nobody may read there. Pure. */
import { SECRET_SHOWN } from '../../shared/schemas/settings.ts'

const MAX_CHARS = 2_000
/** Under these names stand values by names that clients chose: webhooks' headers, variables of a container's environment. */
const SECRET_VALUES = new Set(['headers', 'envs'])
const SECRET_NAME = /password|secret/i

/** @param detail anything JSON @returns JSON text, cut to 2,000 characters; null where there is nothing to tell */
export function auditDetail(detail: unknown): string | null {
  if (detail === undefined || detail === null) return null
  return JSON.stringify(detail, hideSecrets).slice(0, MAX_CHARS)
}

function hideSecrets(key: string, value: unknown): unknown {
  if (SECRET_VALUES.has(key)) {
    if (typeof value !== 'object' || value === null) return SECRET_SHOWN
    return Object.fromEntries(Object.keys(value).map((name) => [name, SECRET_SHOWN]))
  }
  return SECRET_NAME.test(key) && typeof value === 'string' && value !== '' ? SECRET_SHOWN : value
}
