import { describe, expect, it } from 'vitest'
import type { JobHold, WorkerExclusion } from '../../../src/main/engine/eligibility.ts'
import { reasonWords } from '../../../src/renderer/i18n/reasons.ts'

/** A new rule does not compile here until it is named. */
const EXCLUSIONS: Record<WorkerExclusion, true> = {
  kind: true,
  tag: true,
  blocked: true,
  'failed-before': true,
  'kept-off': true,
  avoid: true,
  'max-workers': true,
  'machine-limit': true,
  'not-approved': true,
  'not-awake': true,
  'status-requested': true,
  'no-free-slot': true,
}
const HOLDS: Record<JobHold['rule'], string> = {
  status: 'job-status',
  deleted: 'job-deleted',
  'start-after': 'start-after',
  'job-dependency': 'job-dependency',
  limit: 'limit',
  lane: 'lane',
  'lane-order': 'lane-order',
  busy: 'busy',
}
const reason = (rule: string, workersExcluded = 2) => ({ rule, workersExcluded, message: 'said by the manager', advice: 'advised by it' })

describe('the reasons of waiting', () => {
  it.each([...Object.keys(EXCLUSIONS), ...Object.values(HOLDS), 'task-status', 'dependency', 'retry-delay', 'held'])(
    '%s has German words',
    (rule) => {
      const words = reasonWords(reason(rule), 'de')
      expect(words.message).not.toBe('said by the manager')
      expect(words.advice).not.toBe('advised by it')
    },
  )
  it('count the workers', () => {
    expect(reasonWords(reason('not-awake', 1), 'de').message).toBe('1 Rechner ist nicht wach')
    expect(reasonWords(reason('not-awake', 3), 'de').message).toBe('3 Rechner sind nicht wach')
  })
  it.each([
    ['not-awake', 'en'],
    ['of-a-newer-manager', 'de'],
  ])('are the manager’s own words for %s in %s', (rule, locale) => {
    expect(reasonWords(reason(rule), locale)).toEqual({ message: 'said by the manager', advice: 'advised by it' })
  })
})
