import { describe, expect, it } from 'vitest'
import {
  clockMs,
  frameOfPath,
  framesInName,
  parseBlenderLine,
  requestedFrames,
} from '../../../../src/main/worker/commands/blender/blenderOutput.ts'

const CYCLES_3 = 'Fra:7 Mem:11.89M (Peak 11.89M) | Time:00:00.25 | Remaining:00:00.22 | Mem:2.74M, Peak:2.74M | Scene, View | Sample 1/4'

const TILES = 'tile 3/12, sample 16/64, 00:09.00 left'

describe('parseBlenderLine', () => {
  it.each([
    ['2.8–4.x', `Saved: '/render/f-000001.png'`],
    ['5.x', `00:01.234  render           | Saved: '/render/f-000001.png'`],
    ['5.x with hours', `01:00:01.234  render | Saved: '/render/f-000001.png'`],
  ])('reads a saved file (%s)', (_version, line) => {
    expect(parseBlenderLine(line)).toEqual({ type: 'saved', path: '/render/f-000001.png' })
  })

  it.each([
    [`Saved: "C:\\render\\0001.png"`, 'C:\\render\\0001.png'],
    [`Saved: '/it's here/0001.png'`, `/it's here/0001.png`],
  ])('reads the odd path in %s', (line, path) => {
    expect(parseBlenderLine(line)).toEqual({ type: 'saved', path })
  })

  it('reads a file of an output node, which Blender before 4 tells without quotes', () => {
    expect(parseBlenderLine('Saved: /passes/Image0001.png')).toEqual({ type: 'saved', path: '/passes/Image0001.png', plain: true })
  })

  it.each([
    [' Time: 00:00.86 (Saving: 00:00.44)', 860, 440],
    ['Time: 01:02.50', 62_500, 0],
    ['Time: 1:00:00.00 (Saving: 00:01.00)', 3_600_000, 1000],
    ['00:02.123  render           | Time: 00:00.94 (Saving: 00:00.02)', 940, 20],
  ])('reads the time of a frame in %j', (line, totalMs, savingMs) => {
    expect(parseBlenderLine(line)).toEqual({ type: 'timed', totalMs, savingMs })
  })

  it.each([
    ['skipping existing frame "/render/f-000001.png"', '/render/f-000001.png'],
    [`00:01.000  render | Skipping existing frame '/render/f-000001.png'`, '/render/f-000001.png'],
    ['Skipping existing frame', undefined],
  ])('reads a frame that is there already in %j', (line, path) => {
    expect(parseBlenderLine(line)).toEqual({ type: 'skipped', path })
  })

  it.each([
    [CYCLES_3, 7, 'sample 1/4, 00:00.22 left'],
    ['Fra:7 Mem:9M (Peak 9M) | Time:00:00.03 | Mem:0.00M, Peak:0.00M | Scene, ViewLayer | Synchronizing object | Cube', 7, 'Cube'],
    ['Fra:12 Mem:9M | Time:00:01.00 | Remaining:00:09.00 | Mem:1M | A, B | Rendered 3/12 Tiles, Sample 16/64', 12, TILES],
    ['Fra:3 Mem:50M (Peak 60M) | Time:00:02.10 | Mem:40M, Peak:41M | Scene, View | Path Tracing Tile 5/48', 3, 'tile 5/48'],
    ['Fra:3 Mem:50M (Peak 60M) | Time:00:00.10 | Rendering 1 / 64 samples', 3, 'sample 1/64'],
    ['00:01.500  render           | Fra: 12 | Remaining: 00:00.9 | Mem: 30M | Sample 8/128', 12, 'sample 8/128, 00:00.9 left'],
    ['00:00.900  render           | Rendering frame 12', 12, undefined],
    ['Fra:-5 Mem:9M | Time:00:00.01', -5, undefined],
  ])('reads what happens in %j', (line, frame, doing) => {
    expect(parseBlenderLine(line)).toEqual({ type: 'frame', frame, doing })
  })

  it.each([
    ['Error: Build without OpenImageDenoiser', true, 'OpenImageDenoise'],
    ['Build without OpenImageDenoiser', true, 'denoising off'],
    [`Error: Cannot read file '/x/missing.blend': No such file or directory`, false, 'disk'],
    ['Error: Cannot render, no camera', false, 'camera'],
    [`Render error (Invalid argument) cannot save: '/nope/0001.png'`, true, 'write'],
    ['Cannot save Node File Output to /nope/Image0001.png', true, 'write'],
    ['Error Writing Render Result, see console', true, 'write'],
    ['System is out of GPU and shared host memory', true, 'memory'],
    ['CUDA error: Out of memory in cuMemAlloc', true, 'memory'],
    [`Warning: LIB: Data-block 'Cube' missing from '//lib.blend'`, false, 'library'],
    [`Error: Cannot find lib '/lib/props.blend'`, false, 'library'],
    ['Error: something new', false, ''],
    ['framehouse: a part is missing: /x/tile-1.exr', false, ''],
  ])('knows the problem in %j', (line, fatal, advice) => {
    const fact = parseBlenderLine(line)
    if (fact?.type !== 'problem') throw new Error(`no problem: ${JSON.stringify(fact)}`)
    expect(fact.problem.fatal).toBe(fatal)
    expect(fact.problem.advice).toContain(advice)
    expect(fact.problem.text).not.toMatch(/^Error: /)
  })

  it.each(['Traceback (most recent call last):', 'Error: Python: Traceback (most recent call last):'])(
    'sees that a Python error begins (%s)',
    (line) => {
      expect(parseBlenderLine(line)).toEqual({ type: 'traceback' })
    },
  )

  it.each([
    '',
    '   ',
    'Blender 3.4.1',
    'Read blend: /tmp/a.blend',
    'Blender quit',
    `print("Saved: '/x.png'")`,
    'EGL Error (0x3001): EGL_NOT_INITIALIZED: EGL is not initialized',
    'Info: No frames rendered, skipped to not overwrite',
    'My add-on took Time: 00:01.00',
    `Not Saved: '/x.png'`,
    'Saved: 5 objects',
  ])('says nothing of %j', (line) => {
    expect(parseBlenderLine(line)).toBeUndefined()
  })
})

describe('frameOfPath', () => {
  it.each([
    ['/render/f-000012.png', 12],
    ['C:\\render\\0012.exr', 12],
    ['/render/0012_L.png', 12],
    ['/render/shot010_beauty.0031.exr', 31],
    ['/render/-0005.png', -5],
    ['/render/h_-0005.png', -5],
    ['/render/h.-0005.png', -5],
    ['/render/shot-0005.png', 5],
    ['/render/s0007L2.png', 2],
    ['/render/still.png', undefined],
    ['/0012/still.png', undefined],
    ['/render/0012', 12],
  ])('%s', (path, frame) => {
    expect(frameOfPath(path)).toBe(frame)
  })
})

it.each([
  ['/render/v0012_003.png', [3, 12]],
  ['/x1/f.0007.0004.mp4', [4, 7]],
  ['/render/h_-0005_v2.png', [2, -5]],
])('framesInName(%s)', (path, frames) => {
  expect(framesInName(path)).toEqual(frames)
})

it.each([
  ['00:00.44', 440],
  ['01:02:03.5', 3_723_500],
  ['4.2', 4200],
])('clockMs(%s)', (clock, ms) => {
  expect(clockMs(clock)).toBe(ms)
})

describe('requestedFrames', () => {
  it.each([
    [
      ['-b', 'a.blend', '--render-frame', '1..3,7'],
      [
        { first: 1, last: 3 },
        { first: 7, last: 7 },
      ],
    ],
    [['-f', '12'], [{ first: 12, last: 12 }]],
    [['-f', '-3'], [{ first: -3, last: -3 }]],
    [['-s', '1', '-a'], [{ first: -Infinity, last: Infinity }]],
    [['-P', 'x.py'], undefined],
    [['-f', '+1'], undefined],
  ])('%j', (args, frames) => {
    expect(requestedFrames(args)).toEqual(frames)
  })
})
