/** Who calls, and what a route demands of them: pure decisions. */
import { SCOPES, type Role, type Scope } from '../../shared/enums.ts'

/** What a route says about itself; see api/context.ts. */
export type Access = 'public' | 'read' | 'submit' | 'manage' | 'admin' | 'join' | 'worker'

/** The caller, as security made out. */
export interface Caller {
  /** For owner fields and the audit log, e.g. `local`, `token:ci`, `user:anna`. */
  readonly actor: string
  readonly role: Role
  readonly scopes: ReadonlySet<Scope>
  readonly via: 'loopback' | 'token' | 'key' | 'login' | 'open' | 'worker' | 'ticket' | 'nobody'
}

const RANK: Record<Role, number> = { viewer: 0, artist: 1, admin: 2 }
/** What a role may at most do, whatever scopes a token names. */
const ROLE_SCOPES: Record<Role, readonly Scope[]> = {
  viewer: ['read'],
  artist: ['read', 'submit', 'manage'],
  admin: SCOPES,
}

export const NOBODY: Caller = { actor: 'nobody', role: 'viewer', scopes: new Set(), via: 'nobody' }
/** A loopback caller under local trust: the owner. */
export const OWNER: Caller = { actor: 'local', role: 'admin', scopes: new Set(SCOPES), via: 'loopback' }
/** A caller of the LAN while the farm is open: what an add-on does, never configuration. */
export const OPEN_LAN: Caller = { actor: 'lan', role: 'artist', scopes: new Set<Scope>(['read', 'submit', 'manage']), via: 'open' }

/**
 * The scopes that really count: those of the token that its role allows. `admin` stands for all of them; every one
 * implies `read`. The scope `worker` needs no role where it is named: a key to join with has none of the others.
 */
export function effectiveScopes(role: Role, scopes: Iterable<Scope>): Set<Scope> {
  const named = new Set(scopes)
  const wanted = named.has('admin') ? SCOPES : [...named]
  const result = new Set<Scope>(wanted.filter((scope) => ROLE_SCOPES[role].includes(scope) || (scope === 'worker' && named.has('worker'))))
  if (result.size > 0) result.add('read')
  return result
}

/** True when `role` is at least `needed`. */
export function atLeast(role: Role, needed: Role): boolean {
  return RANK[role] >= RANK[needed]
}

export type Decision = 'allowed' | 'unauthenticated' | 'forbidden'

/**
 * Whether the caller may call a route of this access. `worker` is decided by the worker's own secret, not here.
 * @param strangersMayAsk a route where unknown workers may register and wait for approval
 */
export function decide(access: Exclude<Access, 'worker'>, caller: Caller, strangersMayAsk = false): Decision {
  if (access === 'public') return 'allowed'
  if (access === 'join') {
    if (caller.scopes.has('worker') || caller.via === 'open' || strangersMayAsk) return 'allowed'
    return caller.via === 'nobody' ? 'unauthenticated' : 'forbidden'
  }
  if (caller.via === 'nobody') return 'unauthenticated'
  return caller.scopes.has(access) ? 'allowed' : 'forbidden'
}

/** Admins manage all jobs, artists their own. */
export function mayManage(caller: Caller, owner: string): boolean {
  return caller.role === 'admin' || (atLeast(caller.role, 'artist') && caller.actor === owner)
}

/** Whether a worker that registers by this caller needs no further approval. */
export function joinsApproved(caller: Caller): boolean {
  return caller.scopes.has('worker')
}
