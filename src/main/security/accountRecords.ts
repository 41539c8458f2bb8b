/** Users and tokens as security holds them in memory, and how they come out of rows and go into them. */
import { SCOPES, type Role, type Scope } from '../../shared/enums.ts'
import type { UserRow } from '../store/queries/accounts.ts'
import type { Caller } from './callers.ts'

/** `token`: sent as Bearer by programs. `key`: stands in the URL path. `session`: a Bearer token made by a login. */
export const TOKEN_KINDS = ['token', 'key', 'session'] as const
export type TokenKind = (typeof TOKEN_KINDS)[number]

export interface User {
  readonly id: number
  readonly publicId: string
  name: string
  role: Role
  passwordHash: string | null
  /** Since when the user is not let in; null: is. */
  disabledAt: number | null
  readonly createdAt: number
}

export interface Token {
  readonly id: number
  readonly publicId: string
  readonly kind: TokenKind
  readonly name: string
  /** The first characters, by which people tell tokens apart. */
  readonly prefix: string
  readonly hash: string
  readonly role: Role
  readonly scopes: readonly Scope[]
  /** Whose it is; null for one of the farm's. */
  readonly userId: number | null
  readonly createdBy: string
  readonly createdAt: number
  readonly expiresAt: number | null
  lastUsedAt: number | null
  /** Who calls with it. Made anew when its user's role changes. */
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

/** A role that an older or newer version wrote and this one does not know counts as the least. */
export function roleOf(text: string): Role {
  return text === 'admin' || text === 'artist' ? text : 'viewer'
}

export function scopesOf(json: string): Scope[] {
  const parsed: unknown = JSON.parse(json)
  return Array.isArray(parsed) ? SCOPES.filter((scope) => parsed.includes(scope)) : []
}
