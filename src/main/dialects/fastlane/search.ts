/**
 * Translates a search text with the original's rules into an SQLite full-text query: words mean "or", quotes a phrase,
 * `-` "without". Pure.
 */

/** Undefined: the text contains nothing to search for. */
export function searchQuery(text: string): string | undefined {
  const wanted: string[] = []
  const without: string[] = []
  for (const match of text.matchAll(/(-?)(?:"([^"]*)"|(\S+))/g)) {
    const term = quoted(match[2] ?? match[3] ?? '')
    if (term !== undefined) (match[1] === '-' ? without : wanted).push(term)
  }
  if (wanted.length === 0) return undefined
  const any = `(${wanted.join(' OR ')})`
  return without.length === 0 ? any : `${any} NOT (${without.join(' OR ')})`
}

/**
 * Keeps letters and digits only, so that no part of the text is an operator; other characters separate words, as in the
 * index.
 */
function quoted(text: string): string | undefined {
  const words = text.match(/[\p{L}\p{N}]+/gu)
  return words ? `"${words.join(' ')}"` : undefined
}
