/** Which task a busy worker may hold as its next one, and when it is asked for it again. */
import { describe, expect, it } from 'vitest'
import { mayBeHeld, recallIsOverdue, toRecall } from '../../../src/main/engine/rules/reservationRules.ts'

describe('a task may be held', () => {
  it.each([
    ['by a worker whose slots are all taken', { busy: true, counted: false, wanted: false }, true],
    ['not by one that could begin it', { busy: false, counted: false, wanted: false }, false],
    ['not when a unit of something is counted as it begins', { busy: true, counted: true, wanted: false }, false],
    ['not when another worker waits for it', { busy: true, counted: false, wanted: true }, false],
  ])('%s', (_, facts, expected) => {
    expect(mayBeHeld(facts)).toBe(expected)
  })
})

describe('a held task is asked back', () => {
  const held = (name: string, facts: object = {}) => ({ name, recalled: false, wanted: false, outranked: false, jobHeld: false, ...facts })
  it.each([
    ['never without a reason', [held('a'), held('b')], 1, []],
    ['when something of higher rank waits', [held('a', { outranked: true }), held('b')], 0, ['a']],
    ['when its job may no longer hand out tasks', [held('a'), held('b', { jobHeld: true })], 0, ['b']],
    ['one for each free slot, the best first', [held('a', { wanted: true }), held('b', { wanted: true })], 1, ['a']],
    ['each when there are slots for all', [held('a', { wanted: true }), held('b', { wanted: true })], 3, ['a', 'b']],
    ['only once', [held('a', { recalled: true, outranked: true })], 1, []],
    [
      'not beside one that is on its way for the same slot',
      [held('a', { recalled: true, wanted: true }), held('b', { wanted: true })],
      1,
      [],
    ],
  ])('%s', (_, all, freeSlots, expected) => {
    expect(toRecall(all, freeSlots).map(({ name }) => name)).toEqual(expected)
  })

  it.each([
    ['not asked', null, 99_000, false],
    ['asked a moment ago', 95_000, 99_000, false],
    ['asked long ago', 94_000, 99_000, true],
  ])('and taken from who does not answer: %s', (_, recalledAt, now, expected) => {
    expect(recallIsOverdue(recalledAt, now)).toBe(expected)
  })
})
