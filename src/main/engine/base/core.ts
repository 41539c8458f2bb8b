/** Shared by all parts of the engine: the store, the clock, the settings, the bus, and the sources of texts. */
import type { ContainerGrant } from '../../../shared/schemas/agent.ts'
import type { FarmSettings } from '../../../shared/schemas/settings.ts'
import type { Command } from '../../../shared/schemas/jobs/task.ts'
import type { Bus } from './bus.ts'
import type { FrameLooks } from './frameLooks.ts'
import type { HandOuts } from './handOut.ts'
import type { Logger } from '../../../shared/logger.ts'
import type { FarmStore } from './ports.ts'
import type { ClockJump } from './watchedClock.ts'

export interface Core {
  readonly store: FarmStore
  readonly bus: Bus
  /** Completes tasks of some kinds as they are handed out. */
  readonly handOuts: HandOuts
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  /** Reports clock changes and pauses of the program; missing: neither happens. */
  onClockJump?(listener: (jump: ClockJump) => void): void
  /** A random UUID. */
  newId(): string
  settings(): FarmSettings
  /** Replaces variables for a worker's platform. */
  expandFor(platform: string): (commands: Command[]) => Command[]
  /** What a worker receives with a task of kind `container`, by whether an administrator submitted the job; missing: nothing. */
  containerGrant?(adminRights: boolean, commands: readonly Command[]): ContainerGrant
  /** What an owner may do now: why they can no longer submit, and whether they are an administrator; missing: no check. */
  ownerRights?(ownerId: string): { gone: string | null; adminRights: boolean }
  /** Checks the files of tasks and jobs before they count as completed; missing: no check. */
  readonly looks?: FrameLooks
  /** A path that a worker of the platform `from` reported, in the notation of platform `to`. */
  pathFor(path: string, from: string, to: string): string
  /** A path of the manager in the notation of a platform. */
  pathOn(path: string, platform: string): string
  /** The folder of a checkout, in the manager's notation. */
  checkoutFolder(checkoutId: string): string
}
