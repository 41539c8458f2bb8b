/** Users and tokens as security keeps them in memory, and their conversion from and to rows. */
import { SCOPES, type Role, type Scope } from '../../../shared/enums.ts'
import type { UserRow } from '../../store/queries/farm/accounts.ts'
import type { Caller } from './callers.ts'

/** `token`: sent as Bearer by programs. `key`: part of the URL path. `session`: a Bearer token created by a login. */
export const TOKEN_KINDS = ['token', 'key', 'session'] as const
export type TokenKind = (typeof TOKEN_KINDS)[number]

export interface User {
  readonly id: number
  readonly publicId: string
  name: string
  role: Role
  passwordHash: string | null
  /** When the user was disabled; null: enabled. */
  disabledAt: number | null
  readonly createdAt: number
}

export interface Token {
  readonly id: number
  readonly publicId: string
  readonly kind: TokenKind
  readonly name: string
  /** The first characters, by which people recognize tokens. */
  readonly prefix: string
  readonly hash: string
  readonly role: Role
  readonly scopes: readonly Scope[]
  /** The user it belongs to; null for a token of the farm. */
  readonly userId: number | null
  /** A label of its creator, and the creator's id. */
  readonly createdBy: string
  readonly creatorId: string
  /** The token and the user that created it: it ends with either, and never allows more than they may. Internal ids. */
  readonly parentId: number | null
  readonly creatorUserId: number | null
  readonly createdAt: number
  readonly expiresAt: number | null
  lastUsedAt: number | null
  /** The caller of requests with this token. Replaced when the rights of its user or of its creators change. */
  caller: Caller
}

export function userOf(row: UserRow): User {
  return {
    id: row.id,
    publicId: row.public_id,
    name: row.name,
    role: roleOf(row.role),
    passwordHash: row.password_hash,
    disabledAt: row.disabled_at,
    createdAt: row.created_at,
  }
}

export function rowOf(user: User): UserRow {
  return {
    id: user.id,
    public_id: user.publicId,
    name: user.name,
    role: user.role,
    password_hash: user.passwordHash,
    created_at: user.createdAt,
    disabled_at: user.disabledAt,
  }
}

/** A role that another version wrote and this one does not have counts as the lowest. */
export function roleOf(text: string): Role {
  return text === 'admin' || text === 'artist' ? text : 'viewer'
}

export function scopesOf(json: string): Scope[] {
  const parsed: unknown = JSON.parse(json)
  return Array.isArray(parsed) ? SCOPES.filter((scope) => parsed.includes(scope)) : []
}
