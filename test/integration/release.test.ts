/** `npm run release` in a repository of its own, with this one's scripts and files. */
import { execFileSync, spawnSync } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const FILES = ['package.json', 'package-lock.json', 'scripts/release.mjs', 'scripts/lib/changelog.mjs']
const CHANGES = '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [0.0.1] - 2026-01-01\n\n- The first.\n'

let folder: string
const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8' }).trim()
const release = (...args: string[]) => spawnSync(process.execPath, ['scripts/release.mjs', ...args], { cwd: folder, encoding: 'utf8' })
const text = (name: string) => readFile(join(folder, name), 'utf8')

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framehouse-release-'))
  for (const file of FILES) await cp(join(root, file), join(folder, file))
  await writeFile(join(folder, 'CHANGELOG.md'), CHANGES)
  git('init', '--quiet')
  for (const [key, value] of Object.entries({
    'user.name': 'tester',
    'user.email': 'tester@example.org',
    'commit.gpgsign': 'false',
    'tag.gpgsign': 'false',
  }))
    git('config', key, value)
  git('add', '.')
  git('commit', '--quiet', '--message', 'before')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

it('sets the version, moves what is unreleased into it, commits and tags', async () => {
  const lockBefore = JSON.parse(await text('package-lock.json'))
  const { status, stderr } = release('99.1.0')
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(JSON.parse(await text('package.json')).version).toBe('99.1.0')
  const lock = JSON.parse(await text('package-lock.json'))
  expect(lock).toEqual({
    ...lockBefore,
    version: '99.1.0',
    packages: { ...lockBefore.packages, '': { ...lockBefore.packages[''], version: '99.1.0' } },
  })
  expect(await text('CHANGELOG.md')).toMatch(
    /^# Changelog\n\n## \[Unreleased\]\n\n## \[99\.1\.0\] - \d{4}-\d\d-\d\d\n\n### Added\n\n- A thing\.\n\n## \[0\.0\.1\]/,
  )
  expect(git('status', '--porcelain')).toBe('')
  expect(git('show', '--stat', '--format=%s', 'HEAD')).toMatch(
    /^Release 99\.1\.0\n\n.*CHANGELOG\.md.*\n.*package-lock\.json.*\n.*package\.json/,
  )
  expect(git('tag', '--list', '--format=%(refname:short) %(contents)')).toBe('v99.1.0 Framehouse 99.1.0\n\n### Added\n\n- A thing.')
})

it('only tells what it would do with --dry-run', () => {
  const { status, stdout } = release('99.1.0', '--dry-run')
  expect(status).toBe(0)
  expect(stdout).toContain('Would release 99.1.0')
  expect(stdout).toContain('- A thing.')
  expect(git('status', '--porcelain') + git('tag', '--list')).toBe('')
})

it.each([
  ['without a version', [], /Usage/],
  ['of an earlier version', ['0.0.1'], /does not come after/],
  ['of what is no version', ['v1'], /no version/],
])('a release %s is refused', (_, args, message) => {
  const { status, stderr } = release(...args)
  expect(status).toBe(1)
  expect(stderr).toMatch(message)
  expect(git('status', '--porcelain') + git('tag', '--list')).toBe('')
})

it('a release of a tree with changes, or of a version that is tagged, is refused', async () => {
  await writeFile(join(folder, 'new.txt'), 'x')
  expect(release('99.1.0').stderr).toContain('not committed')
  await rm(join(folder, 'new.txt'))
  git('tag', 'v99.1.0')
  expect(release('99.1.0').stderr).toContain('is there already')
})
