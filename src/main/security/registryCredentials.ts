/** Credentials of container registries: few, so they are in memory; encrypted on disk, sent to a worker for one run. */
import type { Logger } from '../../shared/logger.ts'
import { NotFoundError } from '../engine/base/errors.ts'
import type { ReadDatabase } from '../store/connection.ts'
import type { TransactionalDatabase } from '../store/queries/farm/accounts.ts'
import type { SecretBox } from './secretBox.ts'

export interface RegistryCredential {
  registry: string
  username: string
  /** Milliseconds since the epoch. */
  updatedAt: number
}

interface Row {
  registry: string
  username: string
  secret: string
  updated_at: number
}

export interface RegistryCredentialsOptions {
  read: ReadDatabase
  write: TransactionalDatabase
  secrets: SecretBox
  now(): number
  log: Logger
}

export class RegistryCredentials {
  private readonly rows = new Map<string, Row>()

  private constructor(private readonly options: RegistryCredentialsOptions) {}

  static async open(options: RegistryCredentialsOptions): Promise<RegistryCredentials> {
    const credentials = new RegistryCredentials(options)
    for (const row of await options.read.all<Row>('select registry, username, secret, updated_at from registry_credentials')) {
      credentials.rows.set(row.registry, row)
    }
    return credentials
  }

  /** Without passwords: they are write-only. Sorted by registry. */
  list(): RegistryCredential[] {
    return [...this.rows.values()]
      .map(({ registry, username, updated_at }) => ({ registry, username, updatedAt: updated_at }))
      .sort((a, b) => a.registry.localeCompare(b.registry))
  }

  /** Adds or replaces. @param registry host and port as in image names; `docker.io` for names without one */
  async put(registry: string, username: string, password: string): Promise<RegistryCredential> {
    const row = { registry, username, secret: this.options.secrets.seal(password), updated_at: this.options.now() }
    await this.options.write.exclusive((tx) =>
      tx.run('insert or replace into registry_credentials (registry, username, secret, updated_at) values (?, ?, ?, ?)', [
        row.registry,
        row.username,
        row.secret,
        row.updated_at,
      ]),
    )
    this.rows.set(registry, row)
    return { registry, username, updatedAt: row.updated_at }
  }

  /** @throws NotFoundError */
  async remove(registry: string): Promise<void> {
    if (!this.rows.has(registry)) throw new NotFoundError('registry', registry)
    await this.options.write.exclusive((tx) => tx.run('delete from registry_credentials where registry = ?', [registry]))
    this.rows.delete(registry)
  }

  /** For a worker that is about to pull from it; undefined when there are none, or they cannot be decrypted. */
  find(registry: string): { registry: string; username: string; password: string } | undefined {
    const row = this.rows.get(registry)
    if (row === undefined) return undefined
    const password = this.options.secrets.unseal(row.secret)
    if (password !== undefined) return { registry, username: row.username, password }
    this.options.log.error({ registry }, "cannot decrypt a registry's credentials: they were encrypted with another key; enter them again")
    return undefined
  }
}
