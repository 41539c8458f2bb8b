/**
 * The audit log: who changed what. Entries are written in batches soon after the change; an entry that cannot be
 * written is logged and does not undo or hold up what was done.
 */
import type { Logger } from '../engine/logger.ts'
import { insertAudit, type TransactionalDatabase } from '../store/queries/accounts.ts'
import { auditDetail } from './auditDetail.ts'

export interface AuditEntry {
  at: number
  actor: string
  /** What was done: a route's operation, e.g. `actOnJob`, or an event of security, e.g. `login-failed`. */
  action: string
  targetKind: string
  targetId: string
  /** Anything JSON; kept without secrets, see auditDetail. */
  detail: unknown
}

const FLUSH_AFTER_MS = 200
/** Beyond this the disk is not keeping up or somebody floods us; the oldest entries are what matters. */
const MAX_WAITING = 20_000

export class AuditLog {
  private waiting: AuditEntry[] = []
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly write: TransactionalDatabase,
    private readonly log: Logger,
  ) {}

  record(entry: AuditEntry): void {
    if (this.waiting.length >= MAX_WAITING) return
    this.waiting.push(entry)
    this.timer ??= setTimeout(() => void this.flush(), FLUSH_AFTER_MS).unref()
  }

  /** Writes what waits. Never rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.timer)
    this.timer = undefined
    const entries = this.waiting
    this.waiting = []
    if (entries.length === 0) return
    const rows = entries.map((entry) => ({
      at: entry.at,
      actor: entry.actor,
      action: entry.action,
      target_kind: entry.targetKind,
      target_id: entry.targetId,
      detail: auditDetail(entry.detail),
    }))
    try {
      await this.write.exclusive((tx) => insertAudit(tx, rows))
    } catch (error) {
      this.log.error({ err: error, entries: rows.length }, 'audit entries could not be written')
    }
  }
}
