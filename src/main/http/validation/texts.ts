/**
 * Rejects texts that cannot be stored unchanged: the null character ends a text for operating systems and for some of
 * SQLite's functions, and half of a surrogate pair has no UTF-8 form, so reading it back would return something else.
 */
import { InvalidInputError } from '../../engine/base/errors.ts'

/** Whether JSON can contain such texts at all: they only occur as escapes. One search; most bodies have none. */
export function mayHoldUnusableText(json: string): boolean {
  return json.includes('\\u')
}

/** @throws InvalidInputError with the JSON pointer of the first text or key that cannot be stored */
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

/** The error for a query parameter that contains a null character; ids and names in paths have their own patterns. */
export function unusableQuery(url: string): InvalidInputError | undefined {
  if (!url.includes('%00')) return undefined
  const query = new URLSearchParams(url.split('?', 2)[1] ?? '')
  const name = [...query].find((entry) => entry.some((text) => text.includes('\0')))?.[0].replaceAll('\0', '')
  return name === undefined ? undefined : new InvalidInputError(name, `query parameter ${name} must not contain null characters`)
}

function problemOf(text: string): string | undefined {
  if (text.includes('\0')) return 'must not contain null characters'
  return /\p{Surrogate}/u.test(text) ? 'must be valid Unicode, without unpaired surrogates' : undefined
}
