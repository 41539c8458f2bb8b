/** The files that Blender's arguments promise: a folder, a name and, where the format is named, an ending for each frame. */
import { describe, expect, it } from 'vitest'
import { promisedFrames } from '../../../src/shared/frames/blenderOutputs.ts'

const promises = (...args: unknown[]) => promisedFrames([{ name: 'blender-render', parameters: { args } }])
const of = (output: string, frames: string) => promises('--render-output', output, '--render-frame', frames)

describe('Files that a render promises', () => {
  it.each([
    ['/r/f_####', '7', { frame: 7, folder: '/r', stem: 'f_0007' }],
    ['/r/######', '123', { frame: 123, folder: '/r', stem: '000123' }],
    ['/r/a#_b##c', '-5', { frame: -5, folder: '/r', stem: 'a#_b-05c' }],
    ['/r/plain', '12', { frame: 12, folder: '/r', stem: 'plain0012' }],
    ['/r/f_##.png', '3', { frame: 3, folder: '/r', stem: 'f_03' }],
    ['D:\\r\\$&#', '999999', { frame: 999_999, folder: 'D:\\r', stem: '$&999999' }],
    ['/f_', '007', { frame: 7, folder: '/', stem: 'f_0007' }],
  ])('%s, frame %s', (output, frames, promised) => {
    expect(of(output, frames)).toEqual([promised])
  })

  it('tells the outputs of jobs that take turns apart', () => {
    const stems = ['/a/x_##', '/b/y_###', '/a/x_##'].map((output) => of(output, '1..2').map(({ folder, stem }) => `${folder}/${stem}`))
    expect(stems).toEqual([
      ['/a/x_01', '/a/x_02'],
      ['/b/y_001', '/b/y_002'],
      ['/a/x_01', '/a/x_02'],
    ])
  })

  it('reads several frame options together, and the ending from the last format', () => {
    expect(promises('-o', '/r/f', '-F', 'PNG', '-f', '1', '-f', '3', '-F', 'OPEN_EXR')).toEqual(
      [1, 3].map((frame) => ({ frame, folder: '/r', stem: `f000${frame}`, ending: '.exr' })),
    )
  })

  it('promises nothing for a movie, without an output or without frames', () => {
    expect(promises('-o', '/r/f', '-F', 'FFMPEG', '-f', '1')).toEqual([])
    expect(promises('-f', '1')).toEqual([])
    expect(promises('-o', '/r/f', '-f')).toEqual([])
    expect(promises('-o', '/r/f')).toEqual([])
  })
})
