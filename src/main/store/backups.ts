/**
 * The backups that the manager itself makes: folders below `<data>/backups`, each a data folder to start from. Made when
 * somebody asks, and by the clock when the settings say so; the oldest of the clock's go.
 */
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { FarmSettings } from '../../shared/schemas/settings.ts'
import type { Backup } from '../../shared/schemas/storage.ts'
import { ConflictError, NotFoundError } from '../engine/errors.ts'
import type { Logger } from '../engine/logger.ts'
import type { Every } from '../engine/timers.ts'
import { backUp } from './backup.ts'

const NAME = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(-auto)?$/
const AUTO = '-auto'
/** What backUp leaves of one of these when the process dies in the middle. */
const UNFINISHED = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(-auto)?\.unfinished-\d+$/
/** How often it is looked whether one is due: settings may change meanwhile. */
const LOOK_MS = 60_000
const NAME_WAIT_MS = 100
/** After a failure the next try is not before. */
const RETRY_MS = 3_600_000

export interface BackupsOptions {
  dataDir: string
  settings(): Pick<FarmSettings, 'backupEveryMs' | 'backupKeep'>
  now(): number
  log: Logger
}

export class Backups {
  readonly folder: string
  private making: Promise<Backup> | undefined
  private readonly stopping = new AbortController()
  private stopLooking: (() => void) | undefined
  private sweeping: Promise<void> | undefined
  private failedAt = Number.NEGATIVE_INFINITY

  constructor(private readonly options: BackupsOptions) {
    this.folder = join(options.dataDir, 'backups')
  }

  /** Removes what a crash left, and looks from time to time whether one is due. */
  start(every: Every): void {
    this.sweeping = this.removeUnfinished()
    this.stopLooking = every(LOOK_MS, () => this.makeIfDue())
  }

  async stop(): Promise<void> {
    this.stopLooking?.()
    this.stopping.abort()
    await this.sweeping
    await this.making?.catch(() => undefined)
  }

  /** Newest first. */
  async list(): Promise<Backup[]> {
    const found = await Promise.all((await this.names()).map((name) => this.describe(name)))
    return found.flatMap((backup) => backup ?? [])
  }

  /** Makes one now. @throws ConflictError while another is being made, BackupError */
  make(automatic = false): Promise<Backup> {
    if (this.making) return Promise.reject(new ConflictError('a backup is being made already'))
    this.making = this.write(automatic).finally(() => (this.making = undefined))
    return this.making
  }

  /** The folder of one. @throws NotFoundError */
  async folderOf(name: string): Promise<string> {
    const backup = NAME.test(name) ? await this.describe(name) : undefined
    if (!backup) throw new NotFoundError('backup', name)
    return join(this.folder, name)
  }

  /** @throws NotFoundError */
  async remove(name: string): Promise<void> {
    await rm(await this.folderOf(name), { recursive: true })
  }

  private async write(automatic: boolean): Promise<Backup> {
    const name = await this.freeName(automatic)
    const result = await backUp(this.options.dataDir, join(this.folder, name), () => undefined, this.stopping.signal)
    this.options.log.info({ name, ...result }, 'made a backup')
    return { name, at: timeOf(name), ...result }
  }

  /** The time to the second is the name; who makes two in one second waits for the next. */
  private async freeName(automatic: boolean): Promise<string> {
    for (;;) {
      const name = new Date(this.options.now()).toISOString().slice(0, 19).replaceAll(':', '-') + (automatic ? AUTO : '')
      if (!(await this.describe(name))) return name
      await pause(NAME_WAIT_MS)
    }
  }

  private async makeIfDue(): Promise<void> {
    const { now, settings, log } = this.options
    const { backupEveryMs, backupKeep } = settings()
    if (backupEveryMs === 0 || this.making || now() - this.failedAt < RETRY_MS) return
    try {
      const own = (await this.names()).filter((name) => name.endsWith(AUTO))
      const newest = own[0]
      if (newest && now() - Date.parse(timeOf(newest)) < backupEveryMs) return
      await this.make(true)
      for (const old of own.slice(Math.max(0, backupKeep - 1))) await this.remove(old)
    } catch (error) {
      this.failedAt = now()
      log.error({ error: String(error) }, 'could not make the backup that was due')
    }
  }

  private async removeUnfinished(): Promise<void> {
    const left = (await readdir(this.folder).catch(() => [])).filter((name) => UNFINISHED.test(name))
    for (const name of left) {
      await rm(join(this.folder, name), { recursive: true }).catch((error: unknown) =>
        this.options.log.warn({ name, error: String(error) }, 'could not remove a backup that was cut short'),
      )
    }
  }

  /** Newest first. */
  private async names(): Promise<string[]> {
    const names = await readdir(this.folder).catch(() => [])
    return names
      .filter((name) => NAME.test(name))
      .sort()
      .reverse()
  }

  private async describe(name: string): Promise<Backup | undefined> {
    const root = join(this.folder, name)
    const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => undefined)
    if (!entries) return undefined
    const sizes = await Promise.all(
      entries
        .filter((entry) => entry.isFile())
        .map(async (entry) => (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0),
    )
    return { name, at: timeOf(name), bytes: sizes.reduce((sum, size) => sum + size, 0), files: sizes.length }
  }
}

/** `2026-05-04T03-02-01` as a time. */
function timeOf(name: string): string {
  const [day = '', clock = ''] = name.slice(0, 19).split('T')
  return `${day}T${clock.replaceAll('-', ':')}.000Z`
}
