import { describe, expect, it } from 'vitest'
import { FairQueue } from '../../../src/main/jobtypes/sandbox/fairQueue.ts'

const item = (text: string) => ({ caller: text.charAt(0), text })

function drain(queue: FairQueue<ReturnType<typeof item>>, except?: Set<string>): string[] {
  const order: string[] = []
  for (let next = queue.next(except); next !== undefined; next = queue.next(except)) order.push(next.text)
  return order
}

describe('requests for script threads', () => {
  it.each([
    [
      ['a1', 'a2', 'a3'],
      ['a1', 'a2', 'a3'],
    ],
    [
      ['a1', 'a2', 'a3', 'b1', 'c1'],
      ['a1', 'b1', 'c1', 'a2', 'a3'],
    ],
    [
      ['a1', 'b1', 'a2', 'b2', 'c1'],
      ['a1', 'b1', 'c1', 'a2', 'b2'],
    ],
    [[], []],
  ])('%j are served in turns by caller: %j', (sent, order) => {
    const queue = new FairQueue<ReturnType<typeof item>>()
    for (const text of sent) queue.add(item(text))
    expect(drain(queue)).toEqual(order)
    expect(queue.size).toBe(0)
  })

  it('of a caller who has a thread already wait while it is busy', () => {
    const queue = new FairQueue<ReturnType<typeof item>>()
    for (const text of ['a1', 'a2', 'b1']) queue.add(item(text))
    expect(drain(queue, new Set(['a']))).toEqual(['b1'])
    expect(queue.size).toBe(2)
  })

  it('are dropped when their caller is gone', () => {
    const queue = new FairQueue<ReturnType<typeof item>>()
    const [first, second] = [item('a1'), item('a2')]
    queue.add(first)
    queue.add(second)
    expect(queue.remove(first)).toBe(true)
    expect(queue.remove(first)).toBe(false)
    expect(drain(queue)).toEqual(['a2'])
  })
})
