/** What a render promised and what became of its files, with a real Blender: names, views, borders, movies, output nodes, scripts. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { createCommandRegistry } from '../../../src/main/worker/commands/registry.ts'
import { type RecordedContext, commandOf, recordedContext, tempFolder, until } from '../../support/commandContext.ts'
import { makeBlend } from '../../support/makeBlend.ts'
import { requirePart } from '../../support/parts.ts'

const blender = requirePart('blender')
const registry = createCommandRegistry({ programs: {} })

async function render(context: RecordedContext, blendfile: string, args: readonly string[]): Promise<void> {
  const parameters = { exe: 'blender', exeArgs: '--background', argsBefore: [], blendfile, args }
  await registry.find('blender-render')?.(commandOf('blender-render', parameters, 1), context)
}

const python = (...lines: string[]): string[] => [
  '--python-exit-code',
  '1',
  '--python-expr',
  ['import bpy, os', 's = bpy.context.scene', ...lines].join('\n'),
  '--python-exit-code',
  '0',
]

/** Frames as the job types render those that `--render-frame` cannot name. */
async function framesExpression(frames: string): Promise<string> {
  const source = await readFile(join(import.meta.dirname, '../../../resources/job-types/simple-blender-render.js'), 'utf8')
  const code = /const NEGATIVE_FRAMES = `([\s\S]*?)`/.exec(source)?.[1] ?? ''
  return `# framehouse: frames ${frames}\nframes = [${frames}]\n${code}`
}

const pixels = async (path: string): Promise<string> => (await sharp(path).raw().toBuffer()).toString('base64')
const facts = ({ outputs }: RecordedContext) =>
  outputs.map(({ path, frame, check, view, side }) => ({
    name: basename(path),
    frame,
    check,
    ...(view && { view }),
    ...(side && { side }),
  }))

blender.describe('the files of a render', () => {
  let scene = ''
  beforeAll(async () => {
    scene = await makeBlend(blender.path, { engine: 'WORKBENCH', width: '64', height: '48', frames: '9' })
  })

  it('are known by frame and view, whatever their names look like; each is looked at', async () => {
    const folder = await tempFolder()
    const context = await recordedContext()
    const names = ['v####_003', 'beauty_####_v02', 'f.####.0004', '####_1', 's####L2', 'folder/']
    const stereo = python(
      "s.render.use_multiview = True; s.render.views_format = 'STEREO_3D'; s.render.filepath = '" + join(folder, 'eye_##') + "'",
    )
    const border = python(
      's.render.use_multiview = False; s.render.use_border = s.render.use_crop_to_border = True; s.render.border_max_x = 0.5; s.render.border_max_y = 0.3',
    )
    await render(context, scene, [
      ...names.flatMap((name) => ['-o', join(folder, name), '-f', '1..3']),
      // The output that the file itself names, two views a frame.
      ...stereo, '-f', '3',
      ...border, '-o', join(folder, 'part_#'), '-F', 'JPEG', '-f', '1',
    ]) // prettier-ignore
    expect(context.outputs.slice(0, 18).map(({ frame }) => frame)).toEqual(names.flatMap(() => [1, 2, 3]))
    expect(facts(context).slice(18)).toEqual([
      { name: 'eye_03_L.png', frame: 3, check: 'whole', view: 'left' },
      { name: 'eye_03_R.png', frame: 3, check: 'whole', view: 'right' },
      { name: 'part_1.jpg', frame: 1, check: 'whole' },
    ])
    for (const { path, bytes, modifiedAt, width, height, sha256 } of context.outputs) {
      const { size, mtimeMs } = await stat(path)
      expect([bytes, modifiedAt]).toEqual([size, Math.trunc(mtimeMs)])
      expect([width, height]).toEqual(path.endsWith('.jpg') ? [32, expect.closeTo(14, 0)] : [64, 48])
      expect(sha256).toMatch(/^[0-9a-f]{64}$/)
    }
    expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([])
    expect(context.text).not.toContain('.framehouse-unfinished')
    expect(context.text).toContain(`Saved: '${join(folder, 'v0001_003.png')}'`)
    expect(context.inputsTold).toMatchObject([{ program: expect.stringMatching(/^Blender \d/), files: [{ path: scene }] }])
    expect(context.warnings).toEqual([])
  })

  it('may have frames before zero, with the pixels that the scene has there', async () => {
    const folder = await tempFolder()
    const context = await recordedContext()
    await render(context, scene, [
      '-o', join(folder, 'h_####'), '--python-exit-code', '1', '--python-expr', await framesExpression('-2,-1,0,1'), '--python-exit-code', '0',
      '-o', join(folder, 'plain_####'), '-f', '0..1',
      // The same picture by a scene whose animation begins later.
      ...python('for curve in [c for a in bpy.data.actions for c in a.fcurves]:', '    for k in curve.keyframe_points: k.co[0] += 10; k.handle_left[0] += 10; k.handle_right[0] += 10'),
      '-o', join(folder, 'later_####'), '-f', '8..9',
    ]) // prettier-ignore
    expect(facts(context).slice(0, 4)).toEqual(
      ['h_-0002.png', 'h_-0001.png', 'h_0000.png', 'h_0001.png'].map((name, index) => ({ name, frame: index - 2, check: 'whole' })),
    )
    expect(context.steps).toBe(8)
    const same = [['h_0000.png', 'plain_0000.png'], ['h_0001.png', 'plain_0001.png'], ['h_-0002.png', 'later_0008.png'], ['h_-0001.png', 'later_0009.png']] // prettier-ignore
    for (const [one, other] of same) expect(await pixels(join(folder, one ?? '')), one).toBe(await pixels(join(folder, other ?? '')))
  })

  it.each([
    ['quits as it is loaded', ['--python-expr', 'import os; os._exit(0)'], /frames that were asked for were not saved: frame 1, frame 2/],
    ['leaves with sys.exit', ['--python-expr', 'import sys; sys.exit(0)'], /frames that were asked for were not saved: frame 1, frame 2/],
    [
      'quits as it renders',
      python('bpy.app.handlers.render_pre.append(lambda *a: os._exit(0))'),
      /2 frames that were asked for were not saved: .*f_1\.png, .*f_2\.png/,
    ],
    [
      'quits at its second frame',
      python('bpy.app.handlers.render_pre.append(lambda *a, calls=[]: os._exit(0) if calls else calls.append(1))'),
      /a frame that was asked for was not saved: .*f_2\.png/,
    ],
    ['names no scene of the file', ['-S', 'Nope'], /the file has no scene 'Nope'; it has 'Scene'/],
    ['names no format', ['-F', 'JPG'], /no output format 'JPG' \(did you mean JPEG\?\)/],
    ['names no engine', ['-E', 'MENTAL_RAY'], /(no render engine|engine not found) 'MENTAL_RAY'/],
  ])('fail a command that %s', async (_, extra, reason) => {
    const folder = await tempFolder()
    const scene1 = extra[0] === '-S' ? extra : []
    const later = extra[0] === '-S' ? [] : extra
    const context = await recordedContext()
    await expect(render(context, scene, [...scene1, '-o', join(folder, 'f_#'), ...later, '-f', '1..2'])).rejects.toThrow(reason)
    expect(context.outputs.every(({ path }) => path.endsWith('f_1.png'))).toBe(true)
  })

  it('fail a command whose output is relative, and follow // to the .blend', async () => {
    const context = await recordedContext()
    await expect(render(context, scene, ['-o', 'renders/f_#', '-f', '1'])).rejects.toThrow(/output path 'renders\/f_1\.png' is relative/)
    const folder = await tempFolder()
    const copy = join(folder, 'copy.blend')
    await writeFile(copy, await readFile(scene))
    const beside = await recordedContext()
    await render(beside, copy, ['-o', '//out/f_#', '-f', '1'])
    expect(beside.outputs.map(({ path }) => path)).toEqual([join(folder, 'out', 'f_1.png')])
  })

  it('leave a command that promises none to its exit code, with the rules of its own Python', async () => {
    const folder = await tempFolder()
    const context = await recordedContext()
    const still = join(folder, 'tile-03.png')
    await render(context, scene, [
      '--python-expr',
      'raise ValueError("not so bad")',
      ...python('s.frame_set(7)', `s.render.filepath = ${JSON.stringify(still)}`, 'bpy.ops.render.render(write_still=True)'),
    ])
    expect(context.outputs).toMatchObject([{ path: still, check: 'whole' }])
    expect(context.warnings).toEqual([{ code: 'script-error', text: 'Python: ValueError: not so bad' }])
  })

  it('are taken where a script of the scene sends them while it renders', async () => {
    const folder = await tempFolder()
    const context = await recordedContext()
    const moves = python(
      `bpy.app.handlers.render_init.append(lambda s, *a: setattr(s.render, 'filepath', ${JSON.stringify(join(folder, 'moved', 'm_##'))}))`,
    )
    await render(context, scene, [...moves, '-o', join(folder, 'f_#'), '-f', '4'])
    expect(context.outputs).toHaveLength(1)
    expect(context.outputs).toMatchObject([{ frame: 4, check: 'whole' }])
  })

  it('may be a movie, which has as many pictures as frames', async () => {
    const folder = await tempFolder()
    const context = await recordedContext()
    const movie = python("s.render.image_settings.file_format = 'FFMPEG'; s.render.ffmpeg.format = 'MPEG4'; s.render.ffmpeg.codec = 'H264'")
    await render(context, scene, [...movie, '-o', join(folder, 'film_'), '-s', '2', '-e', '5', '-a'])
    expect(context.outputs).toMatchObject([
      { path: join(folder, 'film_0002-0005.mp4'), check: expect.stringMatching(/^(whole|unchecked)$/) },
    ])
    expect(await readdir(folder)).toEqual(['film_0002-0005.mp4'])
  })

  it('of output nodes are files beside the frame, and one that cannot be written fails it', async () => {
    const folder = await tempFolder()
    const node = (path: string) => [
      's.use_nodes = True; t = s.node_tree',
      "r = next(n for n in t.nodes if n.type == 'R_LAYERS')",
      "o = t.nodes.new('CompositorNodeOutputFile'); t.links.new(r.outputs[0], o.inputs[0])",
      `o.base_path = ${JSON.stringify(path)}`,
      // One that is muted and one without an input write nothing, and fail nothing.
      "m = t.nodes.new('CompositorNodeOutputFile'); m.base_path = '/proc/muted'; m.mute = True; t.links.new(r.outputs[0], m.inputs[0])",
      "e = t.nodes.new('CompositorNodeOutputFile'); e.base_path = '/proc/empty'",
    ]
    const good = await recordedContext()
    await render(good, scene, [...python(...node(join(folder, 'passes'))), '-o', join(folder, 'f_#'), '-f', '2..3'])
    expect(facts(good)).toEqual([
      { name: 'Image0002.png', frame: 2, check: 'whole', side: true },
      { name: 'f_2.png', frame: 2, check: 'whole' },
      { name: 'Image0003.png', frame: 3, check: 'whole', side: true },
      { name: 'f_3.png', frame: 3, check: 'whole' },
    ])
    const bad = await recordedContext()
    await expect(render(bad, scene, [...python(...node('/proc/nope')), '-o', join(folder, 'g_#'), '-f', '2'])).rejects.toThrow(
      /Cannot save Node File Output to \/proc\/nope/,
    )
    // A retry must not find a picture that it might keep.
    expect(bad.outputs).toEqual([])
    expect(await readdir(folder)).not.toContain('g_2.png')
  })

  it('tell of textures and libraries that are missing, once each though Blender says so in words of its own', async () => {
    const folder = await tempFolder()
    const blend = join(folder, 'poor.blend')
    const make = [
      'import bpy', "i = bpy.data.images.new('t', 4, 4); i.source = 'FILE'; i.filepath = '/nowhere/t.png'; i.use_fake_user = True",
      `bpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(join(folder, 'lib.blend'))}, copy=True)`,
      `with bpy.data.libraries.load(${JSON.stringify(join(folder, 'lib.blend'))}, link=True) as (a, b): b.meshes = a.meshes[:1]`,
      "bpy.context.scene.collection.objects.link(bpy.data.objects.new('linked', b.meshes[0]))",
      `bpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(blend)})`, `import os; os.remove(${JSON.stringify(join(folder, 'lib.blend'))})`,
    ] // prettier-ignore
    await promisify(execFile)(blender.path, ['-b', scene, '--python-exit-code', '1', '--python-expr', make.join('\n')])
    const context = await recordedContext()
    await render(context, blend, ['-o', join(folder, 'f_#'), '-f', '1'])
    const told = context.warnings.map(({ code, text }) => `${code} ${text}`).toSorted()
    expect(told).toEqual([
      'missing-file file of the scene is missing: /nowhere/t.png',
      `missing-library linked file is missing: ${join(folder, 'lib.blend')}`,
    ])
  })
})

blender.describe('files that are there before a render', () => {
  it('are replaced, or kept when they are whole and may be; damaged ones never are', async () => {
    const scene = await makeBlend(blender.path, { engine: 'WORKBENCH', width: '64', height: '48', frames: '9' })
    const folder = await tempFolder()
    const args = ['-o', join(folder, 'f_#'), '-f', '1..3']
    const at = (frame: number) => join(folder, `f_${frame}.png`)
    await sharp({ create: { width: 64, height: 48, channels: 3, background: 'red' } })
      .png()
      .toFile(at(1))
    await writeFile(at(2), 'PNG!')
    await sharp({ create: { width: 32, height: 24, channels: 3, background: 'red' } })
      .png()
      .toFile(at(3))
    const red = await readFile(at(1))

    const keeps = await recordedContext({ existing: { mode: 'keep-whole' } })
    await render(keeps, scene, args)
    expect(await readFile(at(1))).toEqual(red)
    expect(keeps.outputs.map(({ frame, kept, check }) => [frame, kept, check])).toEqual([
      [1, true, 'whole'],
      [2, undefined, 'whole'],
      [3, undefined, 'whole'],
    ])
    expect(keeps.steps).toBe(3)
    expect(keeps.warnings).toMatchObject([{ code: 'frames-kept', frames: [1] }])

    const [inputs] = keeps.inputsTold
    const known = keeps.outputs.map(({ path, frame, bytes, modifiedAt, sha256, width, height }) => ({
      path, frame, view: '', bytes, modifiedAt, sha256, width, height, inputs, rejected: frame === 2,
    })) // prettier-ignore
    const retries = await recordedContext({ existing: { mode: 'keep-proven', known } as never })
    await render(retries, scene, args)
    expect(retries.outputs.map(({ frame, kept }) => [frame, kept])).toEqual([[1, true], [3, true], [2, undefined]]) // prettier-ignore

    const again = await recordedContext()
    await render(again, scene, args)
    expect(again.outputs.map(({ frame, kept, check }) => [frame, kept, check])).toEqual(
      [1, 2, 3].map((frame) => [frame, undefined, 'whole']),
    )
    expect(await readFile(at(1))).not.toEqual(red)
    expect(await readdir(join(folder, '.framehouse-replaced'))).toContain('f_1.png')
  })

  it('never are halves of an attempt that was killed as it saved', async () => {
    const folder = await tempFolder()
    // Saving it takes long: pixels that cannot be packed.
    const noise = python(
      "s.render.resolution_x = s.render.resolution_y = 1500; s.render.image_settings.color_depth = '16'; s.render.image_settings.compression = 100",
    )
    const scene = await makeBlend(blender.path, { engine: 'WORKBENCH', width: '64', height: '48', frames: '9' })
    const context = await recordedContext({ taskId: 'killed' })
    const running = render(context, scene, [...noise, '-o', join(folder, 'f_#'), '-f', '1'])
    const failed = expect(running).rejects.toThrow(/SIGKILL/)
    const hidden = async () => (await readdir(folder, { recursive: true })).some((name) => name.endsWith('f_1.png'))
    await until(hidden, 'Blender writes the file')
    for (const pid of context.pids.started) process.kill(pid, 'SIGKILL')
    await failed
    expect(await readdir(folder)).toEqual([])
    // What a worker that was killed itself could not clear away goes with the next attempt.
    await mkdir(join(folder, '.framehouse-unfinished-killed-1'))
    const next = await recordedContext({ taskId: 'killed', task: { attempt: 2 } })
    await render(next, scene, ['-o', join(folder, 'f_#'), '-f', '1'])
    expect(await readdir(folder)).toEqual(['f_1.png'])
  })

  const isRoot = process.getuid?.() === 0
  if (!isRoot) process.stderr.write('skipped: only root can make a small disk to fill\n')
  it.skipIf(!isRoot)('are none when the disk is full', async () => {
    const disk = await tempFolder()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk])
    onTestFinished(() => void execFileSync('umount', [disk]))
    const scene = await makeBlend(blender.path, { engine: 'WORKBENCH', width: '64', height: '48', frames: '9' })
    const context = await recordedContext()
    const large = python("s.render.resolution_x = s.render.resolution_y = 1500; s.render.image_settings.color_depth = '16'")
    await expect(render(context, scene, [...large, '-o', join(disk, 'f_#'), '-f', '1'])).rejects.toThrow(/cannot save|space|damaged/i)
    expect(context.outputs).toEqual([])
    expect(await readdir(disk)).toEqual([])
  })
})
