import { describe, expect, it } from 'vitest'
import { Errands, type ErrandOrder } from '../../../src/main/engine/errands.ts'
import type { WorkerState } from '../../../src/main/engine/model.ts'

const ANNA = 1
const BELA = 2
const order: ErrandOrder = { command: { name: 'check-paths', parameters: {}, totalStepCount: 0 }, maxRunMs: 60_000 }

function open() {
  const nudged: number[] = []
  let last = 0
  const errands = new Errands(
    () => `errand-${++last}`,
    (worker) => nudged.push(worker),
  )
  const ask = (id: number) => {
    const worker = { id, name: `worker ${id}` }
    // As much of a worker as errands look at.
    return errands.ask(worker as WorkerState, order)
  }
  return { errands, ask, nudged }
}

describe('errands', () => {
  it('go to the worker that was asked, once it was woken, and its answer to who asked', async () => {
    const { errands, ask, nudged } = open()
    const answer = ask(ANNA)
    expect(nudged).toEqual([ANNA])
    expect(errands.newFor(BELA, [])).toEqual([])
    expect(errands.newFor(ANNA, [])).toEqual([{ ...order, id: 'errand-1' }])
    errands.answer(ANNA, 'errand-1', { result: 42 })
    expect(await answer).toBe(42)
    expect(errands.newFor(ANNA, [])).toEqual([])
  })

  it('are told again to a worker that does not know of them: the reply with them was lost', async () => {
    const { errands, ask } = open()
    const answers = [ask(ANNA), ask(ANNA)]
    expect(errands.newFor(ANNA, [])).toHaveLength(2)
    expect(errands.newFor(ANNA, ['errand-1']).map(({ id }) => id)).toEqual(['errand-2'])
    expect(errands.newFor(ANNA, ['errand-1', 'ERRAND-2'])).toEqual([])
    errands.stop()
    await expect(Promise.all(answers)).rejects.toThrow('the farm is stopping')
  })

  it('are answered by the worker that was asked only, and once', async () => {
    const { errands, ask } = open()
    const answer = ask(ANNA)
    expect(() => errands.answer(BELA, 'errand-1', { result: 1 })).toThrow('errand "errand-1" not found')
    expect(() => errands.need(BELA, 'errand-1')).toThrow('not found')
    expect(errands.need(ANNA, 'errand-1')).toMatchObject(order)
    errands.answer(ANNA, 'errand-1', { problem: 'no such folder' })
    await expect(answer).rejects.toThrow('no such folder')
    expect(() => errands.answer(ANNA, 'errand-1', { result: 1 })).toThrow('not found')
  })
})
