/**
 * Delivers the outbox. Entries are written in the same commit as the change that they report
 * (engine/jobs/transitions.ts) and delivered after it, by a handler for each kind. An entry is marked done after it was
 * delivered: a crash in between delivers it again, so delivery is at least once. Nothing here can delay or break work:
 * handlers run beside it, a few at a time, few of them for one target, and their errors are logged and retried.
 */
import type { Logger } from '../../shared/logger.ts'
import { redactText } from '../security/redaction.ts'
import type { Connection, ReadDatabase } from '../store/connection.ts'
import { deleteDelivered, dueEntries, insertEntries, nextDue, settleEntry, type OutboxRow } from '../store/queries/farm/outbox.ts'

export interface OutboxEntry {
  kind: string
  payload: unknown
  /** Not before this time; milliseconds since the epoch. Default: immediately. */
  at?: number
}

/** A handler's result. `write` and `entries` are stored in the transaction that settles the entry. */
export interface Delivered {
  /** Try again after so many milliseconds; undefined: done with it. */
  retryInMs?: number
  /** Why it was not delivered, or not yet. */
  error?: string
  /** Further entries that follow from it. */
  entries?: OutboxEntry[]
  write?(tx: Connection): Promise<void>
}

export interface Delivery {
  id: number
  kind: string
  payload: unknown
  /** How often it was tried before, without success. */
  tries: number
  createdAt: number
}

export interface Handler {
  /** Entries of the same target take turns, a few at a time: one that hangs must not take all the room. */
  targetOf?(payload: unknown): string
  handle(delivery: Delivery): Promise<Delivered>
}

export interface DeliveriesParts {
  read: ReadDatabase
  write: { exclusive<T>(run: (tx: Connection) => Promise<T>): Promise<T> }
  log: Logger
  now(): number
}

const AT_ONCE = 16
const AT_ONCE_FOR_ONE_TARGET = 4
/** Entries looked at in one go: enough to find other targets behind many of a slow one. */
const WINDOW = 200
/** The longest pause between checks. Writers of entries call `wake`; this is for clocks that are set and machines that slept. */
const LOOK_AGAIN_MS = 60_000
/** The database could not be read or written. */
const AFTER_FAILURE_MS = 1_000
/** A handler that throws, which is a defect, is asked again after this long, and longer each time. */
const AFTER_DEFECT_MS = 5_000
const MAX_WAIT_MS = 3_600_000
/** Entries are kept for people to look at. */
const KEPT_MS = 7 * 86_400_000
const CLEAN_EVERY_MS = 3_600_000

export class Deliveries {
  private readonly handlers = new Map<string, Handler>()
  private readonly running = new Map<number, { target: string; done: Promise<void> }>()
  private timer: NodeJS.Timeout | undefined
  private looking = false
  private lookAgain = false
  private stopped = false
  private cleanedAt = 0

  constructor(private readonly parts: DeliveriesParts) {}

  /** Sets the handler of a kind. Entries of a kind without a handler wait. */
  handle(kind: string, handler: Handler): void {
    this.handlers.set(kind, handler)
  }

  /** Begins to deliver; to be called when all handlers are there. */
  start(): void {
    this.wake()
  }

  /** There may be something to deliver. */
  wake(): void {
    if (this.stopped) return
    this.lookAgain = true
    if (!this.looking) void this.look()
  }

  /** Waits for what is under way; what is not delivered then is delivered after the next start. */
  async stop(): Promise<void> {
    this.stopped = true
    clearTimeout(this.timer)
    await Promise.all(Array.from(this.running.values(), ({ done }) => done))
  }

  private async look(): Promise<void> {
    this.looking = true
    clearTimeout(this.timer)
    let restMs = LOOK_AGAIN_MS
    try {
      while (this.lookAgain && !this.stopped && this.running.size < AT_ONCE) {
        this.lookAgain = false
        // One moment for both: what comes due between two of them would be in neither.
        const moment = this.parts.now()
        await this.startDue(moment)
        restMs = await this.untilNext(moment)
      }
      await this.clean()
    } catch (error) {
      restMs = AFTER_FAILURE_MS
      this.parts.log.error({ err: error }, 'cannot read the outbox')
    } finally {
      this.looking = false
    }
    if (this.stopped) return
    // Woken during cleanup; while all slots are busy, the first that becomes free checks again.
    if (this.lookAgain && this.running.size < AT_ONCE) restMs = 0
    this.timer = setTimeout(() => this.wake(), restMs).unref()
  }

  /** Milliseconds until the moment of the first entry after `moment` comes. What was due then starts when others end. */
  private async untilNext(moment: number): Promise<number> {
    const next = await nextDue(this.parts.read, [...this.handlers.keys()], moment)
    return next === undefined ? LOOK_AGAIN_MS : Math.min(LOOK_AGAIN_MS, Math.max(0, next - this.parts.now()))
  }

  private async startDue(moment: number): Promise<void> {
    const rows = await dueEntries(this.parts.read, [...this.handlers.keys()], [...this.running.keys()], moment, WINDOW)
    for (const row of rows) {
      if (this.stopped || this.running.size >= AT_ONCE) return
      const handler = this.handlers.get(row.kind)
      if (!handler || this.running.has(row.id)) continue
      const payload: unknown = JSON.parse(row.payload)
      const target = targetOf(handler, payload)
      if (target !== '' && this.runningFor(target) >= AT_ONCE_FOR_ONE_TARGET) continue
      const done = this.deliver(row, payload, handler).finally(() => {
        this.running.delete(row.id)
        this.wake()
      })
      this.running.set(row.id, { target, done })
    }
  }

  private runningFor(target: string): number {
    let count = 0
    for (const entry of this.running.values()) if (entry.target === target) count++
    return count
  }

  private async deliver(row: OutboxRow, payload: unknown, handler: Handler): Promise<void> {
    const { log, now, write } = this.parts
    const facts = { id: row.id, kind: row.kind }
    try {
      const delivery = { ...facts, payload, tries: row.tries, createdAt: row.createdAt }
      const result = await handler.handle(delivery).catch((error: unknown): Delivered => {
        log.error({ err: error, ...facts }, 'delivering an entry of the outbox failed unexpectedly')
        const retryInMs = Math.min(MAX_WAIT_MS, AFTER_DEFECT_MS * 2 ** row.tries)
        return { retryInMs, error: error instanceof Error ? error.message : String(error) }
      })
      if (result.error !== undefined)
        log.warn({ ...facts, error: redactText(result.error), again: result.retryInMs !== undefined }, 'not delivered')
      await write.exclusive(async (tx) => {
        await result.write?.(tx)
        if (result.entries?.length) await insertEntries(tx, result.entries, now())
        await settleEntry(tx, row.id, result, now())
      })
    } catch (error) {
      // The entry stays due: it is delivered again when the database is writable again.
      log.error({ err: error, ...facts }, 'cannot record the result of an outbox entry')
      await new Promise((resolve) => setTimeout(resolve, AFTER_FAILURE_MS).unref())
    }
  }

  private async clean(): Promise<void> {
    const now = this.parts.now()
    if (now - this.cleanedAt < CLEAN_EVERY_MS || this.stopped) return
    this.cleanedAt = now
    await this.parts.write.exclusive((tx) => deleteDelivered(tx, now - KEPT_MS))
  }
}

/** Empty for a payload that the handler cannot read: the handler reports that itself, and other entries do not wait for it. */
function targetOf(handler: Handler, payload: unknown): string {
  try {
    return handler.targetOf?.(payload) ?? ''
  } catch {
    return ''
  }
}
