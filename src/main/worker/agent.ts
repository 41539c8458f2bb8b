/** What the two adapters have in common, seen from outside: an agent runs until it is stopped or the manager ends it. */
import type { CommandRegistry, LoadSampler, PreviewMaker } from './commands/types.ts'
import type { AttemptDeps } from './attempt.ts'
import type { CredentialsStore } from './credentials.ts'
import type { HttpClient } from './http.ts'
import type { Logger } from './logger.ts'
import type { MachineReport } from '../../shared/schemas/worker.ts'

/** Why an agent ended: the program stopped it, or the manager asked it to go offline or to restart. */
export type AgentEnd = 'stopped' | 'offline' | 'restart'

export interface AgentStatus {
  adapter: 'native' | 'flamenco'
  /** True while the manager answers. */
  connected: boolean
  /** One for our manager, one per slot at a foreign one; empty before joining. */
  workerIds: string[]
  /** `awake`, `asleep`, …; of the first slot at a foreign Manager. */
  status: string
  approved: boolean
  running: { taskId: string; attempt: number; jobName: string; taskName: string; startedAt: number }[]
  /** Entries that the manager has not heard yet. */
  undelivered: number
  /** Why it is not connected; empty when it is. */
  problem: string
}

export interface Agent {
  /** Resolves when the agent has ended and let go of everything. Rejects only for a defect or a damaged data folder. */
  run(): Promise<AgentEnd>
  /** Graceful: what runs is finished first. Otherwise it is stopped and given back. Resolves like `run`. */
  stop(options: { graceful: boolean }): Promise<void>
  status(): AgentStatus
}

export interface AgentOptions {
  http: HttpClient
  /** Key of the credentials; see managerKey. */
  managerKey: string
  credentials: CredentialsStore
  dataDir: string
  name: string
  slots: number
  /** Kinds of tasks to take; undefined: all that the commands serve. */
  kinds: string[] | undefined
  /** `linux`, `windows` or `darwin`. */
  platform: string
  /** Name and version of this program. */
  software: string
  /** Whether the program is started again after it ended with the status `restart`. */
  canRestart: boolean
  registry: CommandRegistry
  attempts: AttemptDeps
  describeMachine?: () => Promise<MachineReport>
  load?: LoadSampler
  previews?: PreviewMaker
  log: Logger
  now(): number
  random(): number
}
