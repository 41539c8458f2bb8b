/** Commands with a folder of the manager replaced by one of this worker. Pure. */
import { join } from 'node:path'
import type { Command } from '../../contract/commands.ts'

/**
 * Every text that is `root`, lies in it, or names it within a longer text (a script, `--option=PATH`); lists and objects included.
 * @param root as the commands name it @param folder absolute, of this worker
 */
export function withFolder(parameters: Command['parameters'], root: string, folder: string): Command['parameters'] {
  const bare = root.replace(/[\\/]+$/, '')
  const any = (value: unknown): unknown => {
    if (typeof value === 'string') return textWithFolder(value, bare, folder)
    if (Array.isArray(value)) return value.map(any)
    if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, any(each)]))
    return value
  }
  return Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, any(value)]))
}

/** What may come behind a path in a longer text. */
const ENDS = /^($|[\\/"'\s,;:)\]])/

function textWithFolder(text: string, root: string, folder: string): string {
  if (text === root) return folder
  if (text.startsWith(root) && /^[\\/]/.test(text.slice(root.length))) return join(folder, text.slice(root.length + 1))
  if (!text.includes(root)) return text
  // Within a script a backslash would be an escape; every system of ours takes slashes.
  const written = folder.replaceAll('\\', '/')
  const parts = text.split(root)
  return parts.reduce((done, rest) => `${done}${ENDS.test(rest) ? written : root}${rest}`)
}
