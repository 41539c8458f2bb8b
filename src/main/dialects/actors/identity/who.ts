/** Who calls, in Abaco's terms: a user of a tenant with roles. Pure. */
import type { JobOwnership } from '../../../engine/base/farmRecords.ts'
import { hasAdminRights, ownershipOf, type Caller } from '../../../security/accounts/callers.ts'
import { gatewayPrincipal, LOCAL_PRINCIPAL } from '../../../security/accounts/principals.ts'
import type { Nonce } from '../model/actor.ts'

export const ADMIN_ROLE = 'Internal/abaco-admin'
export const PRIVILEGED_ROLE = 'Internal/abaco-privileged'
export const BASE_ROLE = 'Internal/everyone'
/** Roles of which a caller must have one. */
const KNOWN_ROLES: readonly string[] = [ADMIN_ROLE, PRIVILEGED_ROLE, BASE_ROLE, 'Internal/abaco-limited', 'ALL']

export interface Who {
  readonly tenant: string
  /** Identity: ownership and permissions go by it. */
  readonly principal: string
  /** The name on the wire. */
  readonly user: string
  readonly roles: readonly string[]
  readonly isAdmin: boolean
  /** May set what only privileged users may: limits, queues, privileged containers. */
  readonly isPrivileged: boolean
  /** False: may only read. */
  readonly mayChange: boolean
  readonly ownership: JobOwnership
  /** The nonce that it calls with; it is checked when the actor is known. */
  readonly nonce: Nonce | null
  /** Whether a gateway vouches for it. */
  readonly byGateway: boolean
}

/** A caller that the farm's own security knows. */
export function whoOfCaller(caller: Caller, tenant: string): Who {
  const isAdmin = hasAdminRights(caller)
  const roles = isAdmin ? [ADMIN_ROLE, PRIVILEGED_ROLE, BASE_ROLE] : [BASE_ROLE]
  return {
    tenant,
    principal: caller.id,
    user: userNameOf(caller.actor),
    roles,
    isAdmin,
    isPrivileged: isAdmin,
    mayChange: isAdmin || caller.scopes.has('submit') || caller.via === 'attempt',
    ownership: ownershipOf(caller),
    nonce: null,
    byGateway: false,
  }
}

/** @returns undefined when none of the roles is known */
export function whoOfGateway(tenant: string, user: string, claimed: readonly string[]): Who | undefined {
  const roles = claimed.length === 0 ? [BASE_ROLE] : claimed
  if (!roles.some((role) => KNOWN_ROLES.includes(role))) return undefined
  const isAdmin = roles.includes(ADMIN_ROLE) || roles.includes('ALL')
  const principal = gatewayPrincipal(tenant, user)
  return {
    tenant,
    principal,
    user,
    roles,
    isAdmin,
    isPrivileged: isAdmin || roles.includes(PRIVILEGED_ROLE),
    mayChange: true,
    ownership: { owner: user, ownerId: principal, adminRights: false, submittedWith: '' },
    nonce: null,
    byGateway: true,
  }
}

/** Acts as the nonce's owner, with the roles that the owner had, but never as an administrator. */
export function whoOfNonce(nonce: Nonce): Who {
  return {
    tenant: nonce.tenant,
    principal: nonce.ownerId,
    user: nonce.owner,
    roles: nonce.roles,
    isAdmin: false,
    isPrivileged: nonce.roles.includes(PRIVILEGED_ROLE),
    mayChange: true,
    ownership: { owner: nonce.owner, ownerId: nonce.ownerId, adminRights: false, submittedWith: '' },
    nonce,
    byGateway: false,
  }
}

/** `user:anna` is anna on the wire; tokens without a user keep their label. */
export const userNameOf = (label: string): string => (label.startsWith('user:') ? label.slice(5) : label)

/**
 * The principal of a user's name in a permission. @returns undefined when no user has this name
 * @param users of the farm, by name; undefined in tenants that only a gateway knows
 */
export function principalOf(
  name: string,
  tenant: string,
  { users, hasGateway }: { users: ReadonlyMap<string, string> | undefined; hasGateway: boolean },
): string | undefined {
  const known = users?.get(name) ?? (users !== undefined && name === LOCAL_PRINCIPAL ? LOCAL_PRINCIPAL : undefined)
  return known ?? (hasGateway ? gatewayPrincipal(tenant, name) : undefined)
}
