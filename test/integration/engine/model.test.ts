/**
 * Random sequences of submissions, failures, pauses, cancels, requeues, growth, workers' comings and goings and restarts against the real
 * engine and store. Afterwards every job is ended, paused by a person, or waits for something that explain names. `npm run model` plays 10,000.
 */
import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { FarmModel, steps } from '../../support/farmModel.ts'
import { TestFarm } from '../../support/testFarm.ts'

const RUNS = Number(process.env['FRAMEHOUSE_MODEL_RUNS'] ?? 200)
/** A farm sees so many sequences: opening one takes longer than playing one. */
const SEQUENCES_A_FARM = 25

let test: TestFarm | undefined
let played = 0

afterAll(() => test?.close())

it(
  `every job ends, is paused by a person, or waits for something that explain names (${RUNS} sequences)`,
  async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        if (played++ % SEQUENCES_A_FARM === 0) {
          await test?.close()
          test = undefined
        }
        test ??= await TestFarm.open()
        const farm = test
        // Whatever goes wrong, the next sequence begins on a farm of its own.
        test = undefined
        const model = new FarmModel(farm)
        await model.play(sequence)
        expect(await model.wrong()).toEqual([])
        await model.clear()
        test = farm
      }),
      { numRuns: RUNS, ...(process.env['FRAMEHOUSE_MODEL_SEED'] && { seed: Number(process.env['FRAMEHOUSE_MODEL_SEED']) }) },
    )
  },
  RUNS * 3_000,
)
