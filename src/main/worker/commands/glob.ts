/** Files by a pattern in the last part of a path: `*`, `?`, `[abc]`, as ffmpeg's and Go's globs read them. */
import { readdir } from 'node:fs/promises'
import { posix } from 'node:path'

/** Matching files, sorted by name as bytes sort; empty when the folder is not there. `pattern` has forward slashes. */
export async function globFiles(pattern: string): Promise<string[]> {
  const folder = literalOf(posix.dirname(pattern))
  const name = globToRegExp(posix.basename(pattern))
  const entries = await readdir(folder).catch(() => [])
  return entries
    .filter((entry) => name.test(entry))
    .toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    .map((entry) => posix.join(folder, entry))
}

/** Folders are no patterns. One that was escaped for those that take them for such (`[[]1]`) gets its own name back. */
function literalOf(folder: string): string {
  return folder.replace(/\[([[*?])\]/g, '$1')
}

/** The pattern of one path part as a regular expression. */
export function globToRegExp(pattern: string): RegExp {
  let source = ''
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern.charAt(at)
    const close = char === '[' ? pattern.indexOf(']', at + 2) : -1
    if (char === '*') source += '.*'
    else if (char === '?') source += '.'
    else if (close > 0) {
      const inside = pattern
        .slice(at + 1, close)
        .replace(/^!/, '^')
        .replaceAll('\\', '\\\\')
        .replaceAll(']', '\\]')
      source += `[${inside}]`
      at = close
    } else source += char.replace(/[.+^${}()|[\]\\]/, '\\$&')
  }
  return new RegExp(`^${source}$`, 's')
}
