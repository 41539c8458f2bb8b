/**
 * Paths of any platform, handled on any platform: a manager on Linux works with paths that were written on Windows.
 * Both `/` and `\` are separators everywhere. Pure text functions; nothing looks at a disk. (Flamenco §5.4, §5.8)
 */

/** `linux`, `windows`, `darwin` or whatever Go's GOOS would be: Flamenco's names of platforms. */
export function goPlatform(nodePlatform: string): string {
  return nodePlatform === 'win32' ? 'windows' : nodePlatform
}

/** The character that separates components on a platform. */
function separatorOf(platform: string): '\\' | '/' {
  return platform === 'windows' ? '\\' : '/'
}

/** All backslashes as slashes. */
export function toSlashes(path: string): string {
  return path.includes('\\') ? path.replaceAll('\\', '/') : path
}

function isSeparator(char: string | undefined): boolean {
  return char === '/' || char === '\\'
}

/** The last component; `.` of an empty path, `/` of a path of separators only. */
export function base(path: string): string {
  if (path === '') return '.'
  const trimmed = toSlashes(path).replace(/\/+$/, '')
  if (trimmed === '') return '/'
  return trimmed.slice(trimmed.lastIndexOf('/') + 1)
}

/** Everything before the last separator, with slashes. `.` without one; `/` of what lies in the root. Nothing else is cleaned up. */
export function dir(path: string): string {
  const slashed = toSlashes(path)
  const last = slashed.lastIndexOf('/')
  if (last < 0) return '.'
  if (last === 0) return '/'
  return slashed.slice(0, last)
}

/** The last component without its last extension: `a.tar` of `x/a.tar.gz`. */
export function stem(path: string): string {
  const name = base(path)
  const dot = name.lastIndexOf('.')
  return dot < 0 ? name : name.slice(0, dot)
}

/** Joins with slashes and cleans `.`, `..` and doubled slashes; backslashes become slashes afterwards, so that UNC paths survive. */
export function join(...parts: string[]): string {
  const present = parts.filter((part) => part !== '')
  if (present.length === 0) return ''
  return toSlashes(clean(present.join('/')))
}

/** Go's path.Clean: the shortest equal path, by slashes only. */
function clean(path: string): string {
  const rooted = path.startsWith('/')
  const kept: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') kept.push(part)
    else if (kept.length > 0 && kept[kept.length - 1] !== '..') kept.pop()
    else if (!rooted) kept.push('..')
  }
  const body = kept.join('/')
  return rooted ? `/${body}` : body || '.'
}

/** True for paths like `\\server\share`. */
export function isUnc(path: string): boolean {
  return path.startsWith('\\\\')
}

/** True when the path means the same whatever folder and drive are current: `/x`; on Windows `C:\\x` and `\\\\server\\share`, either slash. */
export function isAbsoluteOn(path: string, platform: string): boolean {
  if (platform !== 'windows') return path.startsWith('/')
  return /^[A-Za-z]:[\\/]/.test(path) || /^[\\/]{2}[^\\/]+[\\/]+[^\\/]/.test(path)
}

/** True when a character is in it that no name of a file should have: a null byte, a line's end. */
export function hasControlCharacter(path: string): boolean {
  return /[\u0000-\u001f\u007f]/.test(path)
}

/** Without separators at the end; of a path of separators only, the first one is kept. */
export function trimTrailingSep(path: string): string {
  let end = path.length
  while (end > 1 && isSeparator(path[end - 1])) end--
  return path.slice(0, end)
}

/** `F:` and `F:x` mean "relative to the current folder of drive F"; this makes them `F:\` and `F:\x`. Other paths stay. */
export function ensureDriveAbsolute(path: string): string {
  if (!/^[A-Za-z]:/.test(path) || isSeparator(path[2])) return path
  return `${path.slice(0, 2)}\\${path.slice(2)}`
}

/** The path with the platform's separators: runs become one, those at the end go, those at the start stay as many as they are (UNC). */
export function toPlatform(path: string, platform: string): string {
  const separator = separatorOf(platform)
  let leading = 0
  while (isSeparator(path[leading])) leading++
  const components = path
    .slice(leading)
    .split(/[/\\]+/)
    .filter((part) => part !== '')
  return separator.repeat(leading) + components.join(separator)
}
