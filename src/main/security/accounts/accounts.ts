/**
 * Users and their logins. All are in memory (a studio has few); a change is on disk before it takes effect. Their
 * tokens are in tokenBook.ts.
 */
import { randomUUID } from 'node:crypto'
import { Sequencer } from '../../../shared/async.ts'
import { ConflictError, NotFoundError } from '../../engine/base/errors.ts'
import type { Role } from '../../../shared/enums.ts'
import * as rows from '../../store/queries/farm/accounts.ts'
import { rowOf, userOf, type Token, type User } from './accountRecords.ts'
import { atLeast, hasAdminRights } from './callers.ts'
import { parsePrincipal } from './principals.ts'
import { hashSecret, UNMATCHABLE_HASH, verifySecret } from '../tokens/secrets.ts'
import { TokenBook, type AccountsOptions, type NewToken } from '../tokens/tokenBook.ts'

export interface UserChanges {
  name?: string
  role?: Role
  password?: string
  disabled?: boolean
}

/** What the owner of a job or schedule may do now. */
export interface OwnerRights {
  /** Why the owner can no longer submit; null: they can. */
  gone: string | null
  adminRights: boolean
}

/** The lifetime of a login. */
export const SESSION_MS = 14 * 86_400_000

export class Accounts {
  readonly tokenBook: TokenBook
  private readonly usersById = new Map<number, User>()
  /** Changes of users run one after the other, so that each sees the result of the one before. */
  private readonly changes = new Sequencer<'users'>()

  private constructor(private readonly options: AccountsOptions) {
    this.tokenBook = new TokenBook(options, (id) => this.usersById.get(id))
  }

  /** Reads all users and active tokens. */
  static async open(options: AccountsOptions): Promise<Accounts> {
    const accounts = new Accounts(options)
    for (const row of await rows.readUsers(options.read)) accounts.usersById.set(row.id, userOf(row))
    await accounts.tokenBook.load()
    return accounts
  }

  // Tokens ------------------------------------------------------------------------------------------------------

  /** The active token with this text; undefined when unknown, expired or revoked. */
  findToken(text: string): Token | undefined {
    return this.tokenBook.find(text)
  }

  /** Tokens and keys that have not ended; login sessions only on request. */
  tokens(withSessions = false): Token[] {
    return this.tokenBook.kept().filter((token) => withSessions || token.kind !== 'session')
  }

  /**
   * Creates a token; its text is only available here. @throws InvalidInputError for an expiry in the past, or after its
   * creator's end
   */
  createToken(input: NewToken): Promise<{ text: string; token: Token }> {
    return this.tokenBook.create(input)
  }

  /** Ends a token and all its descendants. Resolves to what ended. @throws NotFoundError */
  async revokeToken(publicId: string): Promise<Token[]> {
    const token = this.tokenBook.findKept(publicId)
    if (!token) throw new NotFoundError('token', publicId)
    return this.tokenBook.end([token])
  }

  saveUses(): Promise<void> {
    return this.tokenBook.saveUses()
  }

  // Users -------------------------------------------------------------------------------------------------------

  users(): User[] {
    return [...this.usersById.values()].sort((a, b) => a.name.localeCompare(b.name))
  }

  findUser(publicId: string): User | undefined {
    return [...this.usersById.values()].find((user) => user.publicId === publicId.toLowerCase())
  }

  /** What the owner with this id may do now. @param lanIsOpen whether network callers without a key may submit */
  rightsOf(ownerId: string, lanIsOpen: boolean): OwnerRights {
    const principal = parsePrincipal(ownerId)
    const gone = (reason: string): OwnerRights => ({ gone: reason, adminRights: false })
    if (principal.kind === 'local') return { gone: null, adminRights: true }
    // The gateway vouches for its users with every call.
    if (principal.kind === 'gateway') return { gone: null, adminRights: false }
    if (principal.kind === 'lan') return lanIsOpen ? { gone: null, adminRights: false } : gone('the farm is no longer open to the network')
    if (principal.kind === 'user') {
      const user = this.findUser(principal.publicId)
      if (!user) return gone('its owner was removed')
      if (user.disabledAt !== null) return gone('its owner is disabled')
      if (!atLeast(user.role, 'artist')) return gone('its owner may no longer submit')
      return { gone: null, adminRights: user.role === 'admin' }
    }
    if (principal.kind === 'token') {
      const caller = this.tokenBook.findById(principal.publicId)?.caller
      if (!caller) return gone('its token was revoked or has expired')
      if (!caller.scopes.has('submit')) return gone('the token that it belongs to may no longer submit')
      return { gone: null, adminRights: hasAdminRights(caller) }
    }
    return gone('an older version stored its owner by a name that is not unique')
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
   * Changes name, role or password, or disables the user. A new password and disabling end the user's other sessions.
   * @param keepSession the token that makes the change
   * @throws NotFoundError, ConflictError for a taken name or when no admin would remain
   */
  async changeUser(publicId: string, changes: UserChanges, keepSession?: Token): Promise<User> {
    const passwordHash = changes.password === undefined ? undefined : await hashSecret(changes.password, 'password')
    return this.changes.run('users', () => this.applyChange(publicId, changes, passwordHash, keepSession))
  }

  private async applyChange(publicId: string, changes: UserChanges, newHash: string | undefined, keepSession?: Token): Promise<User> {
    const user = this.requireUser(publicId)
    const endsSessions = changes.password !== undefined || changes.disabled === true
    if (changes.name !== undefined && changes.name !== user.name) this.refuseTakenName(changes.name)
    if ((changes.role !== undefined && changes.role !== 'admin') || changes.disabled) this.refuseLosingLastAdmin(user)
    const changed: User = {
      ...user,
      name: changes.name ?? user.name,
      role: changes.role ?? user.role,
      passwordHash: newHash ?? user.passwordHash,
      disabledAt: changes.disabled === undefined ? user.disabledAt : changes.disabled ? (user.disabledAt ?? this.options.now()) : null,
    }
    const ended = endsSessions
      ? this.tokenBook.withDescendants(
          this.tokenBook
            .ofUser(user.id)
            .filter((token) => token.kind === 'session' && token.userId === user.id && token.id !== keepSession?.id),
        )
      : []
    await this.options.write.exclusive(async (tx) => {
      await rows.updateUser(tx, rowOf(changed))
      await this.tokenBook.markEnded(tx, ended)
    })
    const { name, role, passwordHash, disabledAt } = changed
    Object.assign(user, { name, role, passwordHash, disabledAt })
    this.tokenBook.forget(ended)
    return user
  }

  /**
   * Hides the user and ends all tokens that act for the user or that the user created. Resolves to the user and those
   * tokens.
   * @throws NotFoundError, ConflictError when no admin would remain
   */
  deleteUser(publicId: string): Promise<{ user: User; ended: Token[] }> {
    return this.changes.run('users', () => this.remove(publicId))
  }

  private async remove(publicId: string): Promise<{ user: User; ended: Token[] }> {
    const user = this.requireUser(publicId)
    this.refuseLosingLastAdmin(user)
    const ended = this.tokenBook.ofUser(user.id)
    await this.options.write.exclusive(async (tx) => {
      await rows.deleteUser(tx, user.id, this.options.now())
      await this.tokenBook.markEnded(tx, ended)
    })
    this.usersById.delete(user.id)
    this.tokenBook.forget([...ended, ...this.tokenBook.ofUser(user.id)])
    return { user, ended }
  }

  /** A session token for name and password; undefined when they are wrong, in the same time either way. */
  async login(name: string, password: string): Promise<{ text: string; token: Token; user: User } | undefined> {
    const user = await this.checkPassword(name, password)
    if (!user) return undefined
    const { passwordHash } = user
    const { text, token } = await this.createToken({
      kind: 'session',
      name: `login of ${user.name}`,
      role: user.role,
      // Everything that the role allows, also after the role changes.
      scopes: ['admin'],
      userId: user.id,
      createdBy: `user:${user.name}`,
      expiresAt: this.options.now() + SESSION_MS,
    })
    if (user.passwordHash === passwordHash) return { text, token, user }
    // The password changed in the meantime: logins with the old one have ended.
    await this.tokenBook.end([token])
    return undefined
  }

  /** The user with this name and password; undefined when they are wrong, in the same time either way. */
  async checkPassword(name: string, password: string): Promise<User | undefined> {
    const user = [...this.usersById.values()].find((candidate) => candidate.name === name)
    const passwordHash = user?.passwordHash ?? PASSWORD_UNMATCHABLE
    const matches = await verifySecret(password, passwordHash)
    return matches && user?.disabledAt === null && user.passwordHash === passwordHash ? user : undefined
  }

  private requireUser(publicId: string): User {
    const user = this.findUser(publicId)
    if (!user) throw new NotFoundError('user', publicId)
    return user
  }

  private refuseTakenName(name: string): void {
    if ([...this.usersById.values()].some((user) => user.name === name)) throw new ConflictError(`a user "${name}" already exists`)
  }

  private refuseLosingLastAdmin(user: User): void {
    const admins = [...this.usersById.values()].filter((candidate) => candidate.role === 'admin' && candidate.disabledAt === null)
    if (user.role === 'admin' && user.disabledAt === null && admins.length === 1 && this.usersById.size > 1) {
      throw new ConflictError(`"${user.name}" is the last admin; make another user an admin first`)
    }
  }
}

/** Takes as long as a real password. */
const PASSWORD_UNMATCHABLE = UNMATCHABLE_HASH.replace(/^scrypt\$\d+/, 'scrypt$14')
