/**
 * Identities, by ids that callers cannot choose: ownership, visibility, revocation and the audit log use them, and
 * names are only labels. The texts are stored, so their format never changes: `user:<public id>`, `token:<public id>`
 * (also of keys), `worker:<public id>`, `local` (the owner at the manager's machine), `lan` (anyone, while the farm is
 * open to the network), `gateway:<tenant>/<user>` (a user that only a gateway in front of the actors
 * API knows), `legacy:<name>` (stored by an older version; matches no caller). Pure.
 */
export const LOCAL_PRINCIPAL = 'local'
export const LAN_PRINCIPAL = 'lan'
/** A caller without any credential. Owns nothing. */
export const NO_PRINCIPAL = 'nobody'

const GATEWAY_PREFIX = 'gateway:'

export const gatewayPrincipal = (tenant: string, user: string): string => `${GATEWAY_PREFIX}${tenant}/${user}`
export const userPrincipal = (publicId: string): string => `user:${publicId}`
export const tokenPrincipal = (publicId: string): string => `token:${publicId}`
export const workerPrincipal = (publicId: string): string => `worker:${publicId}`

export type Principal = { kind: 'user' | 'token' | 'worker'; publicId: string } | { kind: 'local' | 'lan' | 'gateway' | 'unknown' }

/** Parses a stored id. `unknown`: from an older version, or of a caller that cannot own anything. */
export function parsePrincipal(id: string): Principal {
  if (id === LOCAL_PRINCIPAL || id === LAN_PRINCIPAL) return { kind: id }
  if (id.startsWith(GATEWAY_PREFIX)) return { kind: 'gateway' }
  const match = /^(user|token|worker):([0-9a-f-]{36})$/.exec(id)
  return match?.[1] && match[2] ? { kind: match[1] as 'user' | 'token' | 'worker', publicId: match[2] } : { kind: 'unknown' }
}
