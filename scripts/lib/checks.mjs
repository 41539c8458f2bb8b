// Running checks as programs of their own, and reading how they did.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import { root } from './setup.mjs'

/** A step that runs longer than this hangs: it is stopped and counts as failed. */
const STEP_LIMIT_MS = 25 * 60_000
/** How long each file of tests took when it last ran, in seconds by path. */
const SECONDS_FILE = join(root, '.framehouse', 'test-seconds.json')

const workFolder = mkdtempSync(join(tmpdir(), 'framehouse-test-'))
const missingPartsFile = join(workFolder, 'missing-parts')
process.once('exit', () => rmSync(workFolder, { recursive: true, force: true }))

/** Read by test/support: which parts were missing, and that the program need not be built again. */
const TEST_ENV = { NO_COLOR: '1', FORCE_COLOR: undefined, FRAMEHOUSE_MISSING_PARTS: missingPartsFile }

/** What the steps of `npm test` call the projects of vitest. */
export const STEP_OF_PROJECT = { e2e: 'browser' }

/** @typedef {{ passed: number, failed: number, skipped: number, output: string }} Result */

/** A program that is right or wrong as a whole. @returns {Promise<Result>} */
export async function check(script, ...args) {
  const { status, output } = await runNode([script, ...args])
  return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0, output }
}

/** Tests of a project, all of them or some files. @returns {Promise<Result>} */
export async function vitest(project, files = [], env = { FRAMEHOUSE_BUILT: '1' }) {
  const report = join(workFolder, `${project}.json`)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const args = ['run', '--project', project, '--passWithNoTests', ...reporters, ...files]
  const { status, output } = await runNode(['node_modules/vitest/vitest.mjs', ...args], env)
  const counts = readJson(report)
  if (!counts) return { passed: 0, failed: 1, skipped: 0, output: `vitest wrote no report\n${output}` }
  rememberSeconds(counts.testResults)
  // A file that could not be loaded has no failed test of its own, yet it failed.
  const brokenFiles = counts.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length
  let failed = counts.numFailedTests + brokenFiles
  // Errors outside of any test (an unhandled rejection) show in the exit status alone.
  if (status !== 0 && failed === 0) failed = 1
  return { passed: counts.numPassedTests, failed, skipped: counts.numPendingTests + (counts.numTodoTests ?? 0), output }
}

/** Seconds by file of tests, of those that ran here before. */
export function knownSeconds() {
  return readJson(SECONDS_FILE) ?? {}
}

/** Each part once, though several files of tests missed it. */
export function missingParts() {
  return new Set(existsSync(missingPartsFile) ? readFileSync(missingPartsFile, 'utf8').split('\n').filter(Boolean) : [])
}

/** Runs a script of Node in the repository; resolves when it ended, with everything it printed. */
function runNode(args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...TEST_ENV, ...env },
    })
    const parts = []
    child.stdout.on('data', (data) => parts.push(data))
    child.stderr.on('data', (data) => parts.push(data))
    const limit = setTimeout(() => {
      parts.push(Buffer.from(`\nstopped: it ran longer than ${STEP_LIMIT_MS / 60_000} minutes\n`))
      child.kill('SIGTERM')
      setTimeout(() => child.kill('SIGKILL'), 5_000).unref()
    }, STEP_LIMIT_MS)
    const end = (status, note = '') => {
      clearTimeout(limit)
      resolve({ status, output: Buffer.concat(parts).toString() + note })
    }
    child.on('error', (error) => end(1, String(error)))
    child.on('close', (code) => end(code ?? 1))
  })
}

function rememberSeconds(results) {
  const seconds = knownSeconds()
  for (const { name, startTime, endTime } of results) {
    seconds[relative(root, name).replaceAll(sep, '/')] = Math.round((endTime - startTime) / 100) / 10
  }
  mkdirSync(dirname(SECONDS_FILE), { recursive: true })
  writeFileSync(SECONDS_FILE, JSON.stringify(seconds, null, 1))
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}
