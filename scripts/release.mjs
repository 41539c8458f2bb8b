// `npm run release -- VERSION [--dry-run]`: sets the version, moves what is unreleased in CHANGELOG.md into it, commits and tags.
// Nothing leaves this machine: it says how to push.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isLater, releaseSection } from './lib/changelog.mjs'

const root = join(import.meta.dirname, '..')
try {
  main()
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}

function main() {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { 'dry-run': { type: 'boolean' } } })
  const [version] = positionals
  if (version === undefined || positionals.length > 1) throw new Error('Usage: npm run release -- VERSION [--dry-run]')
  const tag = `v${version}`
  const manifest = read('package.json')
  const { version: current } = JSON.parse(manifest)
  // The first release may be of the version that is there already.
  if (version !== current && !isLater(version, current))
    throw new Error(`${version} does not come after ${current}, the version in package.json`)
  if (git('status', '--porcelain') !== '') throw new Error('There are changes that are not committed; a release is made of a clean tree.')
  if (git('tag', '--list', tag) !== '') throw new Error(`The tag ${tag} is there already.`)
  const { text, notes } = releaseSection(read('CHANGELOG.md'), version, new Date().toISOString().slice(0, 10))

  say(`${values['dry-run'] ? 'Would release' : 'Releasing'} ${version} (was ${current}):\n\n${notes}\n`)
  if (values['dry-run']) return
  write('package.json', withVersion(manifest, version))
  write('package-lock.json', withLockVersion(read('package-lock.json'), version))
  write('CHANGELOG.md', text)
  git('add', 'package.json', 'package-lock.json', 'CHANGELOG.md')
  git('commit', '--message', `Release ${version}`)
  git('tag', '--annotate', tag, '--cleanup=verbatim', '--message', `Framehouse ${version}\n\n${notes}`)
  say(`Tagged ${tag}. To publish it: git push --follow-tags; to make its packages: npm run package.`)
}

/** Everything else in the file stays as it is. */
function withVersion(text, version) {
  return text.replace(/("version": )"[^"]*"/, `$1${JSON.stringify(version)}`)
}

/** The lock file has the version twice: its own, and that of the root package. */
function withLockVersion(text, version) {
  const lock = JSON.parse(text)
  lock.version = version
  lock.packages[''].version = version
  return `${JSON.stringify(lock, null, 2)}\n`
}

function git(...args) {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

function read(name) {
  return readFileSync(join(root, name), 'utf8')
}

function write(name, text) {
  writeFileSync(join(root, name), text)
}

function say(line) {
  process.stdout.write(`${line}\n`)
}
