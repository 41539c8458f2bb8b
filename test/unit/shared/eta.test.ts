import { expect, it } from 'vitest'
import { estimateSeconds, type EtaFacts } from '../../../src/shared/eta.ts'

const base: EtaFacts = {
  status: 'active',
  waiting: 0,
  running: 0,
  stepsCompleted: 0,
  stepsTotal: 0,
  averageRunMs: null,
  startedAt: null,
  now: 100_000,
}

it.each<[string, Partial<EtaFacts>, number | null]>([
  ['nothing runs', { waiting: 5 }, null],
  ['a job that is paused', { status: 'paused', running: 1, averageRunMs: 1_000 }, null],
  ['nothing has finished yet, and no step', { running: 2, waiting: 5, stepsTotal: 10, startedAt: 0 }, null],
  ['one that runs is half done', { running: 1, averageRunMs: 60_000 }, 30],
  ['ten waiting, one at a time', { waiting: 10, running: 1, averageRunMs: 10_000 }, 105],
  ['ten waiting, five at a time', { waiting: 10, running: 5, averageRunMs: 10_000 }, 25],
  ['tiny tasks take at least a second', { running: 1, averageRunMs: 3 }, 1],
  ['a single long task by its steps', { running: 1, stepsCompleted: 25, stepsTotal: 100, startedAt: 0 }, 300],
  ['all steps done', { running: 1, stepsCompleted: 100, stepsTotal: 100, startedAt: 0 }, null],
  ['finished attempts count more than steps', { running: 1, averageRunMs: 2_000, stepsCompleted: 1, stepsTotal: 100, startedAt: 0 }, 1],
])('%s', (_what, facts, expected) => {
  expect(estimateSeconds({ ...base, ...facts })).toBe(expected)
})
