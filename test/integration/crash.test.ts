import { expect, it } from 'vitest'
import { crashRounds, seeded } from '../crash/rounds.ts'
import { workerCrashRounds } from '../crash/workerRounds.ts'

it('loses nothing and does nothing twice when the manager and workers are killed again and again', { timeout: 240_000 }, async () => {
  const result = await crashRounds({
    rounds: 6,
    workers: 20,
    tasksPerJob: 40,
    longestLife: 400,
    workerMortality: 0.03,
    checkEvery: 2,
    seed: 7,
    say: () => undefined,
  })
  expect(result.problems).toEqual([])
  expect(result.kills).toBe(6)
  expect(result.workerDeaths).toBeGreaterThan(0)
  expect(result.tasksCompleted).toBe(result.jobs * 40)
})

it(
  'a worker that is killed leaves no process behind for longer than its next start, and no task is done twice',
  { timeout: 300_000 },
  async () => {
    const said: string[] = []
    const result = await workerCrashRounds({ rounds: 4, random: seeded(11), say: (line) => said.push(line) })
    expect(result.problems, said.join('\n')).toEqual([])
    expect(result).toMatchObject({ kills: 4, tasks: 16 })
  },
)
