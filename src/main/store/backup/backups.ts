/**
 * The manager's own backups: folders below `<data>/backups`, each a data folder to start from. Created on request, and
 * on a schedule if the settings say so; the oldest scheduled ones are removed.
 */
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { FarmSettings } from '../../../shared/schemas/settings.ts'
import type { Backup } from '../../../shared/schemas/storage.ts'
import { ConflictError, DiskFullError, NotFoundError } from '../../engine/base/errors.ts'
import type { Logger } from '../../../shared/logger.ts'
import type { Every } from '../../engine/timers.ts'
import { backUp } from './backup.ts'

const NAME = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(-auto)?$/
const AUTO = '-auto'
/** What backUp leaves when the process dies during a backup. */
const UNFINISHED = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(-auto)?\.unfinished-\d+$/
/** How often to check whether one is due: settings may change in the meantime. */
const LOOK_MS = 60_000
const NAME_WAIT_MS = 100
/** The shortest wait after a failure. */
const RETRY_MS = 3_600_000

export interface BackupsOptions {
  dataDir: string
  settings(): Pick<FarmSettings, 'backupEveryMs' | 'backupKeep'>
  now(): number
  log: Logger
  /** Whether the disk has room for one; missing: always. */
  space?: { readonly isFull: boolean }
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

  /** Removes the remains of a crash, and checks periodically whether one is due. */
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

  /** Creates one now. @throws ConflictError while another is being created, NewFolderError */
  make(automatic = false): Promise<Backup> {
    if (this.making) return Promise.reject(new ConflictError('a backup is already running'))
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
    if (this.options.space?.isFull) throw new DiskFullError()
    const name = await this.freeName(automatic)
    const result = await backUp(this.options.dataDir, join(this.folder, name), () => undefined, this.stopping.signal)
    this.options.log.info({ name, ...result }, 'created a backup')
    return { name, at: timeOf(name), ...result }
  }

  /** The time in seconds is the name; a second backup within one second waits for the next. */
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
      log.error({ error: String(error) }, 'cannot create the scheduled backup')
    }
  }

  private async removeUnfinished(): Promise<void> {
    const left = (await readdir(this.folder).catch(() => [])).filter((name) => UNFINISHED.test(name))
    for (const name of left) {
      await rm(join(this.folder, name), { recursive: true }).catch((error: unknown) =>
        this.options.log.warn({ name, error: String(error) }, 'cannot remove an incomplete backup'),
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
