/** What a token may do now: its own rights, reduced to those of its creators. Pure. */
import type { Role, Scope } from '../../../shared/enums.ts'
import type { Token, User } from '../accounts/accountRecords.ts'
import { effectiveScopes, lowerRole, type Caller } from '../accounts/callers.ts'
import { tokenPrincipal, userPrincipal } from '../accounts/principals.ts'

export type TokenFacts = Omit<Token, 'caller'>

/** Looks up a token's user and creators. Undefined: gone. */
export interface Kin {
  user(id: number): User | undefined
  token(id: number): Token | undefined
}

/** Whether it is active: not expired, and no user or token that it depends on is gone, disabled or expired. */
export function isAlive(token: TokenFacts, kin: Kin, now: number): boolean {
  for (let each: TokenFacts | undefined = token; ;) {
    if (each === undefined || (each.expiresAt !== null && each.expiresAt <= now)) return false
    for (const userId of [each.userId, each.creatorUserId]) {
      if (userId === null) continue
      const user = kin.user(userId)
      if (user === undefined || user.disabledAt !== null) return false
    }
    if (each.parentId === null) return true
    each = kin.token(each.parentId)
  }
}

/** The latest time at which it ends on its own: its own expiry or an ancestor's. Null: never. */
export function endOf(token: TokenFacts, kin: Kin): number | null {
  let end = token.expiresAt
  for (let parent = parentOf(token, kin); parent; parent = parentOf(parent, kin)) {
    if (parent.expiresAt !== null && (end === null || parent.expiresAt < end)) end = parent.expiresAt
  }
  return end
}

/**
 * The caller of a token. A user's token acts as the user, any other as itself; neither exceeds the current rights of
 * its user, the user who created it and the token that created it.
 * @param life see Credential
 */
export function callerOf(token: TokenFacts, kin: Kin, life: number): Caller {
  const user = token.userId === null ? undefined : kin.user(token.userId)
  const maker = token.creatorUserId === null ? undefined : kin.user(token.creatorUserId)
  const parent = parentOf(token, kin)
  let role: Role = token.kind === 'session' && user ? user.role : token.role
  for (const bound of [user?.role, maker?.role, parent?.caller.role]) if (bound !== undefined) role = lowerRole(role, bound)
  const allowed: ReadonlySet<Scope>[] = []
  // A login may do everything that the role allows, and so may the tokens it creates.
  if (maker) allowed.push(effectiveScopes(maker.role, ['admin']))
  if (parent) allowed.push(parent.caller.scopes)
  const scopes = new Set([...effectiveScopes(role, token.scopes)].filter((scope) => allowed.every((some) => some.has(scope))))
  const id = user ? userPrincipal(user.publicId) : tokenPrincipal(token.publicId)
  return {
    id,
    actor: user ? `user:${user.name}` : `${token.kind}:${token.name}`,
    role,
    scopes,
    via: token.kind === 'session' ? 'login' : token.kind,
    token: { publicId: token.publicId, life, account: user ? id : (parent?.caller.token?.account ?? id) },
  }
}

/** Whether two callers of one token have the same rights. */
export function sameRights(a: Caller, b: Caller): boolean {
  return a.role === b.role && a.id === b.id && a.scopes.size === b.scopes.size && [...a.scopes].every((scope) => b.scopes.has(scope))
}

function parentOf(token: TokenFacts, kin: Kin): Token | undefined {
  return token.parentId === null ? undefined : kin.token(token.parentId)
}
