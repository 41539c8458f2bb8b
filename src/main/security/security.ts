/** Everything that guards the APIs, put together. The composition root opens it; buildServer and dialects use it. */
import type { ContainerGrant } from '../../shared/schemas/agent.ts'
import type { Command } from '../../shared/schemas/job.ts'
import type { Logger } from '../engine/logger.ts'
import type { WorkerState } from '../engine/model.ts'
import type { ReadDatabase } from '../store/connection.ts'
import type { TransactionalDatabase } from '../store/queries/accounts.ts'
import { Accounts } from './accounts.ts'
import { AuditLog } from './audit.ts'
import { containerGrant } from './containerGrants.ts'
import { HostPolicy } from './hosts.ts'
import { RegistryCredentials } from './registryCredentials.ts'
import type { SecretBox } from './secretBox.ts'
import { Throttle } from './throttle.ts'
import { Tickets } from './tickets.ts'
import { WorkerSecrets } from './workerSecrets.ts'

export interface SecurityOptions {
  read: ReadDatabase
  secrets: SecretBox
  /** The store's writer. */
  write: TransactionalDatabase
  /** The engine, as far as security asks it. */
  farm: { findWorker(publicId: string): WorkerState | undefined }
  settings: { current(): { allowedHosts: readonly string[] }; onChange(listener: () => void): () => void }
  now(): number
  log: Logger
}

const SAVE_USES_MS = 60_000
/** Wrong passwords within the window: of one name from one address, and of an address whatever the name. */
const NAME_FAILURES = 10
const ADDRESS_FAILURES = 50
const LOGIN_WINDOW_MS = 5 * 60_000

export class Security {
  readonly hosts: HostPolicy
  readonly tickets: Tickets
  readonly workerSecrets: WorkerSecrets
  readonly audit: AuditLog
  readonly loginsByName: Throttle
  readonly loginsByAddress: Throttle
  private readonly timer: NodeJS.Timeout
  private readonly stopListening: () => void

  private constructor(
    readonly accounts: Accounts,
    readonly registries: RegistryCredentials,
    options: SecurityOptions,
  ) {
    this.hosts = new HostPolicy(() => options.settings.current().allowedHosts, options.now)
    this.tickets = new Tickets(options.now)
    this.workerSecrets = new WorkerSecrets((id) => options.farm.findWorker(id), options.now)
    this.audit = new AuditLog(options.write, options.log)
    this.loginsByName = new Throttle(NAME_FAILURES, LOGIN_WINDOW_MS, options.now)
    this.loginsByAddress = new Throttle(ADDRESS_FAILURES, LOGIN_WINDOW_MS, options.now)
    this.stopListening = options.settings.onChange(() => this.hosts.forget())
    this.timer = setInterval(() => {
      accounts.saveUses().catch((error: unknown) => options.log.warn({ err: error }, 'token uses could not be written'))
    }, SAVE_USES_MS).unref()
  }

  static async open(options: SecurityOptions): Promise<Security> {
    return new Security(await Accounts.open(options), await RegistryCredentials.open(options), options)
  }

  /** What a worker gets for a task of kind `container`. `owner`: of the job, as its submitter was called. */
  containerGrant(owner: string, commands: readonly Command[], blacklist: readonly string[]): ContainerGrant {
    const isAdmin = (actor: string) => this.accounts.isAdmin(actor)
    return containerGrant({ registries: this.registries, isAdmin, blacklist: () => blacklist }, owner, commands)
  }

  /** Writes what waits. To be called after the server has closed and before the store does. */
  async close(): Promise<void> {
    clearInterval(this.timer)
    this.stopListening()
    await this.audit.flush()
    await this.accounts.saveUses()
  }
}
