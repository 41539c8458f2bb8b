/** Shaman as the rest of the manager sees it: file store, checkouts and garbage collection over one shared storage. */
import { randomBytes, randomInt } from 'node:crypto'
import type { FarmSettings } from '../../../shared/schemas/settings.ts'
import type { Logger } from '../../../shared/logger.ts'
import { Checkouts } from './checkout.ts'
import { collectGarbage, type GarbageReport } from './garbage.ts'
import type { BlobId } from '../content/blobs.ts'
import { FileStore } from '../content/fileStore.ts'

export interface ShamanOptions {
  /** The shared storage's absolute path; may change with the settings. */
  storage(): string
  settings(): Pick<FarmSettings, 'shamanEnabled' | 'shamanGcPeriodMs' | 'shamanGcMaxAgeMs' | 'contentMaxBytes'>
  now(): number
  /** Whether something other than a checkout needs the blob. */
  isNeeded?(blob: BlobId): Promise<boolean>
  log: Logger
}

/** The first collection waits until the manager has settled. */
const FIRST_COLLECTION_MS = 30_000
/** How often it is looked whether a collection is due: settings may change meanwhile. */
const LOOK_MS = 60_000

export class Shaman {
  readonly store: FileStore
  readonly checkouts: Checkouts
  private timer: NodeJS.Timeout | undefined
  private readonly stopping = new AbortController()
  private running: Promise<unknown> = Promise.resolve()
  private lastCollection = Number.NEGATIVE_INFINITY

  constructor(private readonly options: ShamanOptions) {
    const { storage, now } = options
    this.store = new FileStore({ storage, now, random: () => randomBytes(8).toString('hex') })
    this.checkouts = new Checkouts(this.store, { storage, suffix: randomSuffix })
  }

  get enabled(): boolean {
    return this.options.settings().shamanEnabled
  }

  /** Starts collecting garbage from time to time. */
  start(): void {
    this.schedule(FIRST_COLLECTION_MS)
  }

  /** Stops after the file at hand. */
  async stop(): Promise<void> {
    clearTimeout(this.timer)
    this.stopping.abort()
    await this.running
  }

  /** Collects now, with the age of the settings. */
  collect(): Promise<GarbageReport> {
    const { storage, settings, now } = this.options
    return collectGarbage(this.store, {
      storage: storage(),
      now: now(),
      maxAgeMs: settings().shamanGcMaxAgeMs,
      maxBytes: settings().contentMaxBytes,
      isNeeded: this.options.isNeeded,
      signal: this.stopping.signal,
    })
  }

  /** Removes the checkout of a job that is being purged. Problems are logged: they must not keep the job. */
  async eraseCheckout(checkoutId: string): Promise<void> {
    try {
      await this.checkouts.erase(checkoutId)
    } catch (error) {
      this.options.log.warn({ checkoutId, error: String(error) }, 'could not erase the checkout of a deleted job')
    }
  }

  private schedule(delayMs: number): void {
    this.timer = setTimeout(() => {
      this.running = this.collectIfDue().finally(() => {
        if (!this.stopping.signal.aborted) this.schedule(LOOK_MS)
      })
    }, delayMs)
    this.timer.unref()
  }

  private async collectIfDue(): Promise<void> {
    const { settings, now, log } = this.options
    const { shamanGcPeriodMs } = settings()
    if (shamanGcPeriodMs === 0 || now() - this.lastCollection < shamanGcPeriodMs) return
    this.lastCollection = now()
    try {
      const report = await this.collect()
      if (report.blobsDeleted + report.uploadsDeleted > 0) log.info(report, 'collected garbage of the file store')
    } catch (error) {
      log.warn({ error: String(error) }, 'could not collect garbage of the file store')
    }
  }
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'

function randomSuffix(): string {
  return Array.from({ length: 4 }, () => LETTERS[randomInt(LETTERS.length)]).join('')
}
