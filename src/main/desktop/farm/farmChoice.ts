/**
 * The one choice of the window: which farm it shows, and whether this machine renders for it. The token is stored separately, encrypted
 * by the system's keychain; without a keychain it is kept for this run only.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { safeStorage } from 'electron'
import type { WindowMode } from '../../../shared/ipc.ts'
import type { ShellStore } from '../shellStore.ts'
import { farmAddress } from './meetFarm.ts'

export interface FarmChoice {
  mode: WindowMode
  /** Empty for `here`. */
  managerUrl: string
  /** Fingerprint of the key of the farm's authority, which it has to prove; empty: none. */
  authority: string
  farmId: string
  farmName: string
  /** Empty: none. */
  token: string
}

export const HERE: FarmChoice = { mode: 'here', managerUrl: '', authority: '', farmId: '', farmName: '', token: '' }

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
    const { mode, managerUrl, authority, farmId, farmName } = this.store.get()
    if (named) {
      const url = farmAddress(named) ?? named
      const isStored = url === managerUrl
      const token = this.env['FRAMEHOUSE_TOKEN'] || this.token()
      return { mode: 'look', managerUrl: url, authority: isStored ? authority : '', farmId: '', farmName: '', token }
    }
    if (mode === '' || mode === 'here' || !managerUrl) return HERE
    return { mode, managerUrl, authority, farmId, farmName, token: this.token() }
  }

  /** Whether a person, or the environment, has made the choice. */
  isMade(): boolean {
    return this.store.get().mode !== '' || Boolean(this.env['FRAMEHOUSE_MANAGER'])
  }

  keep({ mode, managerUrl, authority, farmId, farmName, token }: FarmChoice): void {
    delete this.env['FRAMEHOUSE_MANAGER']
    delete this.env['FRAMEHOUSE_TOKEN']
    this.store.set({ mode, managerUrl, authority, farmId, farmName })
    this.sessionToken = token
    if (token && safeStorage.isEncryptionAvailable()) writeFileSync(this.tokenFile, safeStorage.encryptString(token), { mode: 0o600 })
    else if (existsSync(this.tokenFile)) unlinkSync(this.tokenFile)
  }

  /** The same farm, at another address. */
  moved(managerUrl: string): void {
    if (!this.env['FRAMEHOUSE_MANAGER']) this.store.set({ managerUrl })
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

/** A token that this window makes and keeps to itself: it counts once the farm grants the sign-in (docs/security.md). */
export function newSignInToken(): string {
  return `fht_${randomBytes(32).toString('base64url')}`
}

/** By which the farm knows such a token without having it. */
export function signInKeyOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
