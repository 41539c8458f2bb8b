/** Splits and quotes command lines like a POSIX shell. Never runs a shell. */

const PLAIN = /^[\w@%+=:,./-]+$/

/** One argument, quoted for pasting into a shell. */
function shellQuote(word: string): string {
  if (PLAIN.test(word)) return word
  return `'${word.replaceAll("'", `'"'"'`)}'`
}

/** A command line to read and to paste. */
export function shellJoin(words: readonly string[]): string {
  return words.map(shellQuote).join(' ')
}

export class ShellWordsError extends Error {
  override readonly name = 'ShellWordsError'
}

/**
 * Splits text into words: blanks separate, `'…'` keeps everything, a backslash outside of it escapes the next character, and
 * `#` at the start of a word begins a comment up to the end of the line. Inside `"…"` a backslash is removed before any
 * character, where a shell would keep most: Flamenco splits this way (flamenco `shellSplit` and `exeArgs`), and so must we.
 * @throws ShellWordsError when a quote is not closed or a backslash ends the text
 */
export function shellSplit(text: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let at = 0
  while (at < text.length) {
    const char = text.charAt(at)
    at += 1
    if (/\s/.test(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else if (char === '#' && word === undefined) {
      const end = text.indexOf('\n', at)
      at = end < 0 ? text.length : end
    } else if (char === "'") {
      const end = text.indexOf("'", at)
      if (end < 0) throw new ShellWordsError('a single quote is not closed')
      word = (word ?? '') + text.slice(at, end)
      at = end + 1
    } else if (char === '"') {
      const quoted = readDoubleQuoted(text, at)
      word = (word ?? '') + quoted.text
      at = quoted.end
    } else if (char === '\\') {
      if (at >= text.length) throw new ShellWordsError('nothing follows the backslash at the end')
      word = (word ?? '') + text.charAt(at)
      at += 1
    } else {
      word = (word ?? '') + char
    }
  }
  if (word !== undefined) words.push(word)
  return words
}

function readDoubleQuoted(text: string, start: number): { text: string; end: number } {
  let found = ''
  for (let at = start; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === '"') return { text: found, end: at + 1 }
    if (char === '\\') at += 1
    found += text.charAt(at)
  }
  throw new ShellWordsError('a double quote is not closed')
}
