import { describe, expect, it } from 'vitest'
import { joinLogs } from '../../../src/main/worker/adapters/flamenco/upstreamBuffer.ts'

const entry = (seq: number, taskId: string, update: object) => ({ seq, json: JSON.stringify({ seq, taskId, update }) })

describe('log updates that wait', () => {
  it.each<[string, { seq: number; json: string }[], ReturnType<typeof joinLogs>]>([
    [
      'are joined while they are nothing but log of one task',
      [entry(1, 'a', { log: '1\n' }), entry(2, 'a', { log: '2\n' }), entry(3, 'a', { log: '3\n' })],
      { taskId: 'a', update: { log: '1\n2\n3\n' }, lastSeq: 3 },
    ],
    [
      'stay before a change of status',
      [entry(1, 'a', { log: '1\n' }), entry(2, 'a', { taskStatus: 'completed' })],
      { taskId: 'a', update: { log: '1\n' }, lastSeq: 1 },
    ],
    [
      'do not swallow a step or a failure that comes first',
      [entry(1, 'a', { activity: 'Progress', steps_completed: 1 }), entry(2, 'a', { log: '2\n' })],
      { taskId: 'a', update: { activity: 'Progress', steps_completed: 1 }, lastSeq: 1 },
    ],
    [
      'of two tasks stay apart',
      [entry(1, 'a', { log: '1\n' }), entry(2, 'b', { log: '2\n' })],
      { taskId: 'a', update: { log: '1\n' }, lastSeq: 1 },
    ],
    [
      'that cannot be read are passed over alone',
      [{ seq: 1, json: '{"seq":1,"old":true}' }, entry(2, 'a', { log: '2\n' })],
      { taskId: '', update: undefined, lastSeq: 1 },
    ],
  ])('%s', (_case, entries, expected) => {
    expect(joinLogs(entries)).toEqual(expected)
  })
})
