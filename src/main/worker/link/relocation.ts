/**
 * Follows a farm to another address: when it stops answering, it is looked for by the key of its authority, and calls go to where it is
 * found.
 */
import type { Logger } from '../../../shared/logger.ts'
import { findFarm } from './findFarm.ts'

export interface RelocationOptions {
  /** Where it was until now. */
  origin(): string
  moveTo(url: URL, authority: string): Promise<void>
  /** Fingerprint of the key of the farm's authority; undefined: it has not proved one. */
  authority(): string | undefined
  log: Logger
}

/** Of silence, before the farm is looked for elsewhere: a restart is shorter. */
const PATIENCE_MS = 5_000
/** Between two searches. */
const AGAIN_MS = 15_000
const SEARCH_MS = 30_000

export class Relocation {
  private silentSince: number | undefined
  private searchedAt = Number.NEGATIVE_INFINITY
  private searching: AbortController | undefined

  constructor(private readonly options: RelocationOptions) {}

  answered(): void {
    this.silentSince = undefined
  }

  unreachable(): void {
    const now = performance.now()
    this.silentSince ??= now
    if (this.searching || now - this.silentSince < PATIENCE_MS || now - this.searchedAt < AGAIN_MS) return
    const authority = this.options.authority()
    if (authority === undefined) return
    this.searchedAt = now
    void this.search(authority)
  }

  /** The machine slept, or its networks changed: does not wait for silence. */
  lookNow(): void {
    this.silentSince = performance.now() - PATIENCE_MS
    this.searchedAt = Number.NEGATIVE_INFINITY
    this.unreachable()
  }

  stop(): void {
    this.searching?.abort()
  }

  private async search(authority: string): Promise<void> {
    const { origin, moveTo, log } = this.options
    const ending = new AbortController()
    this.searching = ending
    const timer = setTimeout(() => ending.abort(), SEARCH_MS).unref()
    try {
      const found = await findFarm(authority, [origin()], { log, signal: ending.signal, onProblem: () => undefined })
      if (!found || found.url.origin === origin()) return
      log.info({ from: origin(), to: found.url.origin }, 'the farm is at another address now')
      await moveTo(found.url, authority)
    } catch (error) {
      log.warn({ err: error }, 'the farm cannot be looked for')
    } finally {
      clearTimeout(timer)
      this.searching = undefined
      this.searchedAt = performance.now()
    }
  }
}
