import { describe, expect, it } from 'vitest'
import { stuckJobs } from '../../../src/main/dialects/native/farm/overview.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const ago = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString()
type Job = Parameters<typeof stuckJobs>[0][number]
/** As much of a job as the rule looks at. */
const job = (changes: Partial<Job> = {}): Job =>
  ({ id: 'j', name: 'shot', counts: { active: 0 }, activeWorkers: [], startAfter: null, updatedAt: ago(10), ...changes }) as Job
const worker = (changes: object = {}) => ({ publicId: 'w', status: 'awake' as const, approvedAt: 1, statusRequested: null, ...changes })

describe('a job is stuck', () => {
  it.each<[string, Job[], ReturnType<typeof worker>[], number]>([
    ['when nothing of it runs, nothing happens to it, and a worker is free', [job()], [worker()], 1],
    ['not when something changed a moment ago', [job({ updatedAt: ago(1) })], [worker()], 0],
    ['not before the time from which it may start', [job({ startAfter: ago(-60) })], [worker()], 0],
    ['when that time has passed', [job({ startAfter: ago(60) })], [worker()], 1],
    ['not when no worker is awake', [job()], [worker({ status: 'asleep' })], 0],
    ['not when the only worker waits for approval', [job()], [worker({ approvedAt: null })], 0],
    ['not when the only worker is about to sleep', [job()], [worker({ statusRequested: 'asleep' })], 0],
    [
      'not when all workers render something else',
      [job(), job({ id: 'other', counts: { active: 1 } as Job['counts'], activeWorkers: [{ id: 'w', name: 'w' }] })],
      [worker()],
      0,
    ],
  ])('%s', (_, jobs, workers, expected) => {
    expect(stuckJobs(jobs, workers, NOW)).toHaveLength(expected)
  })
})
