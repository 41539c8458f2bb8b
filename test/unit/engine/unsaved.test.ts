import { describe, expect, it } from 'vitest'
import { Unsaved } from '../../../src/main/engine/queue/unsaved.ts'
import { deferred } from '../../../src/shared/async.ts'

describe('objects that are not on disk yet', () => {
  it('are known until the commit', () => {
    const unsaved = new Unsaved<number, string>()
    const saved = unsaved.change(1, 'new')
    expect(unsaved.get(1)).toBe('new')
    saved()
    expect(unsaved.has(1)).toBe(false)
  })

  it('are known until the last of several commits', () => {
    const unsaved = new Unsaved<number, string>()
    const first = unsaved.change(1, 'a')
    const second = unsaved.change(1, 'b')
    first()
    expect(unsaved.get(1)).toBe('b')
    second()
    expect(unsaved.size).toBe(0)
  })

  it('win over a row that was read before the commit and arrives after it', async () => {
    const unsaved = new Unsaved<number, string>()
    const saved = unsaved.change(1, 'new')
    const read = deferred<string>()
    const seen = unsaved.during(async () => {
      const row = await read.promise
      return unsaved.get(1) ?? row
    })
    saved()
    read.resolve('old')
    expect(await seen).toBe('new')
    expect(unsaved.size).toBe(0)
  })

  it('stay while any load is under way', async () => {
    const unsaved = new Unsaved<number, string>()
    const [first, second] = [deferred<void>(), deferred<void>()]
    const loads = [unsaved.during(() => first.promise), unsaved.during(() => second.promise)]
    unsaved.change(1, 'x')()
    first.resolve()
    await loads[0]
    expect(unsaved.has(1)).toBe(true)
    second.resolve()
    await loads[1]
    expect(unsaved.has(1)).toBe(false)
  })

  it('are kept when they change again after the commit during a load', async () => {
    const unsaved = new Unsaved<number, string>()
    const load = deferred<void>()
    const loading = unsaved.during(() => load.promise)
    unsaved.change(1, 'a')()
    const saved = unsaved.change(1, 'a')
    load.resolve()
    await loading
    expect(unsaved.get(1)).toBe('a')
    saved()
    expect(unsaved.size).toBe(0)
  })

  it('are loaded once however many ask at the same time', async () => {
    const unsaved = new Unsaved<number, { text: string }>()
    let loads = 0
    const load = (): Promise<{ text: string }> => {
      loads++
      return Promise.resolve({ text: 'row' })
    }
    const [a, b] = await Promise.all([unsaved.find(1, load), unsaved.find(1, load)])
    expect(a).toBe(b)
    expect(loads).toBe(1)
    await unsaved.find(1, load)
    expect(loads).toBe(2)
  })

  it('are found without a load', async () => {
    const unsaved = new Unsaved<number, string>()
    unsaved.change(1, 'memory')
    expect(await unsaved.find(1, () => Promise.reject(new Error('not needed')))).toBe('memory')
  })

  it('a failed load leaves nothing behind', async () => {
    const unsaved = new Unsaved<number, string>()
    await expect(unsaved.find(1, () => Promise.reject(new Error('disk')))).rejects.toThrow('disk')
    unsaved.change(1, 'x')()
    expect(unsaved.size).toBe(0)
    expect(await unsaved.find(2, () => Promise.resolve('row'))).toBe('row')
  })

  it('a commit of before a clearing does not touch what came after it', () => {
    const unsaved = new Unsaved<number, string>()
    const old = unsaved.change(1, 'old')
    unsaved.clear()
    const fresh = unsaved.change(1, 'fresh')
    old()
    expect(unsaved.get(1)).toBe('fresh')
    fresh()
    expect(unsaved.size).toBe(0)
  })
})
