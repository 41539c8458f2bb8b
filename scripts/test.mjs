// `npm test [-- STEP …]`: sets up a clean clone and runs every check. One line a step; the output of a step only when it
// fails. The last line sums up: "N passed, N failed, N skipped" (types, lint, layers and packages count as one test each).
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SetupError, root, setUp } from './lib/setup.mjs'

/** A step that runs longer than this hangs: it is stopped and counts as failed. */
const STEP_LIMIT_MS = 25 * 60_000

const workFolder = mkdtempSync(join(tmpdir(), 'framehouse-test-'))
const missingPartsFile = join(workFolder, 'missing-parts')

const DEPCRUISE = 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'
/** Read by test/support: which parts were missing, and that the program need not be built again. */
const TEST_ENV = { NO_COLOR: '1', FORCE_COLOR: undefined, FRAMEHOUSE_MISSING_PARTS: missingPartsFile, FRAMEHOUSE_BUILT: '1' }
const STEPS = [
  { name: 'types', run: () => check('scripts/typecheck.mjs') },
  { name: 'lint', run: () => check('node_modules/eslint/bin/eslint.js', '.') },
  { name: 'layers', run: () => check(DEPCRUISE, 'src', '--config', '.dependency-cruiser.cjs', '--output-type', 'err') },
  { name: 'packages', run: () => check('scripts/unused-packages.mjs') },
  { name: 'unit', run: () => vitest('unit') },
  { name: 'integration', run: () => vitest('integration') },
  { name: 'conformance', run: () => vitest('conformance') },
  { name: 'browser', run: () => vitest('e2e') },
  { name: 'electron', run: () => vitest('electron') },
]

const total = { passed: 0, failed: 0, skipped: 0 }
process.exitCode = 1
try {
  process.exitCode = await main(process.argv.slice(2))
} finally {
  rmSync(workFolder, { recursive: true, force: true })
}

async function main(wanted) {
  const unknown = wanted.filter((name) => !STEPS.some((step) => step.name === name))
  if (unknown.length) {
    say(`There is no step ${unknown.join(', ')}; the steps are ${STEPS.map((step) => step.name).join(', ')}.`)
    return 2
  }
  try {
    setUp(say)
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    say(error.message)
    say('0 passed, 1 failed')
    return 1
  }
  for (const step of STEPS) {
    if (wanted.length && !wanted.includes(step.name)) continue
    const startedAt = Date.now()
    const result = await step.run()
    total.passed += result.passed
    total.failed += result.failed
    total.skipped += result.skipped
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
    const skipped = result.skipped ? `, ${result.skipped} skipped` : ''
    if (result.failed) say(`\n${result.output.trim()}\n`)
    const verdict = result.failed ? 'FAIL' : 'ok  '
    say(`${verdict} ${step.name.padEnd(12)} ${result.passed} passed, ${result.failed} failed${skipped} (${seconds} s)`)
  }
  for (const part of missingParts()) say(`*** MISSING PART: ${part} was not found on this machine; its tests were SKIPPED ***`)
  say(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  return total.failed ? 1 : 0
}

/** A program that is right or wrong as a whole. */
async function check(script, ...args) {
  const { status, output } = await runNode([script, ...args])
  return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0, output }
}

async function vitest(project) {
  const report = join(workFolder, `${project}.json`)
  const { status, output } = await runNode([
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    project,
    '--passWithNoTests',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ])
  const counts = readReport(report)
  if (!counts) return { passed: 0, failed: 1, skipped: 0, output: `vitest wrote no report\n${output}` }
  // A file that could not be loaded has no failed test of its own, yet it failed.
  const brokenFiles = counts.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length
  let failed = counts.numFailedTests + brokenFiles
  // Errors outside of any test (an unhandled rejection) show in the exit status alone.
  if (status !== 0 && failed === 0) failed = 1
  return { passed: counts.numPassedTests, failed, skipped: counts.numPendingTests + (counts.numTodoTests ?? 0), output }
}

/** Runs a script of Node in the repository; resolves when it ended, with everything it printed. */
function runNode(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...TEST_ENV },
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

/** Each part once, though several files of tests missed it. */
function missingParts() {
  return new Set(existsSync(missingPartsFile) ? readFileSync(missingPartsFile, 'utf8').split('\n').filter(Boolean) : [])
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

function say(line) {
  process.stdout.write(`${line}\n`)
}
