import { expect, it } from 'vitest'
import type { FarmStatus, JobStatus, WorkerStatus } from '../../../src/shared/enums.ts'
import { farmStatusOf } from '../../../src/main/engine/rules/farmStatus.ts'

it.each<[FarmStatus, WorkerStatus[], JobStatus[]]>([
  ['inoperative', [], []],
  ['inoperative', [], ['active']],
  ['inoperative', ['offline', 'error'], ['queued']],
  ['active', ['awake'], ['active']],
  ['active', ['asleep', 'awake'], ['completed', 'queued', 'active']],
  ['waiting', ['asleep'], ['active']],
  ['waiting', ['awake'], ['queued']],
  ['waiting', ['starting'], ['queued']],
  ['asleep', ['asleep', 'offline'], ['completed']],
  ['asleep', ['asleep'], []],
  ['idle', ['awake', 'asleep'], ['completed', 'paused', 'failed']],
  ['idle', ['starting'], []],
])('%s with workers %j and jobs %j', (expected, workers, jobs) => {
  expect(farmStatusOf(workers, jobs)).toBe(expected)
})
