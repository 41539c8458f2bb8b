/** Keys of a bucket in their order, those with a common beginning taken together. */
import type { ReadDatabase } from '../../../../store/connection.ts'
import { objectsBetween, type StoredObject } from '../store/objects.ts'

const BATCH = 250

export interface ListRequest {
  readonly prefix: string
  /** Empty: none. */
  readonly delimiter: string
  /** Only what comes after; a common prefix counts as a whole. */
  readonly after: string
  readonly most: number
}

export interface Listed {
  readonly entries: readonly ({ readonly object: StoredObject } | { readonly prefix: string })[]
  readonly isTruncated: boolean
  /** The last entry: where the next page goes on. */
  readonly last: string
}

export async function listKeys(db: ReadDatabase, bucketId: number, { prefix, delimiter, after, most }: ListRequest): Promise<Listed> {
  const prefixBytes = Buffer.from(prefix)
  const to = firstBehind(prefixBytes)
  const entries: Listed['entries'][number][] = []
  let [from, isAfter] = startOf(prefixBytes, prefix, delimiter, after)
  let last = ''
  while (most > 0) {
    const limit = Math.min(BATCH, most - entries.length + 1)
    const batch = await objectsBetween(db, bucketId, { from, isAfter, to, limit })
    for (const object of batch) {
      const group = groupOf(object.key, prefix, delimiter)
      if (group !== undefined && group === last) continue
      if (entries.length === most) return { entries, isTruncated: true, last }
      entries.push(group === undefined ? { object } : { prefix: group })
      last = group ?? object.key
    }
    const end = batch.at(-1)
    if (batch.length < limit || !end) break
    const group = groupOf(end.key, prefix, delimiter)
    const behind = group === undefined ? undefined : firstBehind(Buffer.from(group))
    if (group !== undefined && behind === undefined) break
    ;[from, isAfter] = behind ? [behind, false] : [Buffer.from(end.key), true]
  }
  return { entries, isTruncated: false, last }
}

/** Where to begin: behind a common prefix, if the last page ended with one. */
function startOf(prefixBytes: Buffer, prefix: string, delimiter: string, after: string): [from: Buffer, isAfter: boolean] {
  const afterBytes = Buffer.from(after)
  if (Buffer.compare(afterBytes, prefixBytes) < 0 || after === '') return [prefixBytes, false]
  if (delimiter !== '' && groupOf(after, prefix, delimiter) === after) {
    const behind = firstBehind(afterBytes)
    if (behind) return [behind, false]
  }
  return [afterBytes, true]
}

/** The common prefix that a key is shown by; undefined: it is shown by itself. */
export function groupOf(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '' || !key.startsWith(prefix)) return undefined
  const at = key.indexOf(delimiter, prefix.length)
  return at < 0 ? undefined : key.slice(0, at + delimiter.length)
}

/** The first bytes behind all that begin with these; undefined: there are none. */
export function firstBehind(bytes: Buffer): Buffer | undefined {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0xff) end--
  if (end === 0) return undefined
  const behind = Buffer.from(bytes.subarray(0, end))
  behind[end - 1] = (behind[end - 1] ?? 0) + 1
  return behind
}
