/** When an open application is closed, who makes room, and what hanging is. */
import { describe, expect, it } from 'vitest'
import { closeReason, laterPulse, makeRoom } from '../../../../src/main/worker/apps/warmAppPolicy.ts'

const MIB = 1024 * 1024
const limits = { idleMs: 1000, maxFrames: 10, maxMemoryBytes: 4000 * MIB, hangMs: 1000 }
const session = { frames: 1, memoryBytes: 500 * MIB, firstMemoryBytes: 500 * MIB, jobOver: false }

describe('an open application after a task', () => {
  it.each([
    [{}, undefined],
    [{ frames: 9 }, undefined],
    [{ frames: 10 }, 'it has done 10 frames'],
    [{ jobOver: true }, 'its job no longer needs it'],
    [{ memoryBytes: 4001 * MIB, firstMemoryBytes: 4000 * MIB }, 'it uses 4001 MiB of memory'],
    [{ memoryBytes: 1512 * MIB }, undefined],
    [{ memoryBytes: 1513 * MIB }, 'its memory grew from 500 MiB to 1513 MiB'],
    [{ memoryBytes: 1513 * MIB, firstMemoryBytes: 0 }, undefined],
  ])('%j: %s', (changes, reason) => {
    expect(closeReason({ ...session, ...changes }, limits)).toBe(reason)
  })
})

describe('idle applications make room', () => {
  const idle = [
    { id: 'a', jobId: 'one', since: 3 },
    { id: 'b', jobId: 'two', since: 2 },
    { id: 'c', jobId: 'two', since: 1 },
  ]
  it.each([
    [1, 4, 'one', []],
    [2, 4, 'one', ['c']],
    [2, 3, 'one', ['c', 'b']],
    [1, 1, 'one', ['c', 'b', 'a']],
    [2, 4, 'two', ['a']],
  ])('%d active on %d slots, for job %s: %j', (active, slots, jobId, closed) => {
    expect(makeRoom(idle, active, slots, jobId)).toEqual(closed)
  })
})

describe('life of an application', () => {
  const last = { at: 1000, lines: 5, cpuSeconds: 10 }
  it.each([
    ['it wrote a line', { at: 2000, lines: 6, cpuSeconds: 10 }, true],
    ['it used a processor', { at: 2000, lines: 5, cpuSeconds: 10.5 }, true],
    ['it only woke up', { at: 2000, lines: 5, cpuSeconds: 10.005 }, false],
    ['nothing at all', { at: 2000, lines: 5, cpuSeconds: 10 }, false],
    ['the system does not tell', { at: 2000, lines: 5, cpuSeconds: undefined }, true],
  ])('%s', (_, now, lives) => {
    expect(laterPulse(last, now)).toBe(lives ? now : last)
  })
})
