/** Which jobs a list shows: the API's filters as SQL over `jobs j`. Values are bound, never part of the text. */
import type { Static } from 'typebox'
import { InvalidInputError } from '../../../engine/base/errors.ts'
import { JOB_STATUSES } from '../../../../shared/enums.ts'
import type { JobFilterQuery } from '../../../../shared/schemas/jobs/job.ts'
import type { SqlValue } from '../../connection.ts'
import { words } from '../format.ts'

export interface SqlCondition {
  sql: string
  values: SqlValue[]
}

/** Shorter words have no trigram, so the index cannot find them. */
const TRIGRAM = 3
const MAX_SEARCH_WORDS = 10

/** @throws InvalidInputError for an unknown status */
export function jobCondition(filter: Static<typeof JobFilterQuery>): SqlCondition {
  const parts: SqlCondition[] = [{ sql: filter.deleted ? 'j.deleted_at is not null' : 'j.deleted_at is null', values: [] }]
  const statuses = words(filter.status)
  const unknown = statuses?.find((status) => !JOB_STATUSES.some((known) => known === status))
  if (unknown !== undefined) throw new InvalidInputError('status', `status: "${unknown}" is not one of ${JOB_STATUSES.join(', ')}`)
  // A job is shown when all of it is stored.
  if (!statuses && !filter.ids) parts.push({ sql: "j.status <> 'under-construction'", values: [] })
  for (const [column, list] of [
    ['j.status', statuses],
    ['j.type', words(filter.type)],
    ['j.project', words(filter.project)],
    ['j.owner', words(filter.owner)],
    ['j.origin', words(filter.origin)],
    ['j.public_id', words(filter.ids)?.map((id) => id.toLowerCase())],
  ] as const) {
    if (list) parts.push({ sql: `${column} in (select value from json_each(?))`, values: [JSON.stringify(list)] })
  }
  if (filter.warnings !== undefined) parts.push({ sql: `j.warning_count ${filter.warnings ? '>' : '='} 0`, values: [] })
  if (filter.tag) parts.push({ sql: 'j.tag_id = (select id from worker_tags where public_id = ?)', values: [filter.tag.toLowerCase()] })
  if (filter.q?.trim()) parts.push(...searchConditions(filter.q))
  return { sql: parts.map((part) => part.sql).join(' and '), values: parts.flatMap((part) => part.values) }
}

/** Name, type, owner or project must contain every word; an id finds its job. */
function searchConditions(text: string): SqlCondition[] {
  const list = text.trim().split(/\s+/).slice(0, MAX_SEARCH_WORDS)
  if (list.length === 1 && /^[0-9a-f]{8}-[0-9a-f-]*$/i.test(list[0] ?? '')) {
    return [{ sql: "j.public_id like ? || '%'", values: [(list[0] ?? '').toLowerCase()] }]
  }
  const long = list.filter((word) => [...word].length >= TRIGRAM)
  const conditions: SqlCondition[] = []
  if (long.length > 0) {
    const match = long.map((word) => `"${word.replaceAll('"', '""')}"`).join(' AND ')
    conditions.push({ sql: 'j.id in (select rowid from jobs_text where jobs_text match ?)', values: [match] })
  }
  for (const word of list.filter((candidate) => [...candidate].length < TRIGRAM)) {
    const pattern = `%${word.replace(/[\\%_]/g, '\\$&')}%`
    conditions.push({
      sql: `(j.name like ? escape '\\' or j.type like ? escape '\\' or j.owner like ? escape '\\' or j.project like ? escape '\\')`,
      values: [pattern, pattern, pattern, pattern],
    })
  }
  return conditions
}
