import { describe, expect, it } from 'vitest'
import { suspectFrames, type FrameRecord } from '../../../src/shared/pictures/suspects.ts'

const BLACK = { allBlack: true, oneColour: true, bytes: 8_000 }
const RED = { allBlack: false, oneColour: true, bytes: 8_000 }

/** Frames 1, 2, … with what differs from an ordinary picture. */
function frames(...changes: Partial<FrameRecord>[]): FrameRecord[] {
  return changes.map((change, index) => ({
    path: `/out/${index + 1}.png`,
    taskId: `job-${index}`,
    frame: index + 1,
    view: '',
    bytes: 900_000 + (index % 3) * 10_000,
    renderedMs: 20_000 + (index % 4) * 500,
    allBlack: false,
    oneColour: false,
    confirmed: false,
    ...change,
  }))
}
const plain = (count: number): Partial<FrameRecord>[] => Array.from({ length: count }, () => ({}))
const found = (...changes: Partial<FrameRecord>[]) =>
  suspectFrames(frames(...changes)).map(({ frame, reason }) => `${frame.frame} ${reason}`)

describe('frames that may be wrong', () => {
  it.each<[string, Partial<FrameRecord>[], string[]]>([
    ['ordinary frames', plain(20), []],
    ['a black frame between pictures', [...plain(5), BLACK, ...plain(5)], ['6 all-black']],
    [
      'a chunk of black frames between pictures',
      [...plain(5), BLACK, BLACK, BLACK, ...plain(5)],
      ['6 all-black', '7 all-black', '8 all-black'],
    ],
    ['a red frame between pictures', [...plain(5), RED, ...plain(5)], ['6 one-colour']],
    ['a black frame that came out black twice', [...plain(5), { ...BLACK, confirmed: true }, ...plain(5)], []],
    ['a fade from black', [BLACK, BLACK, { bytes: 40_000 }, { bytes: 200_000 }, ...plain(9)], []],
    ['one black frame at the start, as fades have', [BLACK, ...plain(9)], []],
    ['a fade to black', [...plain(9), { bytes: 300_000 }, BLACK, BLACK], []],
    ['a fade through black', [...plain(4), { bytes: 30_000 }, BLACK, { bytes: 30_000 }, ...plain(4)], []],
    ['a pause in black', [...plain(4), ...Array.from({ length: 24 }, () => BLACK), ...plain(4)], []],
    ['a whole job in black', [BLACK, BLACK], ['1 all-black', '2 all-black']],
    ['a still of one colour', [RED], []],
    ['a file much smaller than its neighbours', [...plain(5), { bytes: 50_000 }, ...plain(5)], ['6 file-size']],
    ['a file somewhat smaller', [...plain(5), { bytes: 400_000 }, ...plain(5)], []],
    [
      'sizes that jump about anyway',
      [100_000, 900_000, 120_000, 990_000, 110_000, 800_000, 130_000, 10_000, 900_000, 100_000].map((bytes) => ({ bytes })),
      [],
    ],
    ['a cut to another shot', [...plain(6), ...Array.from({ length: 6 }, () => ({ bytes: 90_000 }))], []],
    ['too few neighbours to know', [{}, { bytes: 1_000 }, {}], []],
    [
      'tiny files',
      [...Array.from({ length: 5 }, () => ({ bytes: 3_000 })), { bytes: 300 }, ...Array.from({ length: 5 }, () => ({ bytes: 3_000 }))],
      [],
    ],
    ['a frame that took much longer', [...plain(5), { renderedMs: 400_000 }, ...plain(5)], ['6 render-time']],
    ['a first frame that had to load', [{ renderedMs: 1_900 }, ...Array.from({ length: 8 }, () => ({ renderedMs: 200 }))], []],
    ['files that were not looked into', [...plain(5), { allBlack: null, oneColour: null, bytes: null }, ...plain(5)], []],
    ['frames without a number', [...plain(5), { frame: null, ...BLACK }, ...plain(5)], []],
  ])('%s', (_, changes, expected) => {
    expect(found(...changes)).toEqual(expected)
  })

  it('are compared within their view', () => {
    const left = frames(...plain(8)).map((frame) => ({ ...frame, view: 'left' }))
    const right = frames(...Array.from({ length: 8 }, () => ({ bytes: 30_000 }))).map((frame) => ({
      ...frame,
      view: 'right',
      path: `r${frame.path}`,
    }))
    expect(suspectFrames([...left, ...right])).toEqual([])
  })

  it('come with the frames beside them', () => {
    const [suspect] = suspectFrames(frames(...plain(5), BLACK, ...plain(5)))
    expect(suspect?.neighbours.map(({ frame }) => frame)).toEqual([2, 3, 4, 5, 7, 8, 9, 10])
  })
})
