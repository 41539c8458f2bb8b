import { describe, expect, it } from 'vitest'
import { ManagerConnection, type ManagerConnectionOptions } from '../../../src/main/worker/adapters/native/managerConnection.ts'

/** A connection whose `take` waits at the manager until it is aborted. */
function connection() {
  const takes: AbortSignal[] = []
  const waitsFor = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true }))
  // The parts that an idle connection touches.
  const options = {
    api: {
      take: (_request: unknown, signal: AbortSignal) => {
        takes.push(signal)
        return waitsFor(signal)
      },
    },
    reportLog: {
      waitForEntries: (signal: AbortSignal) =>
        new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
    },
    held: { free: 1, fences: () => [], next: { returned: () => [], fence: undefined, forget: () => undefined } },
    control: { accepting: true, status: 'awake' },
    requests: { ids: () => [] },
    workerName: 'rack-07',
    sessions: undefined,
    load: () => undefined,
  }
  // A partial stand-in: the loops under test use nothing else.
  return { connection: new ManagerConnection(options as unknown as ManagerConnectionOptions), takes }
}

describe('a connection to the manager', () => {
  it('makes no call when the agent ended during the sign-on', async () => {
    const { connection: opened, takes } = connection()
    expect(await opened.run(60, AbortSignal.abort())).toBeUndefined()
    expect(takes).toEqual([])
  })

  it('ends its open calls when the agent ends', async () => {
    const { connection: opened, takes } = connection()
    const ending = new AbortController()
    const ended = opened.run(60, ending.signal)
    await expect.poll(() => takes.length).toBe(1)
    ending.abort()
    expect(await ended).toBeUndefined()
    expect(takes[0]?.aborted).toBe(true)
  })
})
