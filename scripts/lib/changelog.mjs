// CHANGELOG.md in the form of https://keepachangelog.com, and version numbers. Pure.

const UNRELEASED = '## [Unreleased]'
const VERSION = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?$/

/**
 * Turns what is unreleased into a version, with a new empty section above it.
 * @param {string} text the whole file @param {string} version @param {string} date `2026-12-31`
 * @returns {{ text: string, notes: string }} `notes`: what the version brings
 * @throws {Error} when there is nothing to release, or the version is there already
 */
export function releaseSection(text, version, date) {
  const lines = text.split('\n')
  const begin = lines.indexOf(UNRELEASED)
  if (begin < 0) throw new Error(`CHANGELOG.md has no section "${UNRELEASED}"`)
  if (lines.some((line) => line.startsWith(`## [${version}]`))) throw new Error(`CHANGELOG.md has a section for ${version} already`)
  const next = lines.findIndex((line, at) => at > begin && line.startsWith('## '))
  const end = next < 0 ? lines.length : next
  const notes = lines
    .slice(begin + 1, end)
    .join('\n')
    .trim()
  if (!/^[-*] /m.test(notes)) throw new Error('CHANGELOG.md names nothing under "Unreleased"')
  const section = [UNRELEASED, '', `## [${version}] - ${date}`, '', notes, '']
  return { text: [...lines.slice(0, begin), ...section, ...lines.slice(end)].join('\n').replace(/\n*$/, '\n'), notes }
}

/** Whether `a` comes after `b`; a version with a suffix (`1.0.0-rc.1`) comes before the one without. @throws {Error} for what is no version */
export function isLater(a, b) {
  const [left, right] = [parse(a), parse(b)]
  for (let at = 0; at < 3; at++) if (left.numbers[at] !== right.numbers[at]) return left.numbers[at] > right.numbers[at]
  if (left.suffix === right.suffix) return false
  if (left.suffix === undefined || right.suffix === undefined) return left.suffix === undefined
  return left.suffix.localeCompare(right.suffix, 'en', { numeric: true }) > 0
}

function parse(version) {
  const match = VERSION.exec(version)
  if (!match) throw new Error(`"${version}" is no version such as 1.4.0 or 1.4.0-rc.1`)
  return { numbers: match.slice(1, 4).map(Number), suffix: match[4] }
}
