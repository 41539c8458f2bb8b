/**
 * Validates paths in a job: absolute for every worker, or rejected with a reason; and makes names that are safe on every system. Both
 * slashes are separators. Pure.
 */

/** Why a path cannot be used; the message is a predicate that follows the setting's name. */
export class JobPathError extends Error {
  override readonly name = 'JobPathError'
}

const CONTROL = /[\u0000-\u001f\u007f]/

const slashed = (path: string): string => path.replaceAll('\\', '/')

/** A POSIX path, a Windows drive, a network share, or a path that starts with a variable of the farm (`{jobs}/…`). */
export function isAbsolutePath(path: string): boolean {
  return /^(\/|\\\\|[A-Za-z]:[\\/]|\{(?!(?:frame|start|end|step|count|chunk|timestamp)\})[A-Za-z_][A-Za-z0-9_-]*\})/.test(path)
}

/**
 * The path as every worker understands it. Resolves a relative path against `base` (e.g. the folder of the .blend); a leading
 * `//` has the same meaning, as in Blender, unless `base` shows that it can be a Windows network share.
 * @param base absolute; undefined when there is nothing to resolve against
 * @throws JobPathError
 */
export function placePath(path: string, base?: string): string {
  const text = path.trim()
  if (text === '') throw new JobPathError('is empty')
  if (CONTROL.test(text)) throw new JobPathError('contains a control character, such as a line break or a tab')
  const shown = `"${text.length > 200 ? `${text.slice(0, 200)}…` : text}"`
  const usableBase = base !== undefined && isAbsolutePath(base) ? base : undefined
  const isWindows = usableBase !== undefined && /^([A-Za-z]:|\\\\|\/\/)/.test(usableBase)
  if (text.startsWith('//') && !text.startsWith('///') && usableBase !== undefined && !isWindows) return joined(usableBase, text.slice(2))
  if (isAbsolutePath(text)) return path
  if (/^~/.test(text)) throw new JobPathError(`begins with "~", which is a different folder on each worker: ${shown}; write the full path`)
  if (/^\$|^%[^%/\\]+%/.test(text)) {
    throw new JobPathError(
      `begins with a shell variable, which workers do not expand: ${shown}; write the full path, or a variable of the farm such as {jobs}`,
    )
  }
  if (/^[A-Za-z]:/.test(text)) throw new JobPathError(`has a drive without a slash after it: ${shown}; write it as ${text.slice(0, 2)}/…`)
  if (text.startsWith('\\')) throw new JobPathError(`starts with neither a drive nor a server: ${shown}; write the full path`)
  if (usableBase === undefined)
    throw new JobPathError(`is a relative path, which each worker would resolve against a different folder: ${shown}; write the full path`)
  return joined(usableBase, text)
}

function joined(base: string, rest: string): string {
  const head = slashed(base)
  return cleanPath(`${head.endsWith('/') ? head : `${head}/`}${rest}`)
}

/** Forward slashes, without `.`, `..` and doubled slashes; keeps the two leading slashes of a network share. */
export function cleanPath(path: string): string {
  const text = slashed(path)
  const lead = /^(\/\/(?!\/)[^/]+|[A-Za-z]:|\{[^}/]+\})?\/*/.exec(text)
  const root = lead?.[1] ?? ''
  const rooted = (lead?.[0].length ?? 0) > root.length
  // The parent of a variable's folder is known only after the variable is resolved.
  const isTop = rooted && !root.startsWith('{')
  const kept: string[] = []
  for (const element of text.slice(lead?.[0].length ?? 0).split('/')) {
    if (element === '' || element === '.') continue
    if (element !== '..') kept.push(element)
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop()
    else if (!isTop) kept.push('..')
  }
  return `${root}${rooted ? '/' : ''}${kept.join('/')}` || '.'
}

/** Equal for two paths that may be one folder on some system: cleaned, and case-insensitive. */
export function folderKey(folder: string): string {
  const cleaned = cleanPath(folder).normalize('NFC').toLowerCase()
  return cleaned.length > 1 ? cleaned.replace(/\/$/, '') : cleaned
}

/** Maximum length of a folder name: Windows limits paths to 260 characters, and file systems count bytes. */
const MAX_CHARS = 100
const MAX_BYTES = 180
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?=\.|$)/i

/** Makes a file or folder name from any text: replaces characters that have a special meaning on some system with `_`. */
export function safeName(text: string): string {
  // Braces are variables, number signs are Blender's frame placeholders, and Windows rejects the rest.

  const replaced = text
    .normalize('NFC')
    .replace(/[\u0000-\u001f\u007f\\/:*?"<>|]/g, '_')
    .replaceAll('{', '(')
    .replaceAll('}', ')')
    .replaceAll('#', '_')
  const name = trimmed(cut(trimmed(replaced)))
  if (name === '') return '_'
  return RESERVED.test(name) ? `_${name}` : name
}

/** Windows drops trailing dots and spaces; `.` and `..` consist of dots only. */
const trimmed = (name: string): string => name.replace(/^\s+/, '').replace(/[.\s]+$/, '')

function cut(name: string): string {
  let bytes = 0
  const kept: string[] = []
  for (const char of name) {
    bytes += new TextEncoder().encode(char).length
    if (bytes > MAX_BYTES || kept.length >= MAX_CHARS) break
    kept.push(char)
  }
  return kept.join('')
}

/** Escapes a path for a glob pattern: puts its special characters in brackets. Keeps braces: they are variables. */
export function globLiteral(path: string): string {
  return path.replace(/[[*?]/g, '[$&]')
}

/** The folder of a file name; for a pattern, the folder above the first element that contains a frame. Null without a folder. */
export function folderOfPattern(path: string): string | null {
  const elements = path.split(/[\\/]/)
  const varying = elements.findIndex((element) => element.includes('#') || /\{(frame|start|end|step|chunk|count)(:\d+)?\}/.test(element))
  const kept = varying >= 0 ? varying : elements.length - 1
  if (kept <= 0) return null
  const length = elements.slice(0, kept).join('/').length
  return length === 0 ? path.charAt(0) : path.slice(0, length)
}
