/**
 * `npm run reliability [-- TIMES]`: runs the tests of faults so often, against the built program, and writes into docs/reliability.md
 * what was tried, how often, and with which result. Exit status 1 when one of them did not hold.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, release, tmpdir, type } from 'node:os'
import { join } from 'node:path'
import { tableOf, withTable, type TestRun } from './table.ts'

const PAGE = join(import.meta.dirname, '../../docs/reliability.md')
/** Everything that breaks something beside the farm. */
const TESTS = ['test/integration/faults', 'test/integration/engine/clock.test.ts', 'test/integration/durability.test.ts']

/** Milliseconds for one test: on a machine that has other work, too, slow is not broken. */
const PATIENCE = '--testTimeout=900000'

interface Report {
  testResults: {
    assertionResults: { fullName: string; title: string; ancestorTitles: string[]; status: string; duration?: number | null }[]
  }[]
}

const times = Number(process.argv[2] ?? 5)
const folder = mkdtempSync(join(tmpdir(), 'framehouse-reliability-'))
const runs: TestRun[] = []
// The system's own version says nothing of how it was built.
const machine = `${availableParallelism()} cores, ${type()} ${/^\d+\.\d+/.exec(release())?.[0] ?? release()}, Node ${process.version}`
try {
  for (let round = 1; round <= times; round++) {
    const file = join(folder, `${round}.json`)
    const vitest = ['vitest', 'run', '--project', 'integration', ...TESTS, PATIENCE, '--reporter=json', `--outputFile=${file}`]
    spawnSync('npx', vitest, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, FRAMEHOUSE_BUILT: '1' } })
    // vitest's own format.
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report
    for (const { ancestorTitles, title, status, duration } of report.testResults.flatMap((each) => each.assertionResults)) {
      if (status === 'passed' || status === 'failed')
        runs.push({ what: [...ancestorTitles, title].join(' '), held: status === 'passed', seconds: (duration ?? 0) / 1000 })
    }
    // After each round: a long one that is broken off has told what it saw.
    writeFileSync(PAGE, withTable(readFileSync(PAGE, 'utf8'), tableOf(runs, machine)))
    process.stdout.write(`round ${round} of ${times}: ${runs.filter(({ held }) => !held).length} did not hold so far\n`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exit(runs.length > 0 && runs.every(({ held }) => held) ? 0 : 1)
