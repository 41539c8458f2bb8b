/** What all parts of the engine share: the store, the clock, the settings, the bus, and where a text comes from. */
import type { ContainerGrant } from '../../shared/schemas/agent.ts'
import type { FarmSettings } from '../../shared/schemas/settings.ts'
import type { Command } from '../../shared/schemas/job.ts'
import type { Bus } from './bus.ts'
import type { Logger } from './logger.ts'
import type { FarmStore } from './ports.ts'

export interface Core {
  readonly store: FarmStore
  readonly bus: Bus
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  /** A random UUID. */
  newId(): string
  settings(): FarmSettings
  /** Replaces variables for a worker's platform. */
  expandFor(platform: string): (commands: Command[]) => Command[]
  /** What a worker is given beside a task of kind `container`, by the job's owner; missing: nothing. */
  containerGrant?(owner: string, commands: readonly Command[]): ContainerGrant
  /** The folder of a checkout, as the manager names it. */
  checkoutFolder(checkoutId: string): string
}
