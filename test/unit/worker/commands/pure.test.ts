import { describe, expect, it } from 'vitest'
import { Type } from 'typebox'
import { blenderArguments } from '../../../../src/main/worker/commands/blender/arguments.ts'
import { encodedFrame, videoArguments } from '../../../../src/main/worker/commands/video/framesToVideo.ts'
import { globToRegExp } from '../../../../src/main/worker/commands/glob.ts'
import { concatList, frameRate } from '../../../../src/main/worker/commands/video/ffmpegInput.ts'
import { goDuration, goQuote } from '../../../../src/main/worker/commands/goText.ts'
import { nextSuffix, timestamp } from '../../../../src/main/worker/commands/files/moveDirectory.ts'
import { Words, readParameters, words } from '../../../../src/main/worker/commands/parameters.ts'
import { planRuns } from '../../../../src/main/worker/commands/runPlan.ts'
import { InvalidParameterError } from '../../../../src/main/worker/contract/commands.ts'
import { commandOf } from '../../../support/commandContext.ts'

describe('readParameters', () => {
  const Schema = Type.Object({ exe: Type.String({ minLength: 1 }), count: Type.Optional(Type.Integer({ minimum: 1 })), args: Words })
  const read = (parameters: Record<string, unknown>) => readParameters(Schema, commandOf('exec', parameters))

  it('takes whole floats as integers, null for missing, and ignores what it does not know', () => {
    expect(read({ exe: 'ls', count: 2.0, args: null, later: true })).toMatchObject({ exe: 'ls', count: 2 })
  })

  it.each([
    [{}, 'exe', 'command "exec": parameter "exe" is missing'],
    [{ exe: 47 }, 'exe', 'command "exec": parameter "exe" must be string, but it is 47'],
    [{ exe: null }, 'exe', 'command "exec": parameter "exe" must be string, but it is null'],
    [{ exe: '' }, 'exe', 'parameter "exe" must not have fewer than 1 characters'],
    [{ exe: 'ls', count: 1.5 }, 'count', 'parameter "count" must be integer, but it is 1.5'],
    [{ exe: 'ls', args: 'a b' }, 'args', 'parameter "args" must be array, but it is "a b"'],
  ])('names the parameter that is wrong in %j', (parameters, name, message) => {
    let caught: unknown
    try {
      read(parameters)
    } catch (error) {
      caught = error
    }
    if (!(caught instanceof InvalidParameterError)) throw new Error('not refused')
    expect(caught.parameter).toBe(name)
    expect(caught.message).toContain(message)
  })

  it('writes what is no string in a list as one', () => {
    expect(words(['-r', 47, 23.976, true, null, { a: 1 }])).toEqual(['-r', '47', '23.976', 'true', 'null', '{"a":1}'])
    expect(words(undefined)).toEqual([])
  })
})

describe('Go text', () => {
  it.each([
    ['hey', '"hey"'],
    ['a "b"\n\\', '"a \\"b\\"\\n\\\\"'],
    ['één', '"één"'],
    ['\x01\x7f', '"\\x01\\x7f"'],
  ])('quotes %j', (text, quoted) => {
    expect(goQuote(text)).toBe(quoted)
  })

  it.each([
    [0, '0s'],
    [3, '3s'],
    [60, '1m0s'],
    [3723, '1h2m3s'],
  ])('writes %i seconds', (seconds, text) => {
    expect(goDuration(seconds)).toBe(text)
  })
})

describe('blenderArguments', () => {
  const all = { exeArgs: ['--background'], argsBefore: ['--factory-startup'], blendfile: '/a.blend', args: ['--render-frame', '1..3'] }

  it('is exeArgs, argsBefore, file, args', () => {
    expect(blenderArguments(all)).toEqual(['--background', '--factory-startup', '/a.blend', '--render-frame', '1..3'])
  })

  it('opens nothing for an empty file name', () => {
    expect(blenderArguments({ ...all, blendfile: '' })).toEqual(['--background', '--factory-startup', '--render-frame', '1..3'])
  })
})

describe('videoArguments', () => {
  const options = { exeArgs: ['-hide_banner'], argsBefore: ['-loglevel', 'info'], args: ['-c:v', 'h264', '-y'] }
  it('puts what came with the job around the images, and the rate last', () => {
    const input = ['-framerate', '24', '-i', '/w/%08d.png']
    expect(videoArguments({ ...options, input, rate: '24', outputFile: '/out/a.mp4' })).toEqual([
      '-hide_banner',
      '-loglevel',
      'info',
      '-framerate',
      '24',
      '-i',
      '/w/%08d.png',
      '-c:v',
      'h264',
      '-y',
      '-r',
      '24',
      '/out/a.mp4',
    ])
  })

  it('lists each frame for its share of a second', () => {
    expect(concatList(['C:/o/1.png', `C:/o/it's.png`, '/o/%d.png'], '24')).toBe(
      `ffconcat version 1.0\nfile 'C:/o/1.png'\nduration 0.041667\nfile 'C:/o/it'\\''s.png'\nduration 0.041667\n` +
        `file '/o/%d.png'\noption pattern_type none\nduration 0.041667\n`,
    )
  })

  it.each([
    [24, '24'],
    [23.976, '24000/1001'],
    [23.98, '24000/1001'],
    [24 / 1.001, '24000/1001'],
    [29.97, '30000/1001'],
    [59.94, '60000/1001'],
    [12.5, '12.5'],
    [0.5, '0.5'],
    ['24000/1001', '24000/1001'],
  ])('%j images per second are %s', (fps, rate) => {
    expect(frameRate(fps)).toBe(rate)
  })

  it('reads how far ffmpeg is', () => {
    expect(encodedFrame('frame=   24 fps=0.0 q=28.0 size=       0kB time=00:00:00.91 bitrate=   0.4kbits/s speed=1.6x')).toBe(24)
    expect(encodedFrame('frame=    1 fps=0.0 q=-1.0 size=N/A    \rframe=    5 fps=0.0 q=-1.0 Lsize=N/A')).toBe(5)
    expect(encodedFrame('Output #0, mp4')).toBeUndefined()
  })
})

it.each([
  ['*.png', 'a.png', true],
  ['*.png', 'a.png.part', false],
  ['f-??.png', 'f-01.png', true],
  ['f-??.png', 'f-001.png', false],
  ['[a-c]1.png', 'b1.png', true],
  ['[!a]1.png', 'a1.png', false],
  ['a+(1).png', 'a+(1).png', true],
  ['a.png', 'aXpng', false],
])('pattern %s, name %s', (pattern, name, matches) => {
  expect(globToRegExp(pattern).test(name)).toBe(matches)
})

describe('names of folders that make way', () => {
  it('are rounded to the second, in local time', () => {
    expect(timestamp(new Date(2024, 2, 9, 14, 5, 7, 499))).toBe('2024-03-09_140507')
    expect(timestamp(new Date(2024, 2, 9, 14, 5, 59, 500))).toBe('2024-03-09_140600')
  })

  it.each([
    [[], '001'],
    [['out-001', 'out-002'], '003'],
    [['out-009', 'out-2', 'other-050'], '010'],
    [['out-1234'], '1235'],
    [['out-abc', 'out'], '001'],
  ])('with %j there get the number %s', (siblings, suffix) => {
    expect(nextSuffix('out', siblings)).toBe(suffix)
  })
})

describe('planRuns', () => {
  const plan = { env: [], chunk: '3-5', frames: [3, 4, 5], outputPattern: undefined, cwd: '/w' }

  it('runs once per frame when an argument names the frame', () => {
    const runs = planRuns({ ...plan, args: ['-f', '{frame:04}'], outputPattern: '/o/{frame:04}.png' })
    expect(runs.map((run) => [run.frame, run.args, run.outputs])).toEqual([
      [3, ['-f', '0003'], [{ path: '/o/0003.png', frame: 3 }]],
      [4, ['-f', '0004'], [{ path: '/o/0004.png', frame: 4 }]],
      [5, ['-f', '0005'], [{ path: '/o/0005.png', frame: 5 }]],
    ])
  })

  it('runs once per frame when only the environment names it', () => {
    const runs = planRuns({ ...plan, args: ['-x'], env: [['FRAME', 'n{frame}']] })
    expect(runs.map((run) => run.env)).toEqual([{ FRAME: 'n3' }, { FRAME: 'n4' }, { FRAME: 'n5' }])
  })

  it('runs once for all frames otherwise, and expects an output per frame', () => {
    const runs = planRuns({ ...plan, args: ['{start}..{end}', '{count}', '{chunk}', '{other}'], outputPattern: 'o/{frame}.png' })
    expect(runs).toEqual([
      {
        args: ['3..5', '3', '3-5', '{other}'],
        env: {},
        frame: undefined,
        outputs: [3, 4, 5].map((frame) => ({ path: `/w/o/${frame}.png`, frame })),
      },
    ])
  })

  it('expects one output when its name has no frame', () => {
    expect(planRuns({ ...plan, args: [], outputPattern: '/o/all.exr' })[0]?.outputs).toEqual([{ path: '/o/all.exr', frame: undefined }])
  })
})
