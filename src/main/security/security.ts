/** Everything that protects the APIs, assembled. The composition root opens it; buildServer and dialects use it. */
import type { ContainerGrant } from '../../shared/schemas/agent.ts'
import type { Command } from '../../shared/schemas/jobs/task.ts'
import type { Logger } from '../../shared/logger.ts'
import type { WorkerState } from '../engine/base/model.ts'
import type { ReadDatabase } from '../store/connection.ts'
import type { TransactionalDatabase } from '../store/queries/farm/accounts.ts'
import { Accounts } from './accounts/accounts.ts'
import { AuditLog } from './audit.ts'
import { containerGrant } from './containerGrants.ts'
import { HostPolicy } from './hosts.ts'
import { LoginLock } from './accounts/loginLock.ts'
import { RegistryCredentials } from './registryCredentials.ts'
import type { SecretBox } from './secretBox.ts'
import { OpenStreams } from './openStreams.ts'
import { AttemptTokens } from './tokens/attemptTokens.ts'
import { JoinCodes } from './tokens/joinCodes.ts'
import { SignIns } from './tokens/signIns.ts'
import { Tickets } from './tokens/tickets.ts'
import { WorkerSecrets } from './tokens/workerSecrets.ts'

export interface SecurityOptions {
  read: ReadDatabase
  secrets: SecretBox
  /** The store's writer. */
  write: TransactionalDatabase
  /** The part of the engine that security needs. */
  farm: {
    workers: { find(publicId: string): WorkerState | undefined }
    tasks: { holds(taskId: string, attempt: number): boolean }
  }
  settings: { current(): { allowedHosts: readonly string[]; openToLan: boolean }; onChange(listener: () => void): () => void }
  now(): number
  /** Milliseconds of a monotonic clock, for lockout times; missing: `now`. */
  steady?(): number
  log: Logger
}

const SAVE_USES_MS = 60_000

export class Security {
  readonly hosts: HostPolicy
  readonly tickets: Tickets
  /** Streams that outlive their request: event sockets, followed logs. */
  readonly streams: OpenStreams
  readonly workerSecrets: WorkerSecrets
  readonly attemptTokens: AttemptTokens
  readonly audit: AuditLog
  readonly logins: LoginLock
  readonly signIns: SignIns
  private readonly timer: NodeJS.Timeout
  private readonly stopListening: () => void

  private constructor(
    readonly accounts: Accounts,
    readonly registries: RegistryCredentials,
    readonly joinCodes: JoinCodes,
    options: SecurityOptions,
  ) {
    const steady = options.steady ?? options.now
    this.hosts = new HostPolicy(() => options.settings.current().allowedHosts, steady)
    this.tickets = new Tickets(options.now, accounts.tokenBook)
    this.streams = new OpenStreams(accounts.tokenBook, options.now)
    this.workerSecrets = new WorkerSecrets((id) => options.farm.workers.find(id), steady)
    this.attemptTokens = new AttemptTokens({
      secrets: options.secrets,
      holdsTask: (taskId, attempt) => options.farm.tasks.holds(taskId, attempt),
      isOwnerGone: (ownerId) => accounts.rightsOf(ownerId, options.settings.current().openToLan).gone !== null,
    })
    this.audit = new AuditLog(options.write, options.log)
    this.logins = new LoginLock(steady)
    this.signIns = new SignIns(accounts.tokenBook, options.read)
    this.stopListening = options.settings.onChange(() => this.hosts.forget())
    this.timer = setInterval(() => {
      accounts.saveUses().catch((error: unknown) => options.log.warn({ err: error }, 'cannot write token uses'))
    }, SAVE_USES_MS).unref()
  }

  static async open(options: SecurityOptions): Promise<Security> {
    return new Security(await Accounts.open(options), await RegistryCredentials.open(options), await JoinCodes.open(options), options)
  }

  /** What a worker receives with a task of kind `container`. `isAdminJob`: as decided when the job was submitted. */
  containerGrant(isAdminJob: boolean, commands: readonly Command[], blacklist: readonly string[]): ContainerGrant {
    return containerGrant({ registries: this.registries, blacklist: () => blacklist }, isAdminJob, commands)
  }

  /** Writes pending changes. Call it after the server has closed and before the store does. */
  async close(): Promise<void> {
    clearInterval(this.timer)
    this.stopListening()
    this.streams.stop()
    await this.audit.flush()
    await this.accounts.saveUses()
  }
}
