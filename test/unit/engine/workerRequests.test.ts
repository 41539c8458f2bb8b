import { describe, expect, it } from 'vitest'
import { WorkerRequests, type WorkerRequestOrder } from '../../../src/main/engine/workers/workerRequests.ts'
import type { WorkerState } from '../../../src/main/engine/base/model.ts'

const ANNA = 1
const BELA = 2
const order: WorkerRequestOrder = { command: { name: 'check-paths', parameters: {}, totalStepCount: 0 }, maxRunMs: 60_000 }

function open() {
  const nudged: number[] = []
  let last = 0
  const requests = new WorkerRequests(
    () => `request-${++last}`,
    (worker) => nudged.push(worker),
  )
  const ask = (id: number) => {
    const worker = { id, name: `worker ${id}` }
    // As much of a worker as requests look at.
    return requests.ask(worker as WorkerState, order)
  }
  return { requests, ask, nudged }
}

describe('requests', () => {
  it('go to the worker that was asked, once it was woken, and its answer to who asked', async () => {
    const { requests, ask, nudged } = open()
    const answer = ask(ANNA)
    expect(nudged).toEqual([ANNA])
    expect(requests.newFor(BELA, [])).toEqual([])
    expect(requests.newFor(ANNA, [])).toEqual([{ ...order, id: 'request-1' }])
    requests.answer(ANNA, 'request-1', { result: 42 })
    expect(await answer).toBe(42)
    expect(requests.newFor(ANNA, [])).toEqual([])
  })

  it('are sent again to a worker that does not know of them: the reply with them was lost', async () => {
    const { requests, ask } = open()
    const answers = [ask(ANNA), ask(ANNA)]
    expect(requests.newFor(ANNA, [])).toHaveLength(2)
    expect(requests.newFor(ANNA, ['request-1']).map(({ id }) => id)).toEqual(['request-2'])
    expect(requests.newFor(ANNA, ['request-1', 'REQUEST-2'])).toEqual([])
    requests.stop()
    await expect(Promise.all(answers)).rejects.toThrow('the farm is stopping')
  })

  it('are answered by the worker that was asked only, and once', async () => {
    const { requests, ask } = open()
    const answer = ask(ANNA)
    expect(() => requests.answer(BELA, 'request-1', { result: 1 })).toThrow('request "request-1" not found')
    expect(() => requests.need(BELA, 'request-1')).toThrow('not found')
    expect(requests.need(ANNA, 'request-1')).toMatchObject(order)
    requests.answer(ANNA, 'request-1', { problem: 'no such folder' })
    await expect(answer).rejects.toThrow('no such folder')
    expect(() => requests.answer(ANNA, 'request-1', { result: 1 })).toThrow('not found')
  })
})
