/**
 * What some tests need from the machine. A test that needs such a part says so with `requirePart`; where the part is
 * missing the test is skipped with a loud line, or fails when FRAMEHOUSE_REQUIRE names it (as CI does).
 *
 *   const blender = requirePart('blender')
 *   blender.describe('rendering', () => { it('…', () => run(blender.path)) })
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, delimiter } from 'node:path'
import { describe } from 'vitest'
import { findElectron } from './electronRuntime.ts'
import { findPycolonies } from './pythonClients.ts'

export const PARTS = [
  'blender',
  'ffmpeg',
  'docker',
  'python',
  'pycolonies',
  'chromium',
  'electron',
  'netns',
  'strace',
  'curl',
  'sshd',
  'fish',
  'faketime',
  'tmpfs',
] as const
export type PartName = (typeof PARTS)[number]

export interface Part {
  found: boolean
  missing: boolean
  /** The program to run (absolute for `sshd`); empty when missing. For `docker` the client, for `netns` the `ip` program. */
  path: string
  /** `describe`, or `describe.skip` when the part is missing. */
  describe: typeof describe | typeof describe.skip
}

/** Long enough for a cold start of Blender on a busy machine. */
const PROBE_TIMEOUT_MS = 60_000

const known = new Map<PartName, Part>()

/**
 * Looks for a part of the machine once per test file.
 * @throws Error when the part is missing and FRAMEHOUSE_REQUIRE names it, so that the file fails instead of being skipped
 */
export function requirePart(name: PartName): Part {
  const before = known.get(name)
  if (before) return before
  const path = probes[name]()
  if (!path) {
    if (requiredParts().has(name)) throw new Error(`FRAMEHOUSE_REQUIRE names "${name}", and it was not found on this machine`)
    announce(name)
  }
  const part: Part = { found: path !== '', missing: path === '', path, describe: path ? describe : describe.skip }
  known.set(name, part)
  return part
}

function requiredParts(): Set<string> {
  return new Set(
    (process.env['FRAMEHOUSE_REQUIRE'] ?? '')
      .split(',')
      .map((word) => word.trim())
      .filter(Boolean),
  )
}

/** On stderr for a person, and into the file that scripts/test.mjs collects for its summary. */
function announce(name: PartName): void {
  const file = process.env['FRAMEHOUSE_MISSING_PARTS']
  if (file) appendFileSync(file, `${name}\n`)
  process.stderr.write(`\n*** MISSING PART: ${name} was not found; the tests that need it are SKIPPED ***\n`)
}

const probes: Record<PartName, () => string> = {
  blender: () => firstThatRuns(['blender'], ['--version']),
  ffmpeg: () => firstThatRuns(['ffmpeg'], ['-version']),
  curl: () => firstThatRuns(['curl'], ['--version']),
  fish: () => firstThatRuns(['fish'], ['--version']),
  // It only runs by its full path, which is often not on a user's PATH.
  sshd: () => ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((path) => existsSync(path)) ?? '',
  strace: () => firstThatRuns(['strace'], ['-V']),
  // The client alone is no part: `docker info` fails without an engine that answers.
  docker: () => firstThatRuns(['docker'], ['info', '--format', '{{.ServerVersion}}']),
  python: () => firstThatRuns(['python3', 'python'], ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']),
  pycolonies: findPycolonies,
  chromium: () => firstThatRuns(['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'], ['--version']),
  electron: findElectron,
  netns: findNetworkNamespaces,
  faketime: findFakeTime,
  tmpfs: findTmpfs,
}

function firstThatRuns(names: string[], args: string[]): string {
  for (const name of names) {
    const path = which(name)
    if (path && runs(path, args)) return path
  }
  return ''
}

function runs(path: string, args: string[]): boolean {
  try {
    execFileSync(path, args, { stdio: 'ignore', timeout: PROBE_TIMEOUT_MS })
    return true
  } catch {
    return false
  }
}

function which(name: string): string {
  const names = process.platform === 'win32' ? [`${name}.exe`, `${name}.cmd`] : [name]
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const candidate of names) {
      const path = join(folder, candidate)
      if (folder && existsSync(path)) return path
    }
  }
  return ''
}

/** The library itself: a program that is started with it keeps its own process id. */
function findFakeTime(): string {
  const places = ['/usr/lib', '/usr/lib64', ...['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu`)]
  return places.map((place) => join(place, 'faketime', 'libfaketime.so.1')).find((path) => existsSync(path)) ?? ''
}

/** Needs root: mounts one and unmounts it at once. */
function findTmpfs(): string {
  const mount = which('mount')
  if (!mount) return ''
  const folder = mkdtempSync(join(tmpdir(), 'framehouse-probe-'))
  const mounted = runs(mount, ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder])
  if (mounted) runs('umount', [folder])
  rmSync(folder, { recursive: true, force: true })
  return mounted ? mount : ''
}

/** Needs root (or its capabilities): makes a namespace and removes it at once. */
function findNetworkNamespaces(): string {
  const ip = which('ip')
  if (!ip) return ''
  const name = `framehouse-probe-${process.pid}`
  if (!runs(ip, ['netns', 'add', name])) return ''
  runs(ip, ['netns', 'del', name])
  return ip
}
