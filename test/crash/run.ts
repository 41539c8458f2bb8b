/** `npm run crash [-- ROUNDS [SEED]]`: the long form. Prints what was survived; exit status 1 and the problems when not. */
import { crashRounds, seeded } from './rounds.ts'
import { workerCrashRounds } from './workerRounds.ts'

const rounds = Number(process.argv[2] ?? 200)
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000)
console.log(`crash test: ${rounds} rounds, seed ${seed}`)
const began = performance.now()
const result = await crashRounds({
  rounds,
  workers: 20,
  tasksPerJob: 60,
  longestLife: 600,
  workerMortality: 0.02,
  checkEvery: 20,
  seed,
  say: (line) => console.log(line),
})
const seconds = ((performance.now() - began) / 1000).toFixed(0)
console.log(
  `${result.kills} kills, ${result.workerDeaths} deaths of workers, ${result.jobs} jobs, ${result.tasksCompleted} tasks, ${result.logsAcknowledged} logs, ${seconds} s`,
)
const real = await workerCrashRounds({ rounds: Math.ceil(rounds / 5), random: seeded(seed), say: (line) => console.log(line) })
console.log(`${real.kills} kills of real workers, ${real.tasks} tasks, ${real.cutOff} runs cut off`)
const problems = [...result.problems, ...real.problems]
for (const problem of problems) console.error(`PROBLEM ${problem}`)
console.log(problems.length === 0 ? 'Nothing lost, nothing done twice, nothing left behind.' : `${problems.length} invariants broken`)
process.exit(problems.length === 0 ? 0 : 1)
