import { describe, expect, it } from 'vitest'
import { expandFramePattern, frameValues, hasFramePlaceholder } from '../../../src/shared/frames/framePattern.ts'

describe('frame placeholders', () => {
  it('knows first, last and number of a chunk with gaps', () => {
    expect(frameValues('3-5,9')).toEqual({ start: 3, end: 9, step: 1, count: 4, chunk: '3-5,9' })
    expect(frameValues('9-1x4')).toEqual({ start: 1, end: 9, step: 4, count: 3, chunk: '9-1x4' })
    expect(expandFramePattern('{frame:04}', { ...frameValues('-7'), frame: -7 })).toBe('-0007')
  })

  it.each([
    ['out-{frame:04}.png', 'out-0007.png'],
    ['{frame:4}', '0007'],
    ['{frame}', '7'],
    ['-s {start:03} -e {end} ({chunk}, {count})', '-s 005 -e 12 (5-7,12, 4)'],
    ['{blender} {frames} {frame:x} {}', '{blender} {frames} {frame:x} {}'],
    ['{chunk:04}', '5-7,12'],
  ])('%s becomes %s', (text, result) => {
    expect(expandFramePattern(text, { ...frameValues('5-7,12'), frame: 7 })).toBe(result)
  })

  it('leaves {frame} alone where there is none', () => {
    expect(expandFramePattern('{frame}-{start}', frameValues('1-3'))).toBe('{frame}-1')
  })

  it('sees whether a run per frame is asked for', () => {
    expect(hasFramePlaceholder('a{frame:04}')).toBe(true)
    expect(hasFramePlaceholder('{start}{frames}')).toBe(false)
  })
})
