/** Cursors of keyset paging: where a page ended, in a form that clients only hand back. */
import { InvalidInputError } from '../../engine/errors.ts'

export type CursorValue = string | number

/** @param order what the list is sorted by; a cursor fits only the list that it came from */
export function encodeCursor(order: string, values: readonly CursorValue[]): string {
  return Buffer.from(JSON.stringify([order, ...values])).toString('base64url')
}

/** The values that encodeCursor got; undefined without a cursor. @throws InvalidInputError when it is not one of this list */
export function decodeCursor(
  cursor: string | undefined,
  order: string,
  types: readonly ('string' | 'number')[],
): CursorValue[] | undefined {
  if (cursor === undefined) return undefined
  const [named, ...values] = parse(cursor)
  const fits = named === order && values.length === types.length && values.every((value, index) => typeof value === types[index])
  if (!fits) throw new InvalidInputError('cursor', 'the cursor is not one of this list; take `next` of the page before')
  // Each has just been found to be of a type that is one of the two.
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
