import { describe, expect, it } from 'vitest'
import { backoffDelay, jittered, pause, settlesWithin } from '../../../src/shared/async.ts'

describe('backoff', () => {
  const rule = { firstMs: 100, maxMs: 10_000, factor: 2, jitter: 0 }
  it.each([
    [1, 100],
    [2, 200],
    [5, 1600],
    [8, 10_000],
    [100_000, 10_000],
  ])('after failure %i waits %i ms', (failures, expected) => {
    expect(backoffDelay(failures, rule, 0.5)).toBe(expected)
  })

  it.each([
    [0, 54_000],
    [0.5, 60_000],
    [0.999999, 66_000],
  ])('spreads 60 s by ten per cent both ways (random %f: %i ms)', (random, expected) => {
    expect(jittered(60_000, 0.1, random)).toBe(expected)
  })
})

describe('waiting', () => {
  it('a pause ends at once when its signal aborts, before or meanwhile', async () => {
    const controller = new AbortController()
    const waiting = pause(60_000, controller.signal)
    controller.abort()
    await waiting
    await pause(60_000, controller.signal)
  })

  it('a time limit tells whether the promise settled, however it did', async () => {
    expect(await settlesWithin(Promise.resolve(), 1000)).toBe(true)
    expect(await settlesWithin(Promise.reject(new Error('no')), 1000)).toBe(true)
    expect(await settlesWithin(new Promise(() => {}), 5)).toBe(false)
  })
})
