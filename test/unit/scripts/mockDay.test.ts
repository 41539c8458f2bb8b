import { expect, it } from 'vitest'
import { idOf } from '../../../scripts/mock/dice.ts'
import { Timeline } from '../../../scripts/mock/timeline.ts'

it('a timeline does what is due in order of time, and what comes up meanwhile', async () => {
  const time = new Timeline(1_000)
  const seen: [string, number][] = []
  const note = (what: string) => async () => void seen.push([what, time.now()])
  time.at(3_000, note('late'))
  time.at(2_000, async () => {
    await note('early')()
    time.after(500, note('between'))
  })
  time.at(2_000, note('early, made second'))
  time.at(9_000, note('never'))
  await time.runUntil(5_000, async () => undefined)
  expect(seen).toEqual([
    ['early', 2_000],
    ['early, made second', 2_000],
    ['between', 2_500],
    ['late', 3_000],
  ])
  expect(time.now()).toBe(5_000)
})

it('ids of a made-up farm are UUIDs, each another, and the same every time', () => {
  const ids = Array.from({ length: 1_000 }, (_, n) => idOf(String(n)))
  expect(new Set(ids).size).toBe(1_000)
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(idOf('1')).toBe(ids[1])
})
