/**
 * Paths of any platform, handled on any platform: a manager on Linux processes paths written on Windows.
 * Both `/` and `\` are separators everywhere. Pure text functions that never access a disk. (Flamenco §5.4, §5.8)
 */

/** `linux`, `windows`, `darwin` or another value of Go's GOOS: Flamenco's platform names. */
export function goPlatform(nodePlatform: string): string {
  return nodePlatform === 'win32' ? 'windows' : nodePlatform
}

/** The path separator of a platform. */
function separatorOf(platform: string): '\\' | '/' {
  return platform === 'windows' ? '\\' : '/'
}

/** Replaces all backslashes with slashes. */
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

/** Everything before the last separator, with slashes. `.` without one; `/` for entries of the root. Does not clean the path otherwise. */
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

/** Joins with slashes and cleans `.`, `..` and doubled slashes; converts backslashes afterwards, so that UNC paths survive. */
export function join(...parts: string[]): string {
  const present = parts.filter((part) => part !== '')
  if (present.length === 0) return ''
  return toSlashes(clean(present.join('/')))
}

/** Go's path.Clean: the shortest equivalent path, by slashes only. */
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

/** True when the path does not depend on the current folder or drive: `/x`; on Windows `C:\\x` and `\\\\server\\share`, with either slash. */
export function isAbsoluteOn(path: string, platform: string): boolean {
  if (platform !== 'windows') return path.startsWith('/')
  return /^[A-Za-z]:[\\/]/.test(path) || /^[\\/]{2}[^\\/]+[\\/]+[^\\/]/.test(path)
}

/** True when it contains a character that no file name should have: a null byte or a line break. */
export function hasControlCharacter(path: string): boolean {
  return /[\u0000-\u001f\u007f]/.test(path)
}

/** Removes trailing separators; of a path of separators only, keeps the first one. */
export function trimTrailingSep(path: string): string {
  let end = path.length
  while (end > 1 && isSeparator(path[end - 1])) end--
  return path.slice(0, end)
}

/** `F:` and `F:x` mean "relative to the current folder of drive F"; converts them to `F:\` and `F:\x`. Leaves other paths unchanged. */
export function ensureDriveAbsolute(path: string): string {
  if (!/^[A-Za-z]:/.test(path) || isSeparator(path[2])) return path
  return `${path.slice(0, 2)}\\${path.slice(2)}`
}

/** The path with the platform's separators: collapses runs, removes trailing ones, keeps all leading ones (UNC). */
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
