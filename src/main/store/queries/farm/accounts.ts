/** Users, tokens and the audit log in the database: plain rows. security/ decides who may do what. */
import type { ReadDatabase } from '../../connection.ts'

export interface UserRow {
  id: number
  public_id: string
  name: string
  role: string
  password_hash: string | null
  created_at: number
  disabled_at: number | null
}

export interface TokenRow {
  id: number
  public_id: string
  kind: string
  name: string
  prefix: string
  hash: string
  role: string
  scopes: string
  user_id: number | null
  created_by: string
  creator_id: string
  parent_id: number | null
  creator_user_id: number | null
  created_at: number
  expires_at: number | null
  last_used_at: number | null
}

export interface AuditRow {
  id: number
  at: number
  actor: string
  actor_id: string
  token_id: string | null
  action: string
  target_kind: string
  target_id: string
  detail: string | null
}

/** What a transaction of the store offers to modules that write. */
export interface Transaction extends ReadDatabase {
  run(sql: string, values?: (string | number | null)[]): Promise<{ changes: number; lastId: number }>
}

/** The writing side of the store, as far as security needs it. */
export interface TransactionalDatabase {
  exclusive<T>(run: (tx: Transaction) => Promise<T>): Promise<T>
}

const USER_COLUMNS = 'id, public_id, name, role, password_hash, created_at, disabled_at'
const TOKEN_COLUMNS = `id, public_id, kind, name, prefix, hash, role, scopes, user_id, created_by, creator_id, parent_id, creator_user_id,
  created_at, expires_at, last_used_at`

export function readUsers(db: ReadDatabase): Promise<UserRow[]> {
  return db.all<UserRow>(`select ${USER_COLUMNS} from users where deleted_at is null order by name`)
}

export function readTokens(db: ReadDatabase): Promise<TokenRow[]> {
  return db.all<TokenRow>(`select ${TOKEN_COLUMNS} from tokens where revoked_at is null order by id`)
}

export async function insertUser(db: Transaction, user: Omit<UserRow, 'id' | 'disabled_at'>): Promise<number> {
  const { lastId } = await db.run('insert into users (public_id, name, role, password_hash, created_at) values (?, ?, ?, ?, ?)', [
    user.public_id,
    user.name,
    user.role,
    user.password_hash,
    user.created_at,
  ])
  return lastId
}

export async function updateUser(db: Transaction, user: UserRow): Promise<void> {
  await db.run('update users set name = ?, role = ?, password_hash = ?, disabled_at = ? where id = ?', [
    user.name,
    user.role,
    user.password_hash,
    user.disabled_at,
    user.id,
  ])
}

/** Hides the user and frees the name. Tokens are ended separately. */
export async function deleteUser(db: Transaction, userId: number, now: number): Promise<void> {
  await db.run("update users set deleted_at = ?, name = name || '~' || public_id, password_hash = null where id = ?", [now, userId])
}

export async function insertToken(db: Transaction, token: Omit<TokenRow, 'id' | 'last_used_at'>): Promise<number> {
  const { lastId } = await db.run(
    `insert into tokens (public_id, kind, name, prefix, hash, role, scopes, user_id, created_by, creator_id, parent_id, creator_user_id,
       created_at, expires_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      token.public_id,
      token.kind,
      token.name,
      token.prefix,
      token.hash,
      token.role,
      token.scopes,
      token.user_id,
      token.created_by,
      token.creator_id,
      token.parent_id,
      token.creator_user_id,
      token.created_at,
      token.expires_at,
    ],
  )
  return lastId
}

/** @param tokenIds internal ids */
/** Whether there is or was a token with this hash. */
export async function wasToken(db: ReadDatabase, hash: string): Promise<boolean> {
  return (await db.get('select 1 from tokens where hash = ?', [hash])) !== undefined
}

export async function revokeTokens(db: Transaction, tokenIds: readonly number[], now: number): Promise<void> {
  await db.run('update tokens set revoked_at = ? where revoked_at is null and id in (select value from json_each(?))', [
    now,
    JSON.stringify(tokenIds),
  ])
}

/** @param uses JSON [[token id, time], …] */
export async function updateTokenUses(db: Transaction, uses: [number, number][]): Promise<void> {
  await db.run(
    `update tokens set last_used_at = used.at
     from (select json_extract(value, '$[0]') as id, json_extract(value, '$[1]') as at from json_each(?)) as used
     where tokens.id = used.id`,
    [JSON.stringify(uses)],
  )
}

/** Deletes tokens that ended long ago. */
export async function purgeTokens(db: Transaction, endedBefore: number): Promise<void> {
  await db.run('delete from tokens where coalesce(revoked_at, expires_at) < ?', [endedBefore])
}

/** @param entries rows without id, oldest first */
export async function insertAudit(db: Transaction, entries: Omit<AuditRow, 'id'>[]): Promise<void> {
  await db.run(
    `insert into audit (at, actor, actor_id, token_id, action, target_kind, target_id, detail)
     select json_extract(value, '$.at'), json_extract(value, '$.actor'), json_extract(value, '$.actor_id'),
       json_extract(value, '$.token_id'), json_extract(value, '$.action'),
       json_extract(value, '$.target_kind'), json_extract(value, '$.target_id'), json_extract(value, '$.detail')
     from json_each(?)`,
    [JSON.stringify(entries)],
  )
}
