/** Callers, and what a route requires of them: pure decisions. */
import type { Access } from '../../../shared/operations/operation.ts'
import { SCOPES, type Role, type Scope } from '../../../shared/enums.ts'
import type { JobOwnership } from '../../engine/base/farmRecords.ts'
import { LAN_PRINCIPAL, LOCAL_PRINCIPAL, NO_PRINCIPAL } from './principals.ts'

/** What a route declares about itself; see http/context.ts. */
export type { Access }

/** The caller, as identified by security. */
export interface Caller {
  /** Identity (principals.ts): ownership checks use only this. */
  readonly id: string
  /** A label for people, for example `local`, `token:ci`, `user:anna`. Labels are not unique. */
  readonly actor: string
  readonly role: Role
  readonly scopes: ReadonlySet<Scope>
  readonly via: 'loopback' | 'token' | 'key' | 'login' | 'open' | 'worker' | 'ticket' | 'attempt' | 'nobody'
  /** The token or key of the request, or the one that created its ticket; null: none. */
  readonly token: Credential | null
  /** The running attempt whose program calls (attemptTokens.ts). */
  readonly attempt?: { readonly taskId: string; readonly attempt: number }
}

/** A token and its current rights: a change of rights starts a new credential, and streams opened under the old one end. */
export interface Credential {
  readonly publicId: string
  readonly life: number
  /** The account that limits count for: the token's user, or the first of its ancestors. */
  readonly account: string
}

/** The ownership that is stored with a submission of this caller. */
export function ownershipOf(caller: Caller): JobOwnership {
  return { owner: caller.actor, ownerId: caller.id, adminRights: hasAdminRights(caller), submittedWith: caller.token?.publicId ?? '' }
}

/** Both the role and the token's scopes must allow it. */
export function hasAdminRights({ role, scopes }: Pick<Caller, 'role' | 'scopes'>): boolean {
  return role === 'admin' && scopes.has('admin')
}

const RANK: Record<Role, number> = { viewer: 0, artist: 1, admin: 2 }
/** The most that a role may do, whatever scopes a token has. */
const ROLE_SCOPES: Record<Role, readonly Scope[]> = {
  viewer: ['read', 'tokens'],
  artist: ['read', 'submit', 'manage', 'tokens'],
  admin: SCOPES,
}

export const ANONYMOUS: Caller = { id: NO_PRINCIPAL, actor: 'nobody', role: 'viewer', scopes: new Set(), via: 'nobody', token: null }
/** A loopback caller under local trust: the owner. */
export const OWNER: Caller = {
  id: LOCAL_PRINCIPAL,
  actor: 'local',
  role: 'admin',
  scopes: new Set(SCOPES),
  via: 'loopback',
  token: null,
}
/** A network caller while the farm is open: what an add-on does, never configuration. */
export const OPEN_LAN: Caller = {
  id: LAN_PRINCIPAL,
  actor: 'lan',
  role: 'artist',
  scopes: new Set<Scope>(['read', 'submit', 'manage']),
  via: 'open',
  token: null,
}

/**
 * The scopes that apply: those of the token that its role allows. `admin` includes all of them; every one implies
 * `read`. The scope `worker` needs no role when it is listed: a join key has none of the others.
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
 * Whether the caller may call a route with this access. `worker` is decided by the worker's own secret, not here.
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

/** Admins manage all jobs, artists their own. @param ownerId the owner's id, never a name */
export function mayManage(caller: Pick<Caller, 'role' | 'id'>, ownerId: string): boolean {
  return caller.role === 'admin' || (atLeast(caller.role, 'artist') && caller.id !== NO_PRINCIPAL && caller.id === ownerId)
}

/** The lower of two roles. */
export function lowerRole(a: Role, b: Role): Role {
  return RANK[a] <= RANK[b] ? a : b
}

/** Whether a worker that registers with this caller needs no further approval. */
export function joinsApproved(caller: Caller): boolean {
  return caller.scopes.has('worker')
}
