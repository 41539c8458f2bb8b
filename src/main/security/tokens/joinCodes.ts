/**
 * Join codes: what lets a machine in without approval. Few, so they are in memory; of the secret only the hash is stored. A use is
 * counted on disk before the worker is let in.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { NotAllowedError, NotFoundError } from '../../engine/base/errors.ts'
import type { ReadDatabase } from '../../store/connection.ts'
import type { TransactionalDatabase } from '../../store/queries/farm/accounts.ts'
import type { Caller } from '../accounts/callers.ts'

export interface JoinCodeState {
  readonly id: string
  readonly label: string
  readonly createdAt: number
  readonly createdBy: string
  readonly expiresAt: number
  readonly maxUses: number
  uses: number
  revokedAt: number | null
}

interface Row {
  public_id: string
  label: string
  secret_hash: string
  created_at: number
  created_by: string
  expires_at: number
  max_uses: number
  uses: number
  revoked_at: number | null
}

export interface JoinCodesOptions {
  read: ReadDatabase
  write: TransactionalDatabase
  /** Milliseconds since the epoch. */
  now(): number
}

const SECRET_BYTES = 8
const DEFAULT_VALID_MS = 86_400_000
/** Codes that can no longer be used are listed for so long. */
const LISTED_MS = 30 * 86_400_000

export class JoinCodes {
  private readonly byHash = new Map<string, JoinCodeState>()
  /** Workers that were let in since the start, by the hash of their own secret: a reply that was lost is asked for again. */
  private readonly letIn = new Map<string, Promise<unknown>>()

  private constructor(private readonly options: JoinCodesOptions) {}

  static async open(options: JoinCodesOptions): Promise<JoinCodes> {
    const codes = new JoinCodes(options)
    const rows = await options.read.all<Row>(
      'select public_id, label, secret_hash, created_at, created_by, expires_at, max_uses, uses, revoked_at from join_codes',
    )
    for (const row of rows) {
      codes.byHash.set(row.secret_hash, {
        id: row.public_id,
        label: row.label,
        createdAt: row.created_at,
        createdBy: row.created_by,
        expiresAt: row.expires_at,
        maxUses: row.max_uses,
        uses: row.uses,
        revokedAt: row.revoked_at,
      })
    }
    return codes
  }

  /** The newest first, without those that ended long ago. */
  list(): JoinCodeState[] {
    const since = this.options.now() - LISTED_MS
    return [...this.byHash.values()].filter(({ expiresAt }) => expiresAt > since).sort((a, b) => b.createdAt - a.createdAt)
  }

  stateOf({ revokedAt, expiresAt, uses, maxUses }: JoinCodeState): 'open' | 'used' | 'expired' | 'revoked' {
    if (revokedAt !== null) return 'revoked'
    if (uses >= maxUses) return 'used'
    return expiresAt <= this.options.now() ? 'expired' : 'open'
  }

  /** @returns the secret, 16 hex digits: it is not stored */
  async create(
    { label = '', maxUses = 1, validMs = DEFAULT_VALID_MS }: { label?: string; maxUses?: number; validMs?: number },
    by: Pick<Caller, 'actor' | 'id'>,
  ): Promise<{ code: JoinCodeState; secret: string }> {
    const now = this.options.now()
    const secret = randomBytes(SECRET_BYTES).toString('hex')
    const code: JoinCodeState = {
      id: randomUUID(),
      label,
      createdAt: now,
      createdBy: by.actor,
      expiresAt: now + validMs,
      maxUses,
      uses: 0,
      revokedAt: null,
    }
    await this.options.write.exclusive((tx) =>
      tx.run(
        `insert into join_codes (public_id, label, secret_hash, created_at, created_by, created_by_id, expires_at, max_uses)
         values (?, ?, ?, ?, ?, ?, ?, ?)`,
        [code.id, label, hashOf(secret), now, by.actor, by.id, code.expiresAt, maxUses],
      ),
    )
    this.byHash.set(hashOf(secret), code)
    return { code, secret }
  }

  /** @throws NotFoundError */
  async revoke(id: string): Promise<void> {
    const code = [...this.byHash.values()].find((one) => one.id === id)
    if (!code) throw new NotFoundError('join code', id)
    if (code.revokedAt !== null) return
    const now = this.options.now()
    await this.options.write.exclusive((tx) => tx.run('update join_codes set revoked_at = ? where public_id = ?', [now, id]))
    code.revokedAt = now
  }

  /**
   * Lets a machine in: counts a use, then registers it. The same machine that asks again gets the same reply.
   * @param secret of the code @param workerSecret the machine's own, by which it is recognised
   * @throws NotAllowedError naming why the code does not count
   */
  letInBy<T>(secret: string, workerSecret: string, register: (code: JoinCodeState) => Promise<T>): Promise<T> {
    const key = `${hashOf(secret)} ${hashOf(workerSecret)}`
    const before = this.letIn.get(key)
    // The same key stands for the same call, whose result this is.
    if (before) return before as Promise<T>
    const result = this.use(secret, register)
    this.letIn.set(key, result)
    result.catch(() => this.letIn.delete(key))
    return result
  }

  private async use<T>(secret: string, register: (code: JoinCodeState) => Promise<T>): Promise<T> {
    const code = this.byHash.get(hashOf(secret))
    if (!code) throw new NotAllowedError('the join code is unknown')
    const state = this.stateOf(code)
    if (state !== 'open') throw new NotAllowedError(REASONS[state])
    // Counted before anything waits: of many at once, no more than its number are let in.
    code.uses += 1
    const count = (by: 1 | -1) =>
      this.options.write.exclusive((tx) => tx.run('update join_codes set uses = uses + ? where public_id = ?', [by, code.id]))
    try {
      await count(1)
    } catch (error) {
      code.uses -= 1
      throw error
    }
    try {
      return await register(code)
    } catch (error) {
      code.uses -= 1
      await count(-1)
      throw error
    }
  }
}

const REASONS = {
  used: 'the join code was used as often as it may be',
  expired: 'the join code has expired',
  revoked: 'the join code was revoked',
} as const

/** 64 random bits: there is nothing to guess from a hash, and a look-up needs one that is always the same. */
function hashOf(secret: string): string {
  return createHash('sha256').update(`join code ${secret}`).digest('base64url')
}
