import { describe, expect, it } from 'vitest'
// A plain script, so that it runs without a loader.
import { isLater, releaseSection } from '../../../scripts/lib/changelog.mjs'

const BEFORE = `# Changelog

## [Unreleased]

### Added

- A thing.

## [0.1.0] - 2026-01-01

- The first.
`

describe('a release', () => {
  it('gets what was unreleased, below an empty section', () => {
    const { text, notes } = releaseSection(BEFORE, '0.2.0', '2026-02-02')
    expect(notes).toBe('### Added\n\n- A thing.')
    expect(text).toBe(BEFORE.replace('## [Unreleased]\n', '## [Unreleased]\n\n## [0.2.0] - 2026-02-02\n'))
  })

  it('may be the first', () => {
    const { text } = releaseSection('# Changelog\n\n## [Unreleased]\n\n- All.\n', '1.0.0', '2026-02-02')
    expect(text).toBe('# Changelog\n\n## [Unreleased]\n\n## [1.0.0] - 2026-02-02\n\n- All.\n')
  })

  it.each([
    ['without news', BEFORE.replace('- A thing.', ''), '0.2.0', /names nothing/],
    ['of a version that is there', BEFORE, '0.1.0', /already/],
    ['of a file without the section', '# Changelog\n', '0.2.0', /no section/],
  ])('%s is refused', (_, text, version, message) => expect(() => releaseSection(text, version, '2026-02-02')).toThrow(message))
})

it.each([
  ['0.2.0', '0.1.9', true],
  ['0.10.0', '0.9.0', true],
  ['1.0.0', '1.0.0', false],
  ['1.0.0', '1.0.0-rc.2', true],
  ['1.0.0-rc.10', '1.0.0-rc.2', true],
  ['1.0.0-rc.1', '1.0.0', false],
])('%s after %s: %s', (a, b, later) => expect(isLater(a, b)).toBe(later))

it('knows what is no version', () => expect(() => isLater('v1', '1.0.0')).toThrow(/no version/))
