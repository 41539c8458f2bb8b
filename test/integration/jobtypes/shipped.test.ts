import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/shared/logger.ts'
import { createJobTypeCatalog, shippedScriptsFolder, type JobTypeCatalog } from '../../../src/main/jobtypes/scripts/catalog.ts'
import { createSandbox, type Sandbox } from '../../../src/main/jobtypes/sandbox/sandbox.ts'
import { settingsFor } from '../../../src/main/jobtypes/submission/settings.ts'
import type { CompiledJob } from '../../../src/main/engine/base/compiledJob.ts'
import { inputFor, tasksOf } from './support.ts'

let sandbox: Sandbox
let catalog: JobTypeCatalog

beforeAll(() => {
  sandbox = createSandbox({ log: silentLogger })
  catalog = createJobTypeCatalog({ folders: [shippedScriptsFolder()], sandbox, log: silentLogger })
})
afterAll(() => sandbox.stop())

async function compile(name: string, settings: Record<string, unknown>): Promise<CompiledJob> {
  const type = await catalog.get(name)
  return catalog.compile(inputFor(name, settingsFor(type, settings, false)))
}

/** The only command of each task. */
function commandsOf(compiled: CompiledJob): { name: string; parameters: Record<string, unknown> }[] {
  return tasksOf(compiled).map(({ commands }) => {
    expect(commands).toHaveLength(1)
    const [command] = commands
    if (command === undefined) throw new Error('no command')
    return { name: command.name, parameters: command.parameters }
  })
}

it('all shipped scripts are usable, and only these', async () => {
  expect(await catalog.broken()).toEqual([])
  expect((await catalog.list()).map(({ name }) => name)).toEqual([
    'command-per-frame',
    'container',
    'demo-render',
    'echo-sleep-test',
    'ffmpeg-encode',
    'simple-blender-render',
    'single-image-render',
  ])
})

it('every setting says what it is for, but for those of the reference that do not', async () => {
  for (const { name, settings } of await catalog.list()) {
    if (name === 'echo-sleep-test' || name === 'simple-blender-render') continue
    for (const setting of settings) expect([name, setting.key, typeof setting.description]).toEqual([name, setting.key, 'string'])
  }
})

describe('echo-sleep-test', () => {
  it('has the etag of the reference', async () => {
    expect((await catalog.get('echo-sleep-test')).etag).toBe('eba586e16d6b55baaa43e32f9e78ae514b457fee')
  })

  it('echoes once and then sleeps', async () => {
    const compiled = await compile('echo-sleep-test', { message: 'hello', sleep_repeats: 2 })
    expect(tasksOf(compiled)).toMatchObject([
      { name: 'echo', kind: 'misc', commands: [{ name: 'echo', parameters: { message: 'hello' }, totalStepCount: 0 }], dependsOn: [] },
      { name: 'sleep', kind: 'misc', commands: [{ name: 'sleep', parameters: { duration_in_seconds: 1 } }], dependsOn: [1] },
      { name: 'sleep', kind: 'misc', dependsOn: [1] },
    ])
  })
})

describe('simple-blender-render', () => {
  const SETTINGS = {
    frames: '1-10',
    chunk_size: 3,
    render_output_root: '/render/sprites/farm_output/promo/square_ellie',
    add_path_components: 0,
    render_output_path: '/render/sprites/farm_output/promo/square_ellie/square_ellie.lighting_light_breakdown2/######',
    blendfile: '/render/sf/jobs/scene123.blend',
    fps: 24,
    format: 'PNG',
    image_file_extension: '.png',
    scene: 'Scene',
  }
  const DIR = '/render/sprites/farm_output/promo/square_ellie/square_ellie.lighting_light_breakdown2'

  it('renders in chunks and then makes a video of all', async () => {
    const compiled = await compile('simple-blender-render', SETTINGS)
    const tasks = tasksOf(compiled)
    expect(tasks.map(({ name, kind, dependsOn, priority }) => [name, kind, dependsOn, priority])).toEqual([
      ['render-1-3', 'blender', [], 50],
      ['render-4-6', 'blender', [], 50],
      ['render-7-9', 'blender', [], 50],
      ['render-10', 'blender', [], 50],
      ['preview-video', 'ffmpeg', [1, 2, 3, 4], 50],
    ])
    expect(tasks.map(({ commands }) => commands.map(({ name, totalStepCount }) => [name, totalStepCount]))).toEqual([
      [['blender-render', 3]],
      [['blender-render', 3]],
      [['blender-render', 3]],
      [['blender-render', 1]],
      [['frames-to-video', 0]],
    ])
    expect(tasks[0]?.commands[0]?.parameters).toEqual({
      exe: '{blender}',
      exeArgs: '{blenderArgs}',
      argsBefore: [],
      blendfile: '/render/sf/jobs/scene123.blend',
      args: [
        '--scene',
        'Scene',
        '--python-exit-code',
        '1',
        '--python-expr',
        'import bpy; render = bpy.data.scenes["Scene"].render; ' +
          'render.use_file_extension = True; render.use_overwrite = True; render.use_placeholder = False',
        '--python-exit-code',
        '0',
        '--render-output',
        `${DIR}/######`,
        '--render-format',
        'PNG',
        '--render-frame',
        '1..3',
      ],
    })
    expect(tasks[4]?.commands[0]?.parameters).toEqual({
      exe: 'ffmpeg',
      fps: 24,
      inputGlob: `${DIR}/*.png`,
      imagePath: `${DIR}/######`,
      imageExtension: '.png',
      frames: '1-10',
      outputFile: `${DIR}/scene123-1-10.mp4`,
      args: ['-c:v', 'h264', '-crf', '20', '-g', '18', '-vf', 'pad=ceil(iw/2)*2:ceil(ih/2)*2', '-pix_fmt', 'yuv420p', '-r', 24, '-y'],
    })
    expect(compiled.groups).toEqual([4])
  })

  it('writes forward slashes into output paths and leaves the file as it was submitted', async () => {
    const compiled = await compile('simple-blender-render', {
      ...SETTINGS,
      chunk_size: 10,
      render_output_path: 'R:\\sprites\\shot\\######',
      blendfile: 'R:\\sf\\jobs\\scene123.flamenco.blend',
    })
    const [render, video] = commandsOf(compiled)
    expect(render?.parameters['blendfile']).toBe('R:\\sf\\jobs\\scene123.flamenco.blend')
    expect(render?.parameters['args']).toContain('R:/sprites/shot/######')
    expect(video?.parameters).toMatchObject({ inputGlob: 'R:/sprites/shot/*.png', outputFile: 'R:/sprites/shot/scene123-1-10.mp4' })
  })

  it('fills in the time and keeps other words in braces', async () => {
    const compiled = await compile('simple-blender-render', {
      ...SETTINGS,
      render_output_path: '{root}/a/{timestamp}/b-{timestamp}/######',
    })
    expect(compiled.settings['render_output_path']).toBe('{root}/a/2026-03-04_050607/b-2026-03-04_050607/######')
    expect(commandsOf(compiled)[0]?.parameters['args']).toContain('{root}/a/2026-03-04_050607/b-2026-03-04_050607/######')
  })

  it.each([
    [0, '/render/promo/A job/2026-03-04_050607/######'],
    [2, '/render/promo/sf/jobs/A job/2026-03-04_050607/######'],
    [32, '/render/promo/render/sf/jobs/A job/2026-03-04_050607/######'],
  ])('puts the output path together when none was sent, with %d folders of the file', async (add_path_components, output) => {
    const settings = { ...SETTINGS, render_output_path: null, render_output_root: '/render/promo', add_path_components }
    const compiled = await compile('simple-blender-render', settings)
    expect(compiled.settings['render_output_path']).toBe(output)
  })

  it('names the video by first and last frame of a complicated range', async () => {
    const compiled = await compile('simple-blender-render', { ...SETTINGS, frames: '1, 3-5, 10..12', chunk_size: 100 })
    const [render, video] = commandsOf(compiled)
    expect(render?.parameters['args']).toContain('1,3..5,10..12')
    expect(video?.parameters['outputFile']).toBe(`${DIR}/scene123-1-12.mp4`)
    expect(tasksOf(compiled)[0]?.name).toBe('render-1,3-5,10-12')
  })

  it.each<[string, Record<string, unknown>, string[], string | undefined]>([
    [
      'EXR with previews',
      { format: 'OPEN_EXR', has_previews: true, image_file_extension: '.exr' },
      ['render-1-10', 'preview-video'],
      `${DIR}/*.jpg`,
    ],
    ['EXR without previews', { format: 'OPEN_EXR_MULTILAYER', image_file_extension: '.exr' }, ['render-1-10'], undefined],
    ['JPEG', { format: 'JPEG', image_file_extension: '.jpg' }, ['render-1-10', 'preview-video'], `${DIR}/*.jpg`],
    ['no frame rate', { fps: null }, ['render-1-10'], undefined],
    ['frame rate 0', { fps: 0 }, ['render-1-10'], undefined],
  ])('video of %s', async (_name, changes, names, glob) => {
    const compiled = await compile('simple-blender-render', { ...SETTINGS, chunk_size: 10, ...changes })
    expect(tasksOf(compiled).map(({ name }) => name)).toEqual(names)
    expect(commandsOf(compiled)[1]?.parameters['inputGlob']).toBe(glob)
  })

  it.each<[Record<string, unknown>, string]>([
    [{ format: 'FFMPEG' }, 'This job type only renders images, and not "FFMPEG"'],
    [{ format: 'AVI_JPEG' }, 'This job type only renders images, and not "AVI_JPEG"'],
    [{ render_output_path: '' }, 'render_output_path is empty'],
    [{ frames: '1-' }, 'invalid range "1-"'],
    [{ chunk_size: 0 }, 'chunk size must be at least 1'],
  ])('%j is refused', async (changes, message) => {
    await expect(compile('simple-blender-render', { ...SETTINGS, ...changes })).rejects.toThrow(message)
  })

  it.each<[string, string[], string]>([
    ['1-9x4', ['1,5', '9'], '1-9x4'],
    ['1-9:4', ['1,5', '9'], '1-9x4'],
    ['5,3,1', ['5,3', '1'], '5-1'],
    ['10-7', ['10,9', '8,7'], '10-7'],
    ['-3..-1', ['-3,-2', '-1'], '-3..-1'],
    ['-2-1', ['-2,-1', '0,1'], '-2-1'],
  ])('renders %s in that order', async (frames, words, inName) => {
    const commands = commandsOf(await compile('simple-blender-render', { ...SETTINGS, frames, chunk_size: 2 }))
    const args = commands.slice(0, -1).map(({ parameters }) => parameters['args'] as string[])
    const named = args.map((list) => list.findLast((word) => word.startsWith('# framehouse: frames')) ?? list.at(-1))
    // Frames below zero are rendered by Python, whose first line names them.
    expect(named.map((text) => text?.replace(/^# framehouse: frames (.*)\n[^]*/, '$1'))).toEqual(words)
    expect(commands.at(-1)?.parameters).toMatchObject({ frames, outputFile: `${DIR}/scene123-${inName}.mp4` })
  })

  it('refuses a format by a name that Blender does not know, and calls others as its command line does', async () => {
    await expect(compile('simple-blender-render', { ...SETTINGS, format: 'JPG' })).rejects.toThrow(
      'Blender has no format "JPG"; did you mean JPEG?',
    )
    const [command] = commandsOf(await compile('simple-blender-render', { ...SETTINGS, format: 'TARGA' }))
    expect(command?.parameters['args']).toContain('TGA')
  })

  it.each(['1048575', '1-2000000', '-1048575'])('refuses frame %s, which Blender would take for another', async (frames) => {
    const compiling = compile('simple-blender-render', { ...SETTINGS, frames, chunk_size: 1_000_000 })
    await expect(compiling).rejects.toMatchObject({ field: 'settings.frames', message: expect.stringContaining('1048574') as string })
  })

  it('costs little for every tenth of a million frames', async () => {
    const compiled = await compile('simple-blender-render', { ...SETTINGS, frames: '1-1000000x10', chunk_size: 10 })
    expect(compiled.taskCount).toBe(10_001)
    expect([...compiled.taskSlices, ...compiled.templates].reduce((sum, text) => sum + text.length, 0)).toBeLessThan(3_000_000)
  })

  it.each([
    ['..', '_'],
    ['a/../../b', 'a_.._.._b'],
    ['shot [v2]', 'shot [v2]'],
    ['take * 2', 'take _ 2'],
    ['why?', 'why_'],
    ['CON', '_CON'],
    ['lpt1.blend', '_lpt1.blend'],
    ['end. .', 'end'],
    ['a\nb\tc', 'a_b_c'],
    ['{jobs} #2', '(jobs) _2'],
    ['{timestamp} cut', '2026-03-04_050607 cut'],
    ['x'.repeat(200), 'x'.repeat(100)],
    ['ü'.repeat(200), 'ü'.repeat(90)],
  ])('a job named %j gets the folder %j', async (name, folder) => {
    const type = await catalog.get('simple-blender-render')
    const settings = settingsFor(type, { ...SETTINGS, render_output_path: null, render_output_root: '/out' }, false)
    const compiled = await catalog.compile({ ...inputFor(type.name, settings), name })
    expect(compiled.outputDir).toBe(`/out/${folder}/2026-03-04_050607`)
  })

  it.each([
    ['renders', '/render/sf/jobs/renders'],
    ['../renders', '/render/sf/renders'],
    ['//renders', '/render/sf/jobs/renders'],
    ['./a/b', '/render/sf/jobs/a/b'],
  ])('takes the relative folder %s from where the blend file is', async (root, folder) => {
    const given = { ...SETTINGS, render_output_path: null, render_output_root: root }
    expect((await compile('simple-blender-render', given)).outputDir).toBe(`${folder}/A job/2026-03-04_050607`)
    const path = { ...SETTINGS, render_output_path: `${root}/f_####` }
    expect((await compile('simple-blender-render', path)).settings['render_output_path']).toBe(`${folder}/f_####`)
  })

  it('renders without a scene as the file was saved', async () => {
    const type = await catalog.get('simple-blender-render')
    const compiled = await catalog.compile(inputFor(type.name, settingsFor(type, { ...SETTINGS, scene: '' }, true)))
    const args = commandsOf(compiled)[0]?.parameters['args'] as string[]
    expect(args.slice(0, 3)).toEqual(['--python-exit-code', '1', '--python-expr'])
    expect(args[3]).toContain('bpy.context.scene.render')
  })
})

describe('a setting with {timestamp}', () => {
  it.each<[type: string, settings: Record<string, unknown>, key: string, folder: string]>([
    ['demo-render', {}, 'output_dir', '{jobs}/demo/2026-03-04_050607'],
    ['ffmpeg-encode', { input: '/r/*.png', output: '/v/{timestamp}/a.mp4' }, 'output', '/v/2026-03-04_050607'],
    [
      'command-per-frame',
      { command: 'x', frames: '1-2', output_pattern: '/o/{timestamp}/{frame}/a.exr' },
      'output_pattern',
      '/o/2026-03-04_050607',
    ],
    [
      'single-image-render',
      { blendfile: '/a.blend', render_output_path: '/o/{timestamp}/a' },
      'render_output_path',
      '/o/2026-03-04_050607',
    ],
  ])('of %s %j stays as it was typed, so that a clone of the job has a place of its own', async (type, settings, key, folder) => {
    const compiled = await compile(type, settings)
    expect(compiled.settings[key]).toBe(settings[key] ?? '{jobs}/demo/{timestamp}')
    expect(compiled.outputDir ?? '').toBe(folder)
  })
})

describe('demo-render', () => {
  it('needs no settings and makes several tasks', async () => {
    const compiled = await compile('demo-render', {})
    const tasks = tasksOf(compiled)
    expect(tasks).toHaveLength(12)
    expect(compiled).toMatchObject({ kinds: ['framehouse-trace'], stepsTotal: 48, outputDir: '{jobs}/demo/2026-03-04_050607' })
    expect(tasks[1]).toMatchObject({
      name: 'trace-5-8',
      commands: [
        {
          name: 'trace-frames',
          totalStepCount: 4,
          parameters: {
            scene: 'marbles',
            frames: '5-8',
            firstFrame: 1,
            loopFrames: 48,
            width: 640,
            height: 360,
            samples: 4,
            outputDir: '{jobs}/demo/2026-03-04_050607',
            filePattern: 'frame-{frame:04}.png',
          },
        },
      ],
    })
  })

  it('loops over the frames that it was given', async () => {
    const [command] = commandsOf(await compile('demo-render', { frames: '20-25,11', chunk_size: 100 }))
    expect(command?.parameters).toMatchObject({ frames: '20-25,11', firstFrame: 11, loopFrames: 15 })
  })
})

describe('command-per-frame', () => {
  it('runs a program for every frame', async () => {
    const compiled = await compile('command-per-frame', {
      command: `/opt/renderer/bin/render -s {start:04} -e {end} 'my scene.rib' "{chunk}"`,
      frames: '1-7',
      chunk_size: 3,
      output_pattern: '/out/{timestamp}/beauty.{frame:04}.exr',
      environment: `RENDER_THREADS=4 TITLE='a b' FRAME={frame}`,
    })
    expect(tasksOf(compiled).map(({ name, kind, steps }) => [name, kind, steps])).toEqual([
      ['frames-1-3', 'command', 3],
      ['frames-4-6', 'command', 3],
      ['frames-7', 'command', 1],
    ])
    expect(commandsOf(compiled)[0]).toEqual({
      name: 'run-frames',
      parameters: {
        exe: '/opt/renderer/bin/render',
        args: ['-s', '{start:04}', '-e', '{end}', 'my scene.rib', '{chunk}'],
        frames: '1-3',
        outputPattern: '/out/2026-03-04_050607/beauty.{frame:04}.exr',
        env: ['RENDER_THREADS=4', 'TITLE=a b', 'FRAME={frame}'],
        workDir: '',
      },
    })
  })

  it.each<[Record<string, unknown>, string, string]>([
    [{ command: `render 'open` }, 'settings.command', 'is not closed'],
    [{ command: '# only a comment' }, 'settings.command', 'names no program'],
    [{ environment: 'PATH' }, 'settings.environment', '"PATH", which is not NAME=value'],
    [{ frames: '1-' }, 'settings.frames', 'a frame number is missing'],
    [{ output_pattern: '/out/image.png' }, 'settings.output_pattern', 'all tasks write the same file'],
    [{ chunk_size: 0 }, 'settings.chunk_size', 'must be at least 1'],
  ])('%j is refused, naming the setting', async (changes, field, message) => {
    await expect(compile('command-per-frame', { command: 'render', frames: '1-2', ...changes })).rejects.toMatchObject({
      field,
      message: expect.stringContaining(message) as string,
    })
  })

  it('one frame may write one file', async () => {
    const compiled = await compile('command-per-frame', { command: 'render', frames: '7', output_pattern: '/out/image.png' })
    expect(compiled.taskCount).toBe(1)
  })
})

describe('paths that are not absolute', () => {
  const BLENDER = {
    frames: '1',
    blendfile: '/a/b.blend',
    format: 'PNG',
    image_file_extension: '.png',
    scene: 'Scene',
    render_output_root: '/out',
  }
  const IMAGE = { blendfile: '/a/b.blend', render_output_path: '/out/a.png' }
  const VIDEO = { input: '/r/####.png', output: '/v/a.mp4' }
  /** What a job type takes, with the setting that holds a path; true: a relative one is taken from the folder of the blend file. */
  const PATHS: [string, string, Record<string, unknown>, boolean][] = [
    ['simple-blender-render', 'render_output_root', BLENDER, true],
    ['simple-blender-render', 'render_output_path', BLENDER, true],
    ['simple-blender-render', 'blendfile', BLENDER, false],
    ['single-image-render', 'render_output_path', IMAGE, true],
    ['single-image-render', 'blendfile', IMAGE, false],
    ['command-per-frame', 'output_pattern', { command: 'x', frames: '1' }, false],
    ['command-per-frame', 'work_dir', { command: 'x', frames: '1' }, false],
    ['container', 'output_pattern', { image: 'x' }, false],
    ['ffmpeg-encode', 'input', VIDEO, false],
    ['ffmpeg-encode', 'output', VIDEO, false],
    ['ffmpeg-encode', 'audio', VIDEO, false],
    ['demo-render', 'output_dir', {}, false],
  ]

  it('every setting of a path is among those that are tried', async () => {
    const tried = PATHS.map(([type, key]) => `${type} ${key}`)
    for (const { name, settings } of await catalog.list()) {
      const paths = settings.filter(({ key, subtype }) => key === 'blendfile' || subtype === 'dir_path' || subtype === 'file_path')
      expect(tried).toEqual(expect.arrayContaining(paths.map(({ key }) => `${name} ${key}`)))
    }
  })

  it.each(PATHS)('%s refuses what means another folder for each worker in %s', async (type, key, settings, takesRelative) => {
    const wrong = [
      '~/x/f_####.png',
      '$HOME/x/f.png',
      '${HOME}/x/f.png',
      '%USERPROFILE%/f.png',
      'C:renders/f.png',
      '\\renders\\f.png',
      '/out/a\nb/f.png',
    ]
    if (!takesRelative) wrong.push('renders/f.png', './f.png', '../f.png')
    for (const path of wrong)
      await expect(compile(type, { ...settings, [key]: path }), path).rejects.toMatchObject({ field: `settings.${key}` })
  })

  it('command-per-frame takes them from the folder that it runs in', async () => {
    const compiled = await compile('command-per-frame', { command: 'x', frames: '1', work_dir: '/work', output_pattern: 'o/{frame}.png' })
    expect(compiled.outputDir).toBe('/work/o')
    expect(commandsOf(compiled)[0]?.parameters['outputPattern']).toBe('/work/o/{frame}.png')
  })
})

describe('ffmpeg-encode', () => {
  it('takes images by their numbers, or one by its name, and keeps glob characters of names for workers that know globs only', async () => {
    const imagesOf = async (input: string, more = {}) =>
      tasksOf(await compile('ffmpeg-encode', { input, output: '/v/a.mp4', ...more }))[0]?.commands[1]?.parameters
    expect(await imagesOf('/s [1]/f_####.png', { frames: '1-9x4' })).toMatchObject({
      inputGlob: '/s [[]1]/f_*.png',
      imagePath: '/s [1]/f_####.png',
      frames: '1-9x4',
    })
    expect(await imagesOf('/s/f_%04d.png')).toMatchObject({ inputGlob: '/s/f_*.png', imagePath: '/s/f_####.png' })
    expect(await imagesOf('/s/one_0005.png')).toMatchObject({ inputGlob: '/s/one_0005.png', imagePath: '/s/one_0005.png' })
    await expect(imagesOf('/s/*.png', { frames: '1-9' })).rejects.toMatchObject({ field: 'settings.frames' })
    await expect(imagesOf('/s/####.png', { frames: '1-' })).rejects.toMatchObject({ field: 'settings.frames' })
  })

  it.each(['/render/*.png', '/render/####.png', '/render/%04d.png'])('makes a video of the images %s', async (input) => {
    const compiled = await compile('ffmpeg-encode', { input, output: '/videos/a.mp4', fps: 25, width: 1280 })
    expect(compiled.outputDir).toBe('/videos')
    expect(tasksOf(compiled)).toMatchObject([
      {
        name: 'encode',
        kind: 'ffmpeg',
        commands: [
          { name: 'make-directory', parameters: { path: '/videos' } },
          {
            name: 'frames-to-video',
            parameters: {
              exe: 'ffmpeg',
              fps: 25,
              inputGlob: '/render/*.png',
              outputFile: '/videos/a.mp4',
              args: [
                '-c:v',
                'libx264',
                '-crf',
                '20',
                '-g',
                '18',
                '-pix_fmt',
                'yuv420p',
                '-vf',
                'scale=1280:-2,pad=ceil(iw/2)*2:ceil(ih/2)*2',
                '-y',
              ],
            },
          },
        ],
      },
    ])
  })

  it('puts sound under images', async () => {
    const compiled = await compile('ffmpeg-encode', {
      input: '/r/*.png',
      output: '/v/a.mov',
      codec: 'prores',
      audio: '/s.wav',
      extra_args: '-metadata "title=My film"',
    })
    expect(tasksOf(compiled)[0]?.commands[1]?.parameters['args']).toEqual([
      '-i',
      '/s.wav',
      '-shortest',
      '-c:v',
      'prores_ks',
      '-profile:v',
      '3',
      '-pix_fmt',
      'yuv422p10le',
      '-vf',
      'pad=ceil(iw/2)*2:ceil(ih/2)*2',
      '-metadata',
      'title=My film',
      '-y',
    ])
  })

  it('encodes a video anew, or moves it into another container', async () => {
    const anew = await compile('ffmpeg-encode', { input: '/v/a.mov', output: '/v/b.webm', codec: 'vp9', quality: 31 })
    expect(tasksOf(anew)[0]?.commands[1]).toMatchObject({
      name: 'exec',
      parameters: {
        exe: 'ffmpeg',
        args: [
          '-hide_banner',
          '-nostdin',
          '-i',
          '/v/a.mov',
          '-c:v',
          'libvpx-vp9',
          '-crf',
          '31',
          '-b:v',
          '0',
          '-pix_fmt',
          'yuv420p',
          '-vf',
          'pad=ceil(iw/2)*2:ceil(ih/2)*2',
          '-c:a',
          'libopus',
          '-y',
          '/v/b.webm',
        ],
      },
    })
    const moved = await compile('ffmpeg-encode', { input: '/v/a.mov', output: '/v/b.mkv', codec: 'copy' })
    expect(tasksOf(moved)[0]?.commands[1]?.parameters['args']).toEqual([
      '-hide_banner',
      '-nostdin',
      '-i',
      '/v/a.mov',
      '-c',
      'copy',
      '-y',
      '/v/b.mkv',
    ])
  })

  it.each<[Record<string, unknown>, string]>([
    [{ output: '/v/video' }, 'settings.output'],
    [{ codec: 'copy' }, 'settings.codec'],
    [{ extra_args: '"' }, 'settings.extra_args'],
    [{ input: '/v/a.mov', audio: '/s.wav' }, 'settings.audio'],
    [{ codec: 'mp3' }, 'settings.codec'],
  ])('%j is refused, naming the setting', async (changes, field) => {
    await expect(compile('ffmpeg-encode', { input: '/r/*.png', output: '/v/a.mp4', ...changes })).rejects.toMatchObject({ field })
  })
})

describe('single-image-render', () => {
  it('renders tiles and merges them', async () => {
    const compiled = await compile('single-image-render', {
      blendfile: '/a.blend',
      columns: 3,
      rows: 2,
      frame: 7,
      render_output_path: '/out/{timestamp}/still',
      format: 'JPEG',
    })
    expect(compiled).toMatchObject({ outputDir: '/out/2026-03-04_050607', kinds: ['blender'], stepsTotal: 7, groups: [6] })
    expect(compiled.settings['render_output_path']).toBe('/out/{timestamp}/still')
    const tasks = tasksOf(compiled)
    expect(tasks.map(({ name }) => name)).toEqual(['tile 1,1', 'tile 2,1', 'tile 3,1', 'tile 1,2', 'tile 2,2', 'tile 3,2', 'merge'])
    expect(tasks[6]?.dependsOn).toEqual([1, 2, 3, 4, 5, 6])
    const args = tasks[4]?.commands[0]?.parameters['args'] as string[]
    expect(args.filter((arg) => !arg.includes('\n'))).toEqual([
      '--python-exit-code',
      '1',
      '--python-expr',
      '--python-exit-code',
      '0',
      '--render-output',
      '/out/2026-03-04_050607/still.parts-9b2f63aa/tile-2-2-####',
      '--render-format',
      'OPEN_EXR',
      '--render-frame',
      '7',
    ])
    expect(args[3]).toContain('columns = 3\nrows = 2\ncolumn = 1\nrow = 1\n')
    const merge = tasks[6]?.commands[0]?.parameters['args'] as string[]
    expect(merge.slice(-3)).toEqual(['--', '/out/2026-03-04_050607/still.parts-9b2f63aa', '/out/2026-03-04_050607/still.jpg'])
    expect(merge[3]).toContain('"tile-3-2-0007.exr"')
  })

  it('shares samples by seed', async () => {
    const tasks = tasksOf(
      await compile('single-image-render', {
        blendfile: '/a.blend',
        scene: 'Main',
        split: 'samples',
        parts: 2,
        samples: 100,
        seed: 5,
        render_output_path: '/o.png',
      }),
    )
    expect(tasks.map(({ name }) => name)).toEqual(['samples 1', 'samples 2', 'merge'])
    const args = tasks[1]?.commands[0]?.parameters['args'] as string[]
    expect(args.slice(0, 2)).toEqual(['--scene', 'Main'])
    expect(args[5]).toContain('parts = 2\npart = 1\ntotal = 100\nseed = 5\n')
  })

  it('has no braces in its Python: they would be taken for variables', async () => {
    for (const split of ['tiles', 'samples']) {
      for (const { parameters } of commandsOf(
        await compile('single-image-render', { blendfile: '/a.blend', split, render_output_path: '/o.png' }),
      )) {
        for (const arg of (parameters['args'] as string[]).filter((text) => text.includes('\n'))) expect(arg).not.toMatch(/[{}]/)
      }
    }
  })
})
