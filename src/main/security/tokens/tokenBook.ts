/**
 * Tokens, keys and logins in memory (a studio has few), so that a look-up costs one hash and one Map access; a change
 * is on disk before it takes effect. What a token may do and when it ends is decided in tokenRights.ts.
 */
import { randomUUID } from 'node:crypto'
import { ConflictError, InvalidInputError, NotFoundError } from '../../engine/base/errors.ts'
import type { Role, Scope } from '../../../shared/enums.ts'
import type { ReadDatabase } from '../../store/connection.ts'
import * as rows from '../../store/queries/farm/accounts.ts'
import { roleOf, scopesOf, TOKEN_KINDS, type Token, type TokenKind, type User } from '../accounts/accountRecords.ts'
import type { Caller } from '../accounts/callers.ts'
import { LOCAL_PRINCIPAL, userPrincipal } from '../accounts/principals.ts'
import { hashToken, randomToken } from './secrets.ts'
import { callerOf, endOf, isAlive, sameRights, type Kin } from './tokenRights.ts'

export interface NewToken {
  kind: TokenKind
  name: string
  role: Role
  scopes: readonly Scope[]
  userId?: number | null
  /** A label of the creator. */
  createdBy: string
  /** The creator; missing: the farm itself. */
  creator?: Caller
  expiresAt?: number | null
}

export interface AccountsOptions {
  read: ReadDatabase
  write: rows.TransactionalDatabase
  now(): number
}

const TOKEN_PREFIX: Record<TokenKind, string> = { token: 'fht', key: 'fhk', session: 'fhs' }
/** Ended tokens are kept this long for readers of the audit log. */
const KEEP_ENDED_MS = 90 * 86_400_000
const PREFIX_CHARS = 10

export class TokenBook {
  private readonly byHash = new Map<string, Token>()
  private readonly byId = new Map<number, Token>()
  private readonly uses = new Map<number, number>()
  private readonly listeners = new Set<() => void>()
  private readonly kin: Kin
  private lives = 0

  constructor(
    private readonly options: AccountsOptions,
    userOf: (id: number) => User | undefined,
  ) {
    this.kin = { user: userOf, token: (id) => this.byId.get(id) }
  }

  /** Reads the active tokens; users must be loaded already. Completes interrupted ends of tokens. */
  async load(): Promise<void> {
    const now = this.options.now()
    await this.options.write.exclusive((tx) => rows.purgeTokens(tx, now - KEEP_ENDED_MS))
    const orphans: number[] = []
    for (const row of await rows.readTokens(this.options.read)) {
      if (row.expires_at !== null && row.expires_at <= now) continue
      const isOrphan =
        (row.parent_id !== null && !this.byId.has(row.parent_id)) ||
        [row.user_id, row.creator_user_id].some((userId) => userId !== null && !this.kin.user(userId))
      if (isOrphan) orphans.push(row.id)
      else this.keep(row)
    }
    if (orphans.length > 0) await this.options.write.exclusive((tx) => rows.revokeTokens(tx, orphans, now))
  }

  /**
   * The active token with this text; undefined when unknown, expired or revoked, or when a user or token it depends on
   * is gone.
   */
  find(text: string): Token | undefined {
    const token = this.byHash.get(hashToken(text))
    if (!token || !this.isAlive(token)) return undefined
    token.lastUsedAt = this.options.now()
    this.uses.set(token.id, token.lastUsedAt)
    return token
  }

  /** Whether a token with this hash counts now. */
  counts(hash: string): boolean {
    const token = this.byHash.get(hash)
    return token !== undefined && this.isAlive(token)
  }

  /** The active token with this public id. */
  findById(publicId: string): Token | undefined {
    const token = this.findKept(publicId)
    return token && this.isAlive(token) ? token : undefined
  }

  /** The same, including suspended tokens of disabled users. */
  findKept(publicId: string): Token | undefined {
    const wanted = publicId.toLowerCase()
    for (const token of this.byId.values()) if (token.publicId === wanted) return token
    return undefined
  }

  /** All that have not ended, including suspended ones. */
  kept(): Token[] {
    const now = this.options.now()
    return [...this.byId.values()].filter((token) => {
      const end = this.endOf(token)
      return end === null || end > now
    })
  }

  /** The latest time at which the token ends on its own; null: never. */
  endOf(token: Token): number | null {
    return endOf(token, this.kin)
  }

  /** Whether what this caller opened may continue: its token is active, with the same rights as then. */
  isCurrent(caller: Caller): boolean {
    if (caller.token === null) return true
    const token = this.findById(caller.token.publicId)
    return token?.caller.token?.life === caller.token.life
  }

  /** Called when tokens end or their rights change. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /**
   * Creates a token; its text is only available here. @throws InvalidInputError for an expiry in the past, or after its
   * creator's end
   */
  async create(input: NewToken): Promise<{ text: string; token: Token }> {
    const text = randomToken(TOKEN_PREFIX[input.kind])
    return { text, token: await this.createFor(input, { hash: hashToken(text), prefix: text.slice(0, PREFIX_CHARS) }) }
  }

  /**
   * The same for a token whose text its future caller made and keeps. @throws ConflictError when there is one with this hash
   */
  async createFor(input: NewToken, { hash, prefix }: Pick<Token, 'hash' | 'prefix'>): Promise<Token> {
    if (this.byHash.has(hash)) throw new ConflictError('this token exists already')
    const now = this.options.now()
    const maker = input.creator?.token ? this.findById(input.creator.token.publicId) : undefined
    // A logged-in user creates tokens as a person: they end with the user, not with the login.
    const parent = maker?.kind === 'session' ? undefined : maker
    const end = parent ? this.endOf(parent) : null
    const expiresAt = input.expiresAt ?? end
    if (expiresAt !== null && expiresAt <= now) throw new InvalidInputError('/expiresAt', 'expiresAt is in the past')
    if (expiresAt !== null && end !== null && expiresAt > end) {
      throw new InvalidInputError(
        '/expiresAt',
        `a token cannot outlive the one that creates it, which ends at ${new Date(end).toISOString()}`,
      )
    }
    const user = input.userId == null ? undefined : this.kin.user(input.userId)
    const row = {
      public_id: randomUUID(),
      kind: input.kind,
      name: input.name,
      prefix,
      hash,
      role: input.role,
      scopes: JSON.stringify(input.scopes),
      user_id: input.userId ?? null,
      created_by: input.createdBy,
      creator_id: input.creator?.id ?? (user ? userPrincipal(user.publicId) : LOCAL_PRINCIPAL),
      parent_id: parent?.id ?? null,
      creator_user_id: maker?.userId ?? null,
      created_at: now,
      expires_at: expiresAt,
    }
    const id = await this.options.write.exclusive((tx) => rows.insertToken(tx, row))
    const token = this.keep({ ...row, id, last_used_at: null })
    // Its creator may have been revoked while it was written.
    if (maker && !this.isAlive(maker)) {
      await this.end([token])
      throw new NotFoundError('token', maker.publicId)
    }
    return token
  }

  /** These tokens and all their descendants, parents first. */
  withDescendants(tokens: readonly Token[]): Token[] {
    const ids = new Set(tokens.map(({ id }) => id))
    // Children have greater ids than their parents.
    for (const token of this.byId.values()) if (token.parentId !== null && ids.has(token.parentId)) ids.add(token.id)
    return [...this.byId.values()].filter(({ id }) => ids.has(id))
  }

  /** All that act for a user or that the user created, and their descendants. */
  ofUser(userId: number): Token[] {
    return this.withDescendants([...this.byId.values()].filter((token) => token.userId === userId || token.creatorUserId === userId))
  }

  /** Ends tokens and all their descendants. Resolves to what ended. */
  async end(tokens: readonly Token[]): Promise<Token[]> {
    const ended = this.withDescendants(tokens)
    await this.options.write.exclusive((tx) => this.markEnded(tx, ended))
    this.forget(ended)
    return ended
  }

  /** The written part of `end`, for a transaction that writes more. Call `forget` after it. */
  markEnded(tx: rows.Transaction, tokens: readonly Token[]): Promise<void> {
    return rows.revokeTokens(
      tx,
      tokens.map(({ id }) => id),
      this.options.now(),
    )
  }

  forget(tokens: readonly Token[]): void {
    for (const token of tokens) {
      this.byHash.delete(token.hash)
      this.byId.delete(token.id)
      this.uses.delete(token.id)
    }
    this.refresh()
  }

  /** Users changed: computes the tokens' rights again, parents first. */
  refresh(): void {
    for (const token of this.byId.values()) {
      const before = token.caller
      const again = callerOf(token, this.kin, before.token?.life ?? 0)
      token.caller = sameRights(before, again) ? again : callerOf(token, this.kin, ++this.lives)
    }
    for (const listener of this.listeners) listener()
  }

  /** Writes when tokens were last used. Called periodically, not per request. */
  async saveUses(): Promise<void> {
    if (this.uses.size === 0) return
    const uses = [...this.uses]
    this.uses.clear()
    await this.options.write.exclusive((tx) => rows.updateTokenUses(tx, uses))
  }

  private isAlive(token: Token): boolean {
    return this.byId.has(token.id) && isAlive(token, this.kin, this.options.now())
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
      creatorId: row.creator_id,
      parentId: row.parent_id,
      creatorUserId: row.creator_user_id,
      createdAt: row.created_at,
      expiresAt: row.expires_at,
      lastUsedAt: row.last_used_at,
    }
    const token: Token = { ...base, caller: callerOf(base, this.kin, ++this.lives) }
    this.byHash.set(token.hash, token)
    this.byId.set(token.id, token)
    return token
  }
}
