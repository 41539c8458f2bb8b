/**
 * Texts of requests that could not be kept as they are: the null character ends a text for operating systems and for some
 * of SQLite's functions, and half a surrogate pair has no form in UTF-8, so that what is read back is not what was sent.
 */
import { InvalidInputError } from '../engine/errors.ts'

/** Whether JSON can hold such texts at all: raw they are no JSON, so they come as escapes. One search; most bodies have none. */
export function mayHoldUnusableText(json: string): boolean {
  return json.includes('\\u')
}

/** @throws InvalidInputError with the JSON pointer of the first text or key that cannot be kept */
export function assertUsableTexts(value: unknown, pointer = ''): void {
  if (typeof value === 'string') {
    const problem = problemOf(value)
    if (problem) throw new InvalidInputError(pointer, `${pointer || 'body'}: ${problem}`)
  } else if (Array.isArray(value)) {
    value.forEach((item, index) => assertUsableTexts(item, `${pointer}/${index}`))
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      const problem = problemOf(key)
      if (problem) throw new InvalidInputError(pointer, `${pointer || 'body'}: the key ${JSON.stringify(key)} ${problem}`)
      assertUsableTexts(member, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    }
  }
}

/** The error for a query parameter with a null character in it; ids and names in paths have patterns of their own. */
export function unusableQuery(url: string): InvalidInputError | undefined {
  if (!url.includes('%00')) return undefined
  const query = new URLSearchParams(url.split('?', 2)[1] ?? '')
  const name = [...query].find((entry) => entry.some((text) => text.includes('\0')))?.[0].replaceAll('\0', '')
  return name === undefined ? undefined : new InvalidInputError(name, `query parameter ${name} must not contain null characters`)
}

function problemOf(text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain null characters'
  return /\p{Surrogate}/u.test(text) ? 'must be whole Unicode characters, without halves of surrogate pairs' : undefined
}
