// `npm test [-- STEP …]`: sets up a clean clone and runs every check. One line a step; the output of a step only when it
// fails. The last line sums up: "N passed, N failed, N skipped" (each check that is no suite of tests counts as one).
// `npm test -- --changed [COMMIT]`: what the change touches, in less than two minutes (lib/testChanged.mjs).
import { check, missingParts, vitest } from './lib/checks.mjs'
import { SetupError, setUp } from './lib/setup.mjs'
import { testChanged } from './lib/testChanged.mjs'

const DEPCRUISE = 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'
/** One processor does for each of them, so two run at once. */
const CHECKS = [
  { name: 'types', run: () => check('scripts/typecheck.mjs') },
  { name: 'lint', run: () => check('node_modules/eslint/bin/eslint.js', '.') },
  { name: 'banned words', run: () => check('scripts/banned-words.mjs') },
  { name: 'format', run: () => check('node_modules/prettier/bin/prettier.cjs', '--log-level', 'warn', '--check', '.') },
  { name: 'unused', run: () => check('node_modules/knip/bin/knip.js', '--no-progress') },
  { name: 'layers', run: () => check(DEPCRUISE, 'src', '--config', '.dependency-cruiser.cjs', '--output-type', 'err') },
  { name: 'sizes', run: () => check('scripts/sizes.mjs') },
  { name: 'notices', run: () => check('scripts/notices.mjs', '--check') },
]
const CHECKS_AT_ONCE = 2
const SUITES = [
  { name: 'unit', run: () => vitest('unit') },
  { name: 'integration', run: () => vitest('integration') },
  { name: 'conformance', run: () => vitest('conformance') },
  { name: 'browser', run: () => vitest('e2e') },
  { name: 'electron', run: () => vitest('electron') },
]

const total = { passed: 0, failed: 0, skipped: 0 }
process.exitCode = await main(process.argv.slice(2))

async function main(wanted) {
  if (wanted[0] === '--changed') return testChanged({ commit: wanted[1], runStep, sumUp, say })
  const all = [...CHECKS, ...SUITES].map(({ name }) => name)
  const unknown = wanted.filter((name) => !all.includes(name))
  if (unknown.length) {
    say(`There is no step ${unknown.join(', ')}; the steps are ${all.join(', ')}.`)
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
  const isWanted = ({ name }) => wanted.length === 0 || wanted.includes(name)
  const checks = CHECKS.filter(isWanted)
  await Promise.all(
    Array.from({ length: CHECKS_AT_ONCE }, async () => {
      for (let step = checks.shift(); step; step = checks.shift()) await runStep(step)
    }),
  )
  for (const step of SUITES.filter(isWanted)) await runStep(step)
  return sumUp()
}

async function runStep({ name, run }, note = '') {
  const startedAt = Date.now()
  const result = await run()
  total.passed += result.passed
  total.failed += result.failed
  total.skipped += result.skipped
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
  const skipped = result.skipped ? `, ${result.skipped} skipped` : ''
  if (result.failed) say(`\n${result.output.trim()}\n`)
  const verdict = result.failed ? 'FAIL' : 'ok  '
  say(`${verdict} ${name.padEnd(12)} ${result.passed} passed, ${result.failed} failed${skipped} (${seconds} s)${note}`)
}

/** @returns the exit code */
function sumUp() {
  for (const part of missingParts()) say(`*** MISSING PART: ${part} was not found on this machine; its tests were SKIPPED ***`)
  say(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  return total.failed ? 1 : 0
}

function say(line) {
  process.stdout.write(`${line}\n`)
}
