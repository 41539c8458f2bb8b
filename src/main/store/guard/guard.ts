/** Watches the data folder of a running manager: room on its disk, its files, damage in them. Produces one list of faults. */
import { join } from 'node:path'
import { DataDamagedError } from '../../engine/base/errors.ts'
import type { Logger } from '../../../shared/logger.ts'
import type { Every } from '../../engine/timers.ts'
import { isDamage, type ReadDatabase } from '../connection.ts'
import type { Disk, Writer } from '../writer.ts'
import { databaseDamage } from './damage.ts'
import { DATABASE, OpenDataFolder, remedyFor } from './dataFolder.ts'
import { DiskSpace, isDiskFull } from './diskSpace.ts'
import { Faults } from './faults.ts'
import { Integrity } from './integrity.ts'

const LOOK_MS = 2_000
/** The copy was refused, but people should still see it. */
const CLONE_SHOWN_MS = 3_600_000

export interface GuardOptions {
  dataDir: string
  log: Logger
  now(): number
}

export class Guard {
  readonly faults: Faults
  readonly space: DiskSpace
  private folder: OpenDataFolder | undefined
  private integrity: Integrity | undefined
  private writer: Pick<Writer, 'refuse'> | undefined
  private stopLooking: (() => void) | undefined
  private cloneShown: NodeJS.Timeout | undefined
  /** Resolves when nothing can be written any longer and only a restart could help. */
  readonly broken: Promise<void>
  private breakDown: () => void = () => undefined

  constructor(private readonly options: GuardOptions) {
    this.faults = new Faults(options.log, options.now)
    this.space = new DiskSpace(options.dataDir, this.faults)
    this.broken = new Promise((resolve) => (this.breakDown = resolve))
  }

  /** The writer's view of the disk. */
  readonly disk: Disk = {
    isFull: isDiskFull,
    makeRoom: async () => {
      const before = this.space.isFull
      await this.space.noteFull()
      // The reserve was just freed; from now on there is only room after space is freed.
      if (!before) return true
      await this.space.look()
      return !this.space.isFull
    },
    assertThere: () => this.folder?.assertThere(),
  }

  /** The database is open. */
  async opened(writer: Pick<Writer, 'refuse'>, read: ReadDatabase): Promise<void> {
    this.writer = writer
    this.folder = await OpenDataFolder.open(this.options.dataDir)
    this.integrity = new Integrity(this.options.dataDir, read, this.faults, this.options.log)
  }

  start(every: Every): void {
    this.space.start(every)
    this.integrity?.start(every)
    this.stopLooking = every(LOOK_MS, () => this.look())
  }

  /** Before the database is closed. */
  async stop(): Promise<void> {
    this.stopLooking?.()
    clearTimeout(this.cloneShown)
    await this.integrity?.stop()
    await this.space.stop()
    await this.folder?.closing()
  }

  /** After it was closed. */
  async closed(): Promise<void> {
    await this.folder?.closed()
  }

  /** The writer has stopped. */
  async noteFailure(error: Error): Promise<void> {
    const { dataDir } = this.options
    const file = join(dataDir, DATABASE)
    if (error instanceof DataDamagedError && error.cause === undefined) {
      this.faults.raise({
        kind: 'data-lost',
        severity: 'error',
        message: `${error.message}.`,
        remedy: `Stop the manager. ${await remedyFor(dataDir)}`,
      })
    } else if (isDamage(error) || error instanceof DataDamagedError) {
      this.faults.raise(await databaseDamage(dataDir, file, error.message))
    } else {
      this.faults.raise({
        kind: 'database-failed',
        severity: 'error',
        message: `Cannot write the database ${file}: ${error.message}. Nothing more is accepted.`,
        remedy: 'Check the disk. The manager exits with status 75, so that a service manager restarts it; otherwise start it manually.',
      })
      this.breakDown()
    }
  }

  /** Two programs run with one worker's identity. */
  noteClone({ id, name, address }: { id: string; name: string; address: string }): void {
    this.faults.raise({
      kind: 'worker-cloned',
      severity: 'warning',
      message: `A copy of the data folder of worker "${name}" (${id}, at ${address}) is in use: the copy was refused.`,
      remedy:
        'The copy joins as a separate worker and waits for approval, unless it is trusted. Exclude the data folder of the worker from machine images.',
    })
    clearTimeout(this.cloneShown)
    this.cloneShown = setTimeout(() => this.faults.heal('worker-cloned'), CLONE_SHOWN_MS).unref()
  }

  /** A statement met damage. */
  async noteDamage(error: Error): Promise<void> {
    const { dataDir } = this.options
    this.faults.raise(await databaseDamage(dataDir, join(dataDir, DATABASE), error.message))
  }

  /** Also notices a folder that disappears while nothing is written. */
  private look(): void {
    try {
      this.folder?.assertThere()
    } catch (error) {
      if (error instanceof DataDamagedError) this.writer?.refuse(error)
      else throw error
    }
  }
}
