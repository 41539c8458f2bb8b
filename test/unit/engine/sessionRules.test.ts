/** Who chooses first among workers that wait, when some of them have an application open; and when it is no longer needed. */
import { describe, expect, it } from 'vitest'
import { betterPlaced, choosingOrder, nothingLeft } from '../../../src/main/engine/rules/warmAppRules.ts'

const worker = (name: string, ...jobs: number[]) => ({ name, warmFor: new Set(jobs) })
const names = (workers: { name: string }[]) => workers.map(({ name }) => name)

describe('the order in which waiting workers choose', () => {
  it.each([
    ['nothing open: the longest waiting first', [worker('a'), worker('b')], ['a', 'b']],
    ['who has nothing open comes first', [worker('a', 1), worker('b'), worker('c', 2), worker('d')], ['b', 'd', 'a', 'c']],
    ['everyone has something open', [worker('a', 1), worker('b', 2)], ['a', 'b']],
  ])('%s', (_, waiting, order) => {
    expect(names(choosingOrder(waiting))).toEqual(order)
  })

  it.each([
    ['who has the scene open goes before who has not', 1, worker('a'), [worker('b', 2), worker('c', 1)], 'c'],
    ['no worker has it open', 3, worker('a'), [worker('b', 2), worker('c', 1)], undefined],
    ['it has the scene open itself', 1, worker('a', 1), [worker('c', 1)], undefined],
  ])('%s', (_, job, chooser, others, better) => {
    expect(betterPlaced(job, chooser, others)?.name).toBe(better)
  })
})

describe('a job has nothing left for an open application', () => {
  it.each([
    [{ runnable: true, hasReady: true, active: 0 }, false],
    [{ runnable: true, hasReady: false, active: 1 }, false],
    [{ runnable: true, hasReady: false, active: 0 }, true],
    [{ runnable: false, hasReady: true, active: 0 }, true],
  ])('%j: %s', (facts, over) => {
    expect(nothingLeft(facts)).toBe(over)
  })
})
