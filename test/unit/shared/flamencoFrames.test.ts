import { describe, expect, it } from 'vitest'
import { flamencoFrameChunks, flamencoFrameCount } from '../../../src/shared/frames/flamencoFrames.ts'
import { countFrames, FrameRangeError, listFrames } from '../../../src/shared/frames/frameRange.ts'

describe('frameChunker as scripts know it', () => {
  it.each<[string, number, string[]]>([
    ['1..10,20..25,40,3..8', 4, ['1-4', '5-8', '9,10,20,21', '22-25', '40']],
    [' 1  .. 10,\t20..25\n,40   ', 4, ['1-4', '5-8', '9,10,20,21', '22-25', '40']],
    ['47', 4, ['47']],
    ['1-3', 3, ['1-3']],
    ['0-12,34-56,78-90', 20, ['0-12,34-40', '41-56,78-81', '82-90']],
    ['7,3,5,3', 2, ['3,5', '7']],
    ['1,2', 5, ['1,2']],
    ['1,2,3', 5, ['1-3']],
    ['10-1,5', 5, ['5']],
    ['1-4,5-8', 8, ['1-8']],
    ['+5', 1, ['5']],
    ['1-5', 2.9, ['1,2', '3,4', '5']],
  ])('%j in chunks of %d', (range, size, chunks) => {
    expect(flamencoFrameChunks(range, size)).toEqual(chunks)
  })

  it.each<[string, number, string]>([
    ['', 1, 'invalid range "": empty range'],
    ['   ', 1, 'invalid range "": empty range'],
    ['1 10', 1, '"1 10" is not a frame number'],
    ['1,', 1, 'a frame number is missing'],
    ['1-2-3', 1, '"1-2-3" is neither a frame nor a range'],
    ['10-1', 1, 'empty range'],
    ['a', 1, '"a" is not a frame number'],
    ['1.5', 1, '"1.5" is not a frame number'],
    ['1...3', 1, '"1...3" is neither a frame nor a range'],
    ['0x10', 1, '"0x10" has a step without a range'],
    ['99999999999999999999', 1, 'is too large'],
    ['1-10', 0, 'chunk size must be at least 1, not 0'],
    ['1-10', Number.NaN, 'chunk size must be at least 1, not NaN'],
    ['1-2000001', 1, 'more than 1000000 chunks'],
  ])('refuses %j in chunks of %d', (range, size, message) => {
    expect(() => flamencoFrameChunks(range, size)).toThrow(FrameRangeError)
    expect(() => flamencoFrameChunks(range, size)).toThrow(message)
  })

  it('covers every frame once, whatever the chunk size', () => {
    const range = '3-17,20,22,24-25,90-111,16-19'
    for (let size = 1; size < 40; size++) {
      const chunks = flamencoFrameChunks(range, size)
      expect(chunks.flatMap((chunk) => listFrames(chunk))).toEqual(listFrames(range).toSorted((a, b) => a - b))
      expect(chunks.slice(0, -1).every((chunk) => countFrames(chunk) === size)).toBe(true)
    }
  })

  it('chunks a billion frames without listing them', () => {
    expect(flamencoFrameChunks('1-1000000000', 500_000_000)).toEqual(['1-500000000', '500000001-1000000000'])
  })

  it.each<[string, number, string[]]>([
    ['1-100x50', 1, ['1', '51']],
    ['-5', 1, ['-5']],
    ['10-1,-1', 20, ['10-1,-1']],
  ])('reads %j, which Flamenco refuses, as our own forms do', (range, size, chunks) => {
    expect(flamencoFrameChunks(range, size)).toEqual(chunks)
    expect(flamencoFrameCount(range)).toBe(countFrames(range))
  })

  it('counts a billion frames without listing them', () => {
    expect(flamencoFrameCount('1-1000000000,5')).toBe(1_000_000_000)
  })
})
