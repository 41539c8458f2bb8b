/** Cursors of keyset paging: where a page ended, opaque to clients. */
import { InvalidInputError } from '../../engine/base/errors.ts'

export type CursorValue = string | number

/** @param order the sort order of the list; a cursor is only valid for the list that it came from */
export function encodeCursor(order: string, values: readonly CursorValue[]): string {
  return Buffer.from(JSON.stringify([order, ...values])).toString('base64url')
}

/** The values that were encoded; undefined without a cursor. @throws InvalidInputError when it does not belong to this list */
export function decodeCursor(
  cursor: string | undefined,
  order: string,
  types: readonly ('string' | 'number')[],
): CursorValue[] | undefined {
  if (cursor === undefined) return undefined
  const [named, ...values] = parse(cursor)
  const fits = named === order && values.length === types.length && values.every((value, index) => typeof value === types[index])
  if (!fits) throw new InvalidInputError('cursor', 'the cursor does not belong to this list; use `next` of the previous page')
  // Each was just checked to be one of the two types.
  return values as CursorValue[]
}

function parse(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}
