/** The common interface of both adapters: an agent runs until it is stopped or the manager ends it. */
import type { CommandRegistry, LoadSampler, PreviewMaker } from './contract/commands.ts'
import type { AttemptDeps } from './attempt/attempt.ts'
import type { CredentialsStore } from './link/credentials.ts'
import type { HttpClient } from './link/http.ts'
import type { Logger } from '../../shared/logger.ts'
import type { MachineReport } from '../../shared/schemas/worker.ts'

/** Why an agent ended: the program stopped it, or the manager requested offline or restart. */
export type AgentEnd = 'stopped' | 'offline' | 'restart'

export interface AgentStatus {
  adapter: 'native' | 'flamenco'
  /** True while the manager answers. */
  connected: boolean
  /** One id for our manager, one per slot at a foreign one; empty before joining. */
  workerIds: string[]
  /** `awake`, `asleep`, …; of the first slot at a foreign Manager. */
  status: string
  approved: boolean
  running: { taskId: string; attempt: number; jobName: string; taskName: string; startedAt: number }[]
  /** Entries not yet delivered to the manager. */
  undelivered: number
  /** Why it is not connected; empty when it is. */
  problem: string
}

export interface Agent {
  /** Resolves when the agent has ended and released everything. Rejects only for a defect or a damaged data folder. */
  run(): Promise<AgentEnd>
  /** Graceful: finishes running attempts first. Otherwise stops and returns them. Resolves like `run`. */
  stop(options: { graceful: boolean }): Promise<void>
  status(): AgentStatus
}

export interface AgentOptions {
  http: HttpClient
  /** Key of the credentials; see managerKey. */
  managerKey: string
  credentials: CredentialsStore
  /** Secret of a join code, with which it asks to be let in. */
  joinCode?: string | undefined
  /** Who runs it, for the person who approves it. */
  person?: string
  /** Names the token with which the window of this machine would sign in. */
  signInKey?: string | undefined
  dataDir: string
  name: string
  slots: number
  /** Kinds of tasks to take; undefined: all kinds that the commands support. */
  kinds: string[] | undefined
  /** `linux`, `windows` or `darwin`. */
  platform: string
  /** Name and version of this program. */
  software: string
  /** Folders in which the manager may open what this worker saved; absolute. Foreign Managers do not receive them. */
  folders?: readonly string[]
  /** Whether the program is restarted after it ended with the status `restart`. */
  canRestart: boolean
  registry: CommandRegistry
  attempts: AttemptDeps
  describeMachine?: () => Promise<MachineReport>
  load?: LoadSampler
  /** Called once the manager has approved this worker, and after each sign-on then. Nothing is thrown. */
  onApproved?: (certify: (domain: string, publicKey: string) => Promise<string>) => void
  previews?: PreviewMaker
  log: Logger
  now(): number
  random(): number
}
