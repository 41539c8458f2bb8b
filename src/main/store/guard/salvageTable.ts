/** Copies the readable rows of one table of a damaged database, skipping unreadable pages by its integer key. */
import type { Connection, SqlValue } from '../connection.ts'

/** Rows per read, until one fails. */
const BATCH = 500
/** No real key is larger. */
const LAST_KEY = 2 ** 48

export interface TableResult {
  table: string
  copied: number
  /** Rows that were readable but do not fit: their content is damaged. */
  refused: number
  /** Unreadable ranges of the key, both ends included; null: to the end. */
  gaps: { from: number; to: number | null }[]
}

type Row = Record<string, SqlValue>

/**
 * @param from the damaged database @param to the new one, with triggers and foreign keys off
 * @param key integer that the table is stored by: `rowid`, or the first column of its primary key
 */
export async function salvageTable(
  from: Connection,
  to: Connection,
  table: string,
  columns: readonly string[],
  key: string,
): Promise<TableResult> {
  const result: TableResult = { table, copied: 0, refused: 0, gaps: [] }
  const names = columns.map((name) => `"${name}"`).join(', ')
  const insert = `insert or ignore into "${table}" (${names}) values (${columns.map(() => '?').join(', ')})`
  const read = (after: number, limit: number): Promise<Row[] | undefined> =>
    from
      .all<Row>(`select ${key} as "#key", ${names} from "${table}" where ${key} >= ? order by ${key} limit ${limit}`, [after])
      .catch(() => undefined)

  let next = -LAST_KEY
  for (;;) {
    const rows = (await read(next, BATCH)) ?? (await read(next, 1))
    if (rows === undefined) {
      const found = await nextReadable(async (at) => (await read(at, 1)) !== undefined, Math.max(next, 0))
      result.gaps.push({ from: Math.max(next, 0), to: found === undefined ? null : found - 1 })
      if (found === undefined) return result
      next = found
      continue
    }
    if (rows.length === 0) return result
    await to.run('begin')
    for (const row of rows) {
      const done = await to
        .run(
          insert,
          columns.map((name) => row[name] ?? null),
        )
        .catch(() => undefined)
      if (done?.changes) result.copied++
      else if (!done) result.refused++
    }
    await to.run('commit')
    const last = Number(rows.at(-1)?.['#key'])
    // Several rows may have the same key; rows that were read twice are ignored.
    const isSame = key !== 'rowid' && rows.length > 1 && last !== Number(rows[0]?.['#key'])
    next = isSame ? last : last + 1
  }
}

/** The first readable key after `from`: in strides that double, then bisected. Undefined: none is readable. */
async function nextReadable(works: (key: number) => Promise<boolean>, from: number): Promise<number | undefined> {
  let bad = from
  let stride = 1
  while (!(await works(bad + stride))) {
    bad += stride
    stride *= 2
    if (bad + stride > LAST_KEY) return undefined
  }
  let good = bad + stride
  while (good - bad > 1) {
    const middle = Math.floor((good + bad) / 2)
    if (await works(middle)) good = middle
    else bad = middle
  }
  return good
}
