/**
 * Splits a command line into words as a POSIX shell would: 'single' and "double" quotes, backslash escapes, comments
 * from `#` at the start of a word to the end of the line. Nothing is expanded.
 */

/** A quote or a backslash without its other half. */
export class ShellSplitError extends Error {
  override readonly name = 'ShellSplitError'
}

const SPACES = ' \t\r\n'

/** @throws ShellSplitError */
export function shellSplit(line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at)
    if (SPACES.includes(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else if (char === '#' && word === undefined) {
      const end = line.indexOf('\n', at)
      at = end < 0 ? line.length : end
    } else if (char === '\\') {
      if (at + 1 === line.length) throw new ShellSplitError(`nothing follows the backslash at the end of: ${line}`)
      word = (word ?? '') + line.charAt(++at)
    } else if (char === "'" || char === '"') {
      const quoted = char === "'" ? readSingle(line, at) : readDouble(line, at)
      word = (word ?? '') + quoted.text
      at = quoted.end
    } else {
      word = (word ?? '') + char
    }
  }
  if (word !== undefined) words.push(word)
  return words
}

interface Quoted {
  text: string
  /** Where the closing quote stands. */
  end: number
}

function readSingle(line: string, start: number): Quoted {
  const end = line.indexOf("'", start + 1)
  if (end < 0) throw new ShellSplitError(`a ' is not closed in: ${line}`)
  return { text: line.slice(start + 1, end), end }
}

function readDouble(line: string, start: number): Quoted {
  let text = ''
  for (let at = start + 1; at < line.length; at++) {
    const char = line.charAt(at)
    if (char === '"') return { text, end: at }
    text += char === '\\' && at + 1 < line.length ? line.charAt(++at) : char
  }
  throw new ShellSplitError(`a " is not closed in: ${line}`)
}
