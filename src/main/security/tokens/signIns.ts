/**
 * Sign-ins that windows at the machines of workers ask for. A window makes a token, keeps it to itself, and has its worker name the
 * token's hash at sign-on; an admin who grants the sign-in makes that token valid. So nothing secret is on the way, and only the window
 * that asked can use what was granted. Requests are in memory: workers repeat them whenever they sign on.
 */
import type { SignInRole } from '../../../shared/schemas/worker.ts'
import type { Scope } from '../../../shared/enums.ts'
import { NotFoundError } from '../../engine/base/errors.ts'
import type { WorkerState } from '../../engine/base/model.ts'
import type { ReadDatabase } from '../../store/connection.ts'
import { wasToken } from '../../store/queries/farm/accounts.ts'
import type { Token } from '../accounts/accountRecords.ts'
import type { Caller } from '../accounts/callers.ts'
import type { TokenBook } from './tokenBook.ts'

const SCOPES: Record<SignInRole, readonly Scope[]> = { viewer: ['read'], artist: ['read', 'submit', 'manage'] }
/** Of its text nothing is known but the kind. */
const PREFIX = 'fht_'

interface Request {
  /** Hash of the token. */
  key: string
  person: string
  isRefused: boolean
}

export class SignIns {
  /** By the worker's public id: one request each. */
  private readonly requests = new Map<string, Request>()

  constructor(
    private readonly tokens: Pick<TokenBook, 'counts' | 'createFor'>,
    private readonly read: ReadDatabase,
  ) {}

  /** A token that was revoked, or refused since the manager's start, does not become valid: the window has to make another one. */
  async ask(workerId: string, { key, person }: { key: string; person: string }): Promise<void> {
    const known = this.requests.get(workerId)
    const isRefused = known?.key === key ? known.isRefused : await wasToken(this.read, key)
    this.requests.set(workerId, { key, person, isRefused })
  }

  /** What waits for an answer at this worker. */
  of(workerId: string): { person: string } | undefined {
    const request = this.requests.get(workerId)
    return request && !request.isRefused && !this.tokens.counts(request.key) ? { person: request.person } : undefined
  }

  /** `granted` also for one that was granted before the manager's last start. */
  stateOf(key: string): { state: 'waiting' | 'granted' | 'refused' | 'unknown'; workerId: string | undefined } {
    const [workerId, request] = [...this.requests].find(([, one]) => one.key === key) ?? []
    if (this.tokens.counts(key)) return { state: 'granted', workerId }
    return { state: request === undefined ? 'unknown' : request.isRefused ? 'refused' : 'waiting', workerId }
  }

  /** @throws NotFoundError when the worker's window asks for none */
  async grant(worker: Pick<WorkerState, 'publicId' | 'name'>, role: SignInRole, by: Caller): Promise<Token> {
    const request = this.waiting(worker.publicId)
    const name = `${request.person || 'window'} @ ${worker.name}`.slice(0, 100)
    const token = { kind: 'token' as const, name, role, scopes: SCOPES[role], createdBy: by.actor, creator: by }
    const granted = await this.tokens.createFor(token, { hash: request.key, prefix: PREFIX })
    // When it is revoked, that was the answer.
    request.isRefused = true
    return granted
  }

  /** @throws NotFoundError when the worker's window asks for none */
  refuse(workerId: string): void {
    this.waiting(workerId).isRefused = true
  }

  private waiting(workerId: string): Request {
    const request = this.requests.get(workerId)
    if (!request || this.of(workerId) === undefined) throw new NotFoundError('request for a sign-in of worker', workerId)
    return request
  }
}
