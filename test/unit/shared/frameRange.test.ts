import { describe, expect, it } from 'vitest'
import {
  blenderFrameArguments,
  chunkFrames,
  countFrames,
  FrameRangeError,
  listFrames,
  parseFrameRange,
  shareFrames,
  writeFrames,
} from '../../../src/shared/frames/frameRange.ts'

/** Text → frames in order. The same table holds for manager, forms, command line and job types: they have no other parser. */
const READ: [string, number[]][] = [
  ['47', [47]],
  ['+5', [5]],
  ['-0', [0]],
  ['1-5', [1, 2, 3, 4, 5]],
  ['1..5', [1, 2, 3, 4, 5]],
  [' 1  - 3 ,\t7', [1, 2, 3, 7]],
  ['5,3,1', [5, 3, 1]],
  ['20-22,1-3', [20, 21, 22, 1, 2, 3]],
  ['5-1', [5, 4, 3, 2, 1]],
  ['1-9x4', [1, 5, 9]],
  ['1-10x4', [1, 5, 9]],
  ['1-9:4', [1, 5, 9]],
  ['1-9 X 4', [1, 5, 9]],
  ['10-1x4', [10, 6, 2]],
  ['1-3x10', [1]],
  ['-2-1', [-2, -1, 0, 1]],
  ['-3..-1', [-3, -2, -1]],
  ['-3--1', [-3, -2, -1]],
  ['-1..-3', [-1, -2, -3]],
  ['-5', [-5]],
  ['1,1,2,1', [1, 2]],
  ['1-9x4,1-5', [1, 5, 9, 2, 3, 4]],
  ['3-5,1-10', [3, 4, 5, 1, 2, 6, 7, 8, 9, 10]],
]

const WRONG: [string, string][] = [
  ['', 'empty range'],
  ['1 10', '"1 10" is not a frame number'],
  ['1,', 'a frame number is missing'],
  ['1-2-3', '"1-2-3" is neither a frame nor a range'],
  ['5-', 'a frame number is missing after "5-"'],
  ['a', '"a" is not a frame number'],
  ['1.5', '"1.5" is not a frame number'],
  ['1...3', 'neither a frame nor a range'],
  ['5x2', '"5x2" has a step without a range'],
  ['1-9x', 'neither a frame nor a range'],
  ['1-9x-2', 'neither a frame nor a range'],
]

describe('frames as people write them', () => {
  it.each(READ)('%j is read in its order', (text, frames) => {
    expect(listFrames(text)).toEqual(frames)
    expect(countFrames(text)).toBe(frames.length)
  })

  it.each(READ)('%j is written so that it is read the same', (text, frames) => {
    expect(listFrames(writeFrames(parseFrameRange(text)))).toEqual(frames)
    for (const size of [1, 2, 3, 100]) expect(chunkFrames(text, size).flatMap((chunk) => listFrames(chunk))).toEqual(frames)
  })

  it.each(WRONG)('%j is answered with what is wrong and an example of what is right', (text, reason) => {
    expect(() => parseFrameRange(text)).toThrow(FrameRangeError)
    expect(() => parseFrameRange(text)).toThrow(reason)
    expect(() => parseFrameRange(text)).toThrow('1-100x10 (every tenth)')
  })

  it.each([
    ['99999999999999999999', 'is too large'],
    ['1-9x0', 'the step in "1-9x0" must be at least 1'],
  ])('%j is refused', (text, reason) => {
    expect(() => parseFrameRange(text)).toThrow(reason)
  })

  it('is chunked compactly, also with steps', () => {
    expect(chunkFrames('1-100x10', 4)).toEqual(['1-31x10', '41-71x10', '81,91'])
    expect(chunkFrames('1,2,3,10,20,30', 6)).toEqual(['1-3,10-30x10'])
    expect(chunkFrames('-2-1', 4)).toEqual(['-2..1'])
    expect(chunkFrames('1-1000000x10', 100_000)).toEqual(['1-999991x10'])
  })

  it('takes a billion frames without listing them', () => {
    expect(countFrames('1-1000000000')).toBe(1_000_000_000)
    expect(countFrames('1-1000000000,5,7-2000000000')).toBe(2_000_000_000)
    expect(countFrames('2000000-1,10-3000000')).toBe(3_000_000)
    expect(chunkFrames('1-1000000000', 500_000_000)).toEqual(['1-500000000', '500000001-1000000000'])
    expect(() => chunkFrames('1-2000001', 1)).toThrow('more than 1000000 chunks')
    expect(() => countFrames('1-1000000000x2,1-1000000000x3')).toThrow('overlap in too many frames')
    expect(() => listFrames('1-11', 10)).toThrow('11 frames exceed the maximum of 10')
  })
})

describe('frames for Blender', () => {
  it.each<[string, string[]]>([
    ['7', ['7']],
    ['1-3', ['1..3']],
    ['1,2', ['1,2']],
    ['3-5,9', ['3..5,9']],
    ['1-9x4', ['1,5,9']],
    ['3-1', ['3,2,1']],
    ['-2..1', ['-2,-1,0,1']],
  ])('%j is %j: it knows no steps, no backwards and no ranges below zero', (text, words) => {
    expect(blenderFrameArguments(text)).toEqual(words)
  })

  it('never makes an argument longer than a system takes', () => {
    const parts = blenderFrameArguments('1-1000000x10')
    expect(parts).toHaveLength(100)
    expect(Math.max(...parts.map(({ length }) => length))).toBeLessThan(10_000)
    expect(parts.join(',').split(',')).toHaveLength(100_000)
  })
})

describe('frames that two jobs share', () => {
  it.each<[string, string, boolean]>([
    ['1-10', '10-20', true],
    ['1-10', '11-20', false],
    ['1-100x2', '2-100x2', false],
    ['1-100x2', '2-100x3', true],
    ['1-9x4', '9-5', true],
    ['-5', '5', false],
    ['1-1000000000x2', '2-1000000000x2', false],
    ['?', '5', true],
  ])('%j and %j: %s', (a, b, shared) => {
    expect(shareFrames(a, b)).toBe(shared)
    expect(shareFrames(b, a)).toBe(shared)
  })
})
