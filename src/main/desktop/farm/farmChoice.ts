/**
 * Which farm the window shows: the stored choice, and the check of an address before it is used. The token is stored separately,
 * encrypted by the system's keychain; without a keychain it is kept for this run only.
 */
import { existsSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { safeStorage } from 'electron'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { FarmCheck } from '../../../shared/ipc.ts'
import { getStatus } from '../../../shared/operations/farm/farm.ts'
import { API_BASE, addressOf } from '../../../shared/operations/operation.ts'
import { Status } from '../../../shared/schemas/farm.ts'
import type { ShellStore } from '../shellStore.ts'

export interface FarmChoice {
  /** Empty: the manager of this program. */
  managerUrl: string
  /** Empty: none. */
  token: string
}

const TIMEOUT_MS = 8_000

export class FarmChoices {
  private sessionToken: string | undefined
  private readonly tokenFile: string

  constructor(
    private readonly store: ShellStore,
    userData: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {
    this.tokenFile = join(userData, 'token')
  }

  /** FRAMEHOUSE_MANAGER (and FRAMEHOUSE_TOKEN) take precedence over the stored choice, until another one is made. */
  current(): FarmChoice {
    const named = this.env['FRAMEHOUSE_MANAGER']
    if (named) return { managerUrl: named, token: this.env['FRAMEHOUSE_TOKEN'] || this.token() }
    const { managerUrl } = this.store.get()
    return { managerUrl, token: managerUrl ? this.token() : '' }
  }

  keep({ managerUrl, token }: FarmChoice): void {
    delete this.env['FRAMEHOUSE_MANAGER']
    delete this.env['FRAMEHOUSE_TOKEN']
    this.store.set({ managerUrl })
    this.sessionToken = token
    if (token && safeStorage.isEncryptionAvailable()) writeFileSync(this.tokenFile, safeStorage.encryptString(token), { mode: 0o600 })
    else if (existsSync(this.tokenFile)) unlinkSync(this.tokenFile)
  }

  private token(): string {
    if (this.sessionToken !== undefined) return this.sessionToken
    try {
      if (existsSync(this.tokenFile) && safeStorage.isEncryptionAvailable()) return safeStorage.decryptString(readFileSync(this.tokenFile))
    } catch {
      // Encrypted by another user's or system's keychain: it must be entered again.
    }
    return ''
  }
}

/** The normalized address: `host:8080` becomes `http://host:8080`; undefined: invalid. Pure. */
export function farmAddress(typed: string): string | undefined {
  const text = typed.trim()
  if (!text || /\s/.test(text)) return undefined
  let url: URL
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  } catch {
    return undefined
  }
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.username || url.password) return undefined
  return url.origin
}

/** The part of the reply that is used: a manager of another version may send more or less. */
const Answer = Type.Pick(Status, ['version', 'managerName', 'farm'])

/** Checks whether a Framehouse manager answers there and accepts this token. Never throws. */
export async function checkFarm({ managerUrl, token }: FarmChoice, request: typeof fetch = fetch): Promise<FarmCheck> {
  const problem = (state: Exclude<FarmCheck['state'], 'ok'>, message: string): FarmCheck => ({
    state,
    message,
    name: '',
    version: '',
    managerUrl,
  })
  try {
    const response = await request(`${managerUrl}${API_BASE}${addressOf(getStatus)}`, {
      headers: token ? { authorization: `Bearer ${token}` } : {},
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (response.status === 401 || response.status === 403) return problem('refused', `${response.status}`)
    const body: unknown = response.ok ? await response.json().catch(() => null) : null
    if (!Value.Check(Answer, body)) return problem('no-manager', `${response.status}`)
    return { state: 'ok', message: '', name: body.managerName, version: body.version, managerUrl }
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    return problem('unreachable', cause instanceof Error ? cause.message : String(cause))
  }
}
