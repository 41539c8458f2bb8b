/** Reads the audit log, newest first. */
import type { Static } from 'typebox'
import type { AuditQuery, AuditRow } from '../../../../shared/schemas/farm.ts'
import type { ReadDatabase, SqlValue } from '../../connection.ts'
import type { AuditRow as Row } from './accounts.ts'
import { decodeCursor, encodeCursor } from '../cursors.ts'
import { time } from '../format.ts'

/** A page of entries, filtered by target or actor. @throws InvalidInputError for a cursor of another list */
export async function pageOfAudit(db: ReadDatabase, query: Static<typeof AuditQuery>): Promise<{ items: AuditRow[]; next: string | null }> {
  const after = decodeCursor(query.cursor, 'audit', ['number'])
  const limit = query.limit ?? 100
  const where: string[] = []
  const values: SqlValue[] = []
  for (const [column, value] of [
    ['target_kind', query.targetKind],
    ['target_id', query.targetId],
    ['actor', query.actor],
    ['actor_id', query.actorId],
  ] as const) {
    if (value === undefined) continue
    where.push(`${column} = ?`)
    values.push(value)
  }
  if (after) {
    where.push('id < ?')
    values.push(...after)
  }
  const condition = where.length > 0 ? `where ${where.join(' and ')}` : ''
  const rows = await db.all<Row>(
    `select id, at, actor, actor_id, token_id, action, target_kind, target_id, detail from audit ${condition} order by id desc limit ?`,
    [...values, limit + 1],
  )
  const items = rows.slice(0, limit).map((row) => ({
    id: row.id,
    at: time(row.at),
    actor: row.actor,
    actorId: row.actor_id,
    tokenId: row.token_id,
    action: row.action,
    targetKind: row.target_kind,
    targetId: row.target_id,
    detail: detailOf(row.detail),
  }))
  const last = items.at(-1)
  return { items, next: rows.length > limit && last ? encodeCursor('audit', [last.id]) : null }
}

/** Long details are truncated and may no longer be JSON; then the text itself is shown. */
function detailOf(text: string | null): unknown {
  if (text === null) return null
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
