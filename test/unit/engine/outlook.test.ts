import { describe, expect, it } from 'vitest'
import { outlookOf, type Candidate } from '../../../src/main/engine/rules/outlook.ts'
import { presenceOf } from '../../../src/main/engine/rules/workers/presence.ts'
import { retryOrderKey, priorityOfOrderKey, taskOrderKey } from '../../../src/main/engine/rules/orderKey.ts'
import { errorLine } from '../../../src/main/engine/rules/errorLine.ts'

const worker = (name: string, presence: Candidate['presence'], excluded?: Candidate['excluded']): Candidate => ({
  name,
  presence,
  excluded,
})

describe('what tasks can expect', () => {
  it.each<[string, Candidate[], string[], string]>([
    ['are open while a worker that is awake may have them', [worker('ada', 'awake'), worker('bob', 'gone', 'blocked')], [], 'open'],
    ['wait for a worker of the kind', [], [], 'waiting no-worker'],
    ['wait for approval', [], ['eve'], 'waiting not-approved'],
    ['wait for who is asleep', [worker('ada', 'asleep'), worker('bob', 'awake', 'failed')], [], 'waiting asleep'],
    ['wait for who has just left', [worker('ada', 'away'), worker('bob', 'awake', 'failed')], [], 'waiting offline'],
    ['wait while all workers are switched off and none failed them', [worker('ada', 'gone'), worker('bob', 'gone')], [], 'waiting offline'],
    ['are stalled when all failed them', [worker('ada', 'awake', 'failed'), worker('bob', 'asleep', 'failed')], [], 'stalled nobody-left'],
    [
      'are stalled when one is blocked and the other gone',
      [worker('ada', 'awake', 'blocked'), worker('bob', 'gone')],
      [],
      'stalled nobody-left',
    ],
    ['wait for storage that no worker sees', [worker('ada', 'awake', 'storage'), worker('bob', 'gone')], [], 'waiting storage'],
    [
      'wait for storage although the one that sees it failed them',
      [worker('ada', 'awake', 'storage'), worker('bob', 'awake', 'failed')],
      [],
      'waiting storage',
    ],
    ['wait for who is asleep and sees the storage', [worker('ada', 'awake', 'storage'), worker('bob', 'asleep')], [], 'waiting asleep'],
    [
      'are stalled when who does not see the storage is gone, too',
      [worker('ada', 'gone', 'storage'), worker('bob', 'awake', 'failed')],
      [],
      'stalled nobody-left',
    ],
    ['are stalled when the only one is kept from them', [worker('ada', 'awake', 'kept-off')], [], 'stalled nobody-left'],
  ])('%s', (_, candidates, pending, expected) => {
    const outlook = outlookOf('misc', false, candidates, pending)
    expect(outlook.state === 'open' ? 'open' : `${outlook.state} ${outlook.rule}`).toBe(expected)
  })

  it('is stalled at once when the tries are used up and who could help has just left', () => {
    const candidates = [worker('ada', 'awake', 'failed'), worker('bob', 'away')]
    expect(outlookOf('misc', false, candidates, [], true)).toMatchObject({ state: 'stalled', message: 'ada failed it, bob is offline' })
  })

  it('names a few workers and counts the others', () => {
    const many = ['a', 'b', 'c', 'd', 'e'].map((name) => worker(name, 'asleep'))
    expect(outlookOf('misc', false, many, [])).toMatchObject({ message: 'a, b and 3 others are asleep' })
    expect(outlookOf('misc', true, [], [])).toMatchObject({ message: 'no worker can run tasks of kind "misc" with the job\'s tag' })
  })
})

describe('a worker counts', () => {
  it.each([
    ['awake', 0, 'awake'],
    ['starting', 0, 'awake'],
    ['asleep', 99, 'asleep'],
    ['offline', 14, 'away'],
    ['error', 14, 'away'],
    ['offline', 15, 'gone'],
    ['error', 99, 'gone'],
  ] as const)('%s since %i minutes: %s', (status, minutes, expected) => {
    expect(presenceOf({ status, lastSeenAt: 1_000, createdAt: 0 }, 900_000, 1_000 + minutes * 60_000)).toBe(expected)
  })

  it('from when it was made when it never called', () => {
    expect(presenceOf({ status: 'offline', lastSeenAt: null, createdAt: 0 }, 900_000, 900_000)).toBe('gone')
  })
})

describe('a failed task', () => {
  it('stands behind the untried ones of its priority, and before those of lower priority', () => {
    const keys = [
      taskOrderKey(50, 1),
      taskOrderKey(50, 1_000_000),
      retryOrderKey(50, 2, 1),
      retryOrderKey(50, 1, 2),
      retryOrderKey(50, 1, 99),
      taskOrderKey(49, 1),
    ]
    expect(keys.toSorted((a, b) => a - b)).toEqual(keys)
    expect(keys.map(priorityOfOrderKey)).toEqual([50, 50, 50, 50, 50, 49])
  })
})

describe('the telling line of a log', () => {
  it.each([
    ['the last one that names an error', 'a\nError: no scene\nwriting report\nBlender quit\n', 'Error: no scene'],
    ['else the last one that says anything', 'starting\nrendered 1 of 2\n\nBlender quit\n', 'rendered 1 of 2'],
    ['without colours', '\u001b[31mfatal: broken\u001b[0m\r\n', 'fatal: broken'],
    ['none in an empty log', '\n\n', undefined],
  ])('is %s', (_, log, expected) => {
    expect(errorLine(log)).toBe(expected)
  })

  it('is cut where it is long', () => {
    expect(errorLine(`error ${'x'.repeat(999)}`)).toHaveLength(300)
  })
})
