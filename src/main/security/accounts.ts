/**
 * Users, tokens, keys and logins. All of them are held in memory (a studio has few), so that looking a token up costs
 * one hash and one Map; every change is on disk before it counts.
 */
import { randomUUID } from 'node:crypto'
import { ConflictError, InvalidInputError, NotFoundError } from '../engine/errors.ts'
import type { Role, Scope } from '../../shared/enums.ts'
import type { ReadDatabase } from '../store/connection.ts'
import * as rows from '../store/queries/accounts.ts'
import { roleOf, rowOf, scopesOf, TOKEN_KINDS, userOf, type Token, type TokenKind, type User } from './accountRecords.ts'
import { effectiveScopes, OWNER, type Caller } from './callers.ts'
import { hashSecret, hashToken, randomToken, UNMATCHABLE_HASH, verifySecret } from './secrets.ts'

export interface NewToken {
  kind: TokenKind
  name: string
  role: Role
  scopes: readonly Scope[]
  userId?: number | null
  createdBy: string
  expiresAt?: number | null
}

export interface UserChanges {
  name?: string
  role?: Role
  password?: string
  disabled?: boolean
}

const TOKEN_PREFIX: Record<TokenKind, string> = { token: 'fht', key: 'fhk', session: 'fhs' }
/** A login lasts this long. */
export const SESSION_MS = 14 * 86_400_000
/** Ended tokens are kept this long for the audit log's readers. */
const KEEP_ENDED_MS = 90 * 86_400_000
const PREFIX_CHARS = 10

export interface AccountsOptions {
  read: ReadDatabase
  write: rows.TransactionalDatabase
  now(): number
}

export class Accounts {
  private readonly usersById = new Map<number, User>()
  private readonly tokensByHash = new Map<string, Token>()
  private readonly uses = new Map<number, number>()

  private constructor(private readonly options: AccountsOptions) {}

  /** Reads all users and living tokens. */
  static async open(options: AccountsOptions): Promise<Accounts> {
    const accounts = new Accounts(options)
    const now = options.now()
    await options.write.exclusive((tx) => rows.purgeTokens(tx, now - KEEP_ENDED_MS))
    for (const row of await rows.readUsers(options.read)) accounts.usersById.set(row.id, userOf(row))
    for (const row of await rows.readTokens(options.read)) {
      if (row.expires_at === null || row.expires_at > now) accounts.keep(row)
    }
    return accounts
  }

  // Tokens ------------------------------------------------------------------------------------------------------

  /** The living token with this text; undefined when unknown, expired or revoked. */
  findToken(text: string): Token | undefined {
    const token = this.tokensByHash.get(hashToken(text))
    if (!token) return undefined
    const now = this.options.now()
    if (token.expiresAt !== null && token.expiresAt <= now) return undefined
    if (this.userOf(token)?.disabledAt) return undefined
    token.lastUsedAt = now
    this.uses.set(token.id, now)
    return token
  }

  /** Living tokens and keys; sessions of logins only when asked for. */
  tokens(withSessions = false): Token[] {
    const now = this.options.now()
    return [...this.tokensByHash.values()].filter(
      (token) => (withSessions || token.kind !== 'session') && (token.expiresAt === null || token.expiresAt > now),
    )
  }

  /** Makes a token; its text is known only now. @throws InvalidInputError for an expiry that has passed */
  async createToken(input: NewToken): Promise<{ text: string; token: Token }> {
    const now = this.options.now()
    if (input.expiresAt !== undefined && input.expiresAt !== null && input.expiresAt <= now) {
      throw new InvalidInputError('/expiresAt', 'expiresAt lies in the past')
    }
    const text = randomToken(TOKEN_PREFIX[input.kind])
    const row = {
      public_id: randomUUID(),
      kind: input.kind,
      name: input.name,
      prefix: text.slice(0, PREFIX_CHARS),
      hash: hashToken(text),
      role: input.role,
      scopes: JSON.stringify(input.scopes),
      user_id: input.userId ?? null,
      created_by: input.createdBy,
      created_at: now,
      expires_at: input.expiresAt ?? null,
    }
    const id = await this.options.write.exclusive((tx) => rows.insertToken(tx, row))
    return { text, token: this.keep({ ...row, id, last_used_at: null }) }
  }

  /** @throws NotFoundError */
  async revokeToken(publicId: string): Promise<Token> {
    const token = [...this.tokensByHash.values()].find((candidate) => candidate.publicId === publicId.toLowerCase())
    if (!token) throw new NotFoundError('token', publicId)
    await this.options.write.exclusive((tx) => rows.revokeToken(tx, token.id, this.options.now()))
    this.tokensByHash.delete(token.hash)
    return token
  }

  /** Writes when tokens were last used. Called now and then, not per request. */
  async saveUses(): Promise<void> {
    if (this.uses.size === 0) return
    const uses = [...this.uses]
    this.uses.clear()
    await this.options.write.exclusive((tx) => rows.updateTokenUses(tx, uses))
  }

  // Users -------------------------------------------------------------------------------------------------------

  users(): User[] {
    return [...this.usersById.values()].sort((a, b) => a.name.localeCompare(b.name))
  }

  findUser(publicId: string): User | undefined {
    return [...this.usersById.values()].find((user) => user.publicId === publicId.toLowerCase())
  }

  /**
   * Whether the one that an owner field names is an administrator now. A name that several tokens share is one only when
   * all of them are.
   */
  isAdmin(actor: string): boolean {
    if (actor === OWNER.actor) return true
    const [kind, ...rest] = actor.split(':')
    const name = rest.join(':')
    if (kind === 'user') return this.users().some((user) => user.name === name && user.role === 'admin')
    const tokens = this.tokens().filter((token) => token.kind === kind && token.name === name)
    return tokens.length > 0 && tokens.every(({ role }) => role === 'admin')
  }

  userOf(token: Token): User | undefined {
    return token.userId === null ? undefined : this.usersById.get(token.userId)
  }

  /** @throws ConflictError when the name is taken */
  async createUser(input: { name: string; role: Role; password: string }): Promise<User> {
    this.refuseTakenName(input.name)
    const row = {
      public_id: randomUUID(),
      name: input.name,
      role: input.role,
      password_hash: await hashSecret(input.password, 'password'),
      created_at: this.options.now(),
    }
    this.refuseTakenName(input.name)
    const id = await this.options.write.exclusive((tx) => rows.insertUser(tx, row))
    const user = userOf({ ...row, id, disabled_at: null })
    this.usersById.set(id, user)
    return user
  }

  /**
   * Changes name, role or password, or keeps the user out for now. A new password and being kept out end the user's other sessions.
   * @param keepSession the token with which the change is made
   * @throws NotFoundError, ConflictError for a taken name or when no admin would be left
   */
  async changeUser(publicId: string, changes: UserChanges, keepSession?: Token): Promise<User> {
    const user = this.requireUser(publicId)
    const endsSessions = changes.password !== undefined || changes.disabled === true
    if (changes.name !== undefined && changes.name !== user.name) this.refuseTakenName(changes.name)
    if ((changes.role !== undefined && changes.role !== 'admin') || changes.disabled) this.refuseLosingLastAdmin(user)
    const changed: User = {
      ...user,
      name: changes.name ?? user.name,
      role: changes.role ?? user.role,
      passwordHash: changes.password === undefined ? user.passwordHash : await hashSecret(changes.password, 'password'),
      disabledAt: changes.disabled === undefined ? user.disabledAt : changes.disabled ? (user.disabledAt ?? this.options.now()) : null,
    }
    await this.options.write.exclusive(async (tx) => {
      await rows.updateUser(tx, rowOf(changed))
      if (endsSessions) await rows.revokeSessions(tx, user.id, keepSession?.id ?? null, this.options.now())
    })
    const { name, role, passwordHash, disabledAt } = changed
    Object.assign(user, { name, role, passwordHash, disabledAt })
    for (const token of this.tokensByHash.values()) {
      if (token.userId !== user.id) continue
      const ended = endsSessions && token.kind === 'session' && token.id !== keepSession?.id
      if (ended) this.tokensByHash.delete(token.hash)
      else token.caller = this.callerOf(token)
    }
    return user
  }

  /** Hides the user and revokes all tokens of the user. @throws NotFoundError, ConflictError when no admin would be left */
  async deleteUser(publicId: string): Promise<User> {
    const user = this.requireUser(publicId)
    this.refuseLosingLastAdmin(user)
    await this.options.write.exclusive((tx) => rows.deleteUser(tx, user.id, this.options.now()))
    this.usersById.delete(user.id)
    for (const token of this.tokensByHash.values()) if (token.userId === user.id) this.tokensByHash.delete(token.hash)
    return user
  }

  /** A session token for name and password; undefined when they are wrong, in the same time either way. */
  async login(name: string, password: string): Promise<{ text: string; token: Token; user: User } | undefined> {
    const user = await this.checkPassword(name, password)
    if (!user) return undefined
    const { text, token } = await this.createToken({
      kind: 'session',
      name: `login of ${user.name}`,
      role: user.role,
      // All that the role allows, also when it changes later.
      scopes: ['admin'],
      userId: user.id,
      createdBy: `user:${user.name}`,
      expiresAt: this.options.now() + SESSION_MS,
    })
    return { text, token, user }
  }

  /** The user with this name and password; undefined when they are wrong, in the same time either way. */
  async checkPassword(name: string, password: string): Promise<User | undefined> {
    const user = [...this.usersById.values()].find((candidate) => candidate.name === name)
    const matches = await verifySecret(password, user?.passwordHash ?? PASSWORD_UNMATCHABLE)
    return matches && user?.disabledAt === null ? user : undefined
  }

  private requireUser(publicId: string): User {
    const user = this.findUser(publicId)
    if (!user) throw new NotFoundError('user', publicId)
    return user
  }

  private refuseTakenName(name: string): void {
    if ([...this.usersById.values()].some((user) => user.name === name)) throw new ConflictError(`there is already a user "${name}"`)
  }

  private refuseLosingLastAdmin(user: User): void {
    const admins = [...this.usersById.values()].filter((candidate) => candidate.role === 'admin' && candidate.disabledAt === null)
    if (user.role === 'admin' && user.disabledAt === null && admins.length === 1 && this.usersById.size > 1) {
      throw new ConflictError(`"${user.name}" is the last admin; make another user an admin first`)
    }
  }

  private keep(row: rows.TokenRow): Token {
    const base = {
      id: row.id,
      publicId: row.public_id,
      kind: TOKEN_KINDS.find((kind) => kind === row.kind) ?? 'token',
      name: row.name,
      prefix: row.prefix,
      hash: row.hash,
      role: roleOf(row.role),
      scopes: scopesOf(row.scopes),
      userId: row.user_id,
      createdBy: row.created_by,
      createdAt: row.created_at,
      expiresAt: row.expires_at,
      lastUsedAt: row.last_used_at,
    }
    const token: Token = { ...base, caller: this.callerOf(base) }
    this.tokensByHash.set(token.hash, token)
    return token
  }

  /** A user's token acts in the user's name, and never beyond the role that the user has now. */
  private callerOf(token: Omit<Token, 'caller'>): Caller {
    const user = token.userId === null ? undefined : this.usersById.get(token.userId)
    const role = user && user.role !== 'admin' && token.role === 'admin' ? user.role : user?.role === 'viewer' ? 'viewer' : token.role
    const effective = token.kind === 'session' && user ? user.role : role
    return {
      actor: user ? `user:${user.name}` : `${token.kind}:${token.name}`,
      role: effective,
      scopes: effectiveScopes(effective, token.scopes),
      via: token.kind === 'session' ? 'login' : token.kind,
    }
  }
}

/** As slow as a real password. */
const PASSWORD_UNMATCHABLE = UNMATCHABLE_HASH.replace(/^scrypt\$\d+/, 'scrypt$14')
