/**
 * The audit log: who changed what. Entries are written in batches soon after the change. An entry that cannot be
 * written is logged; the change itself is neither undone nor delayed.
 */
import type { Logger } from '../../shared/logger.ts'
import { insertAudit, type TransactionalDatabase } from '../store/queries/farm/accounts.ts'
import { auditDetail } from './auditDetail.ts'

export interface AuditEntry {
  at: number
  /** The actor's id, its label at that moment, and the public id of its token. */
  actorId: string
  actor: string
  tokenId?: string | null
  /** What was done: a route's operation, for example `actOnJob`, or a security event, for example `login-failed`. */
  action: string
  targetKind: string
  targetId: string
  /** Any JSON; stored without secrets, see auditDetail. */
  detail: unknown
}

const FLUSH_AFTER_MS = 200
/** Beyond this, the disk is too slow or the log is being flooded; the oldest entries are the ones that matter. */
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

  /** Writes the waiting entries. Never rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.timer)
    this.timer = undefined
    const entries = this.waiting
    this.waiting = []
    if (entries.length === 0) return
    const rows = entries.map((entry) => ({
      at: entry.at,
      actor: entry.actor,
      actor_id: entry.actorId,
      token_id: entry.tokenId ?? null,
      action: entry.action,
      target_kind: entry.targetKind,
      target_id: entry.targetId,
      detail: auditDetail(entry.detail),
    }))
    try {
      await this.write.exclusive((tx) => insertAudit(tx, rows))
    } catch (error) {
      this.log.error({ err: error, entries: rows.length }, 'cannot write audit entries')
    }
  }
}
