import { describe, expect, it, vi } from 'vitest'
import { Sequencer, Signal, backoffDelay, deferred, pause, settlesWithin } from '../../../src/shared/async.ts'

describe('a sequencer', () => {
  it('runs the operations of one key one after the other, in the order of the calls', async () => {
    const turns = new Sequencer()
    const first = deferred<void>()
    const ran: string[] = []
    const done = [
      turns.run('a', async () => {
        await first.promise
        ran.push('first')
      }),
      turns.run('a', () => ran.push('second')),
    ]
    await turns.run('b', () => ran.push('other key'))
    expect(ran).toEqual(['other key'])
    first.resolve()
    await Promise.all(done)
    expect(ran).toEqual(['other key', 'first', 'second'])
  })

  it.each([
    ['rejects', () => Promise.reject(new Error('no'))],
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
  ])('goes on after an operation that %s', async (_, work) => {
    const turns = new Sequencer()
    const failed = turns.run('a', work)
    const next = turns.run('a', () => 'next')
    await expect(failed).rejects.toThrow('no')
    expect(await next).toBe('next')
  })

  it('counts what runs and waits, and forgets a key that is done', async () => {
    const turns = new Sequencer()
    const first = deferred<void>()
    const both = [turns.run('a', () => first.promise), turns.run('a', () => undefined)]
    expect([turns.count('a'), turns.count('b')]).toEqual([2, 0])
    first.resolve()
    await Promise.all(both)
    expect(turns.count('a')).toBe(0)
  })

  it('is settled when everything that was asked for has ended, also with errors', async () => {
    const turns = new Sequencer()
    const first = deferred<void>()
    let settled = false
    void turns.run('a', () => first.promise).catch(() => undefined)
    const whole = turns.settled().then(() => (settled = true))
    await Promise.resolve()
    expect(settled).toBe(false)
    first.reject(new Error('no'))
    await whole
    expect(settled).toBe(true)
  })
})

describe('a signal', () => {
  it('calls its listeners with the arguments until they unsubscribe', () => {
    const signal = new Signal<[number]>()
    const listener = vi.fn()
    const stop = signal.on(listener)
    signal.emit(1)
    stop()
    signal.emit(2)
    expect(listener.mock.calls).toEqual([[1]])
  })
})

describe('the delay before another try', () => {
  const rule = { firstMs: 100, maxMs: 1_000, factor: 2, jitter: 0 }
  it.each([
    [1, 100],
    [2, 200],
    [4, 800],
    [5, 1_000],
    [10_000, 1_000],
  ])('after failure %i is %i ms', (failures, ms) => {
    expect(backoffDelay(failures, rule, 0.5)).toBe(ms)
  })

  it.each([
    [0, 90],
    [0.5, 100],
    [0.999_999, 110],
  ])('varies by its jitter: random %f gives %i ms', (random, ms) => {
    expect(backoffDelay(1, { ...rule, jitter: 0.1 }, random)).toBe(ms)
  })
})

describe('waiting', () => {
  it('ends at once when its signal aborts', async () => {
    const stop = new AbortController()
    const waiting = pause(60_000, stop.signal)
    stop.abort()
    await waiting
    await pause(60_000, stop.signal)
  })

  it.each([
    ['resolves', () => Promise.resolve(1), true],
    ['rejects', () => Promise.reject(new Error('no')), true],
    ['does neither', () => new Promise(() => undefined), false],
  ])('for a promise that %s', async (_, promise, inTime) => {
    expect(await settlesWithin(promise(), 5)).toBe(inTime)
  })
})
