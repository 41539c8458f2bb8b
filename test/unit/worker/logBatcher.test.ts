import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LogBatcher, splitLines } from '../../../src/main/worker/attempt/logBatcher.ts'

describe('splitting log text', () => {
  it.each<[string, number, string[]]>([
    ['a\nb\nc\n', 100, ['a\nb\nc\n']],
    ['a\nb\nc\n', 4, ['a\nb\n', 'c\n']],
    ['aaaa\nb\n', 5, ['aaaa\n', 'b\n']],
    ['aaaaaaaa\n', 4, ['aaaa', 'aaaa', '\n']],
    ['a\nlonglonglong\nb\n', 6, ['a\n', 'longlo', 'nglong', '\nb\n']],
    ['abc🎬d\n', 4, ['abc', '🎬d\n']],
    ['no newline', 4, ['no n', 'ewli', 'ne']],
    ['', 4, []],
  ])('%j in pieces of %i', (text, max, expected) => {
    const pieces = splitLines(text, max)
    expect(pieces).toEqual(expected)
    expect(pieces.join('')).toBe(text)
    for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(Math.max(max, 4))
  })
})

describe('log batches', () => {
  const emitted: [string, string][] = []
  let batcher: LogBatcher
  beforeEach(() => {
    vi.useFakeTimers()
    emitted.length = 0
    batcher = new LogBatcher({
      emit: (stream, text) => emitted.push([stream, text]),
      intervalMs: 50,
      maxChars: 20,
      elapsed: () => Date.now(),
    })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('sends the first line after a pause in the same turn', () => {
    batcher.add('stdout', 'one\n')
    expect(emitted).toEqual([])
    vi.advanceTimersByTime(0)
    expect(emitted).toEqual([['stdout', 'one\n']])
  })

  it('gathers lines that follow quickly, and sends them within the interval', () => {
    batcher.add('stdout', 'one\n')
    vi.advanceTimersByTime(0)
    batcher.add('stdout', 'two\n')
    vi.advanceTimersByTime(20)
    batcher.add('stdout', 'three\n')
    expect(emitted).toHaveLength(1)
    vi.advanceTimersByTime(30)
    expect(emitted).toEqual([
      ['stdout', 'one\n'],
      ['stdout', 'two\nthree\n'],
    ])
  })

  it('sends at once when a batch is full', () => {
    batcher.add('stdout', 'a line of some length\n')
    expect(emitted).toEqual([
      ['stdout', 'a line of some lengt'],
      ['stdout', 'h\n'],
    ])
  })

  it('keeps the order between streams', () => {
    batcher.add('stdout', 'out\n')
    batcher.add('stderr', 'err\n')
    batcher.add('stdout', 'out\n')
    batcher.flush()
    expect(emitted).toEqual([
      ['stdout', 'out\n'],
      ['stderr', 'err\n'],
      ['stdout', 'out\n'],
    ])
    vi.advanceTimersByTime(1000)
    expect(emitted).toHaveLength(3)
  })
})
