import { expect, it } from 'vitest'
import { crashRounds } from '../crash/rounds.ts'

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
