/** Which of Blender's command lines an open Blender may do instead of a fresh one. */
import { describe, expect, it } from 'vitest'
import { parseExpression, planBlender } from '../../../../src/main/worker/commands/blender/blenderPlan.ts'

const plan = (args: string[], exeArgs = ['-b', '-y'], argsBefore: string[] = []) =>
  planBlender({ exeArgs, argsBefore, blendfile: '/s.blend', args })
const OURS = 'import bpy; render = bpy.data.scenes["Sc\\"ene"].render; render.use_file_extension = True; render.use_overwrite = False'

describe('a command line for an open Blender', () => {
  it('is taken apart into scene, steps and frames', () => {
    expect(
      plan(['--scene', 'S', '--python-expr', OURS, '--render-output', '/o/##', '--render-format', 'PNG', '--render-frame', '1..3,7']),
    ).toEqual({
      openArgs: ['-b', '-y'],
      blendfile: '/s.blend',
      scene: 'S',
      steps: [
        { set: 'render.use_file_extension', value: true, on: 'Sc"ene' },
        { set: 'render.use_overwrite', value: false, on: 'Sc"ene' },
        { set: 'render.filepath', value: '/o/##' },
        { format: 'PNG' },
      ],
      frames: [
        [1, 3],
        [7, 7],
      ],
    })
    expect(
      plan(['-E', 'CYCLES', '-x', '0', '--python-exit-code', '1', '-f', '2'], ['-b', '--threads', '4', '--factory-startup']),
    ).toMatchObject({
      steps: [
        { set: 'render.engine', value: 'CYCLES' },
        { set: 'render.use_file_extension', value: false },
      ],
      frames: [[2, 2]],
    })
  })

  it('may have frames before zero by our own expression, and several lists of frames', () => {
    const declared = '# framehouse: frames -2,-1\nframes = [-2,-1]\n…'
    const own = (code: string) => ['--python-exit-code', '1', '--python-expr', code, '--python-exit-code', '0']
    expect(plan([...own(OURS), '-o', '/o/##', ...own(declared), '-f', '0..3'])).toMatchObject({
      frames: [
        [-2, -2],
        [-1, -1],
        [0, 3],
      ],
    })
  })

  it.each<[string, string[], string[]?]>([
    ['without a frame', ['-o', '/o/##']],
    ['with something after the frame', ['-f', '1', '-o', '/o/##']],
    ['with a scene that is chosen late', ['-o', '/o/##', '-S', 'S', '-f', '1']],
    ['with frames counted from the end', ['-f', '-1']],
    ['with the frames of the scene', ['-a']],
    ['with an unknown argument', ['--cycles-device', 'CUDA', '-f', '1']],
    ['with a script', ['--python', 'x.py', '-f', '1']],
    ['with Python that does more', ['--python-expr', 'import bpy; print(1)', '-f', '1']],
    ['in a window', ['-f', '1'], ['-y']],
    ['with add-ons', ['-f', '1'], ['-b', '--addons', 'x']],
    ['with arguments for a script', ['-f', '1', '--', 'x']],
  ])('is refused %s', (_, args, exeArgs) => {
    expect(plan(args, exeArgs)).toEqual({ reason: expect.any(String) })
  })

  it('is refused without a file', () => {
    expect(planBlender({ exeArgs: ['-b'], argsBefore: [], blendfile: '', args: ['-f', '1'] })).toEqual({ reason: 'it opens no file' })
  })
})

describe('Python that only sets what can be set back', () => {
  it.each([
    ['bpy.context.scene.render.film_transparent = True', [{ set: 'render.film_transparent', value: true }]],
    [
      's = bpy.context.scene\ns.cycles.samples = 64; s.cycles.seed = -3',
      [
        { set: 'cycles.samples', value: 64 },
        { set: 'cycles.seed', value: -3 },
      ],
    ],
    ['bpy.data.scenes[\'A\'].camera = bpy.data.objects["Cam; 2"]', [{ camera: 'Cam; 2', on: 'A' }]],
    ["c = bpy.context.scene.cycles; c.device = 'GPU'", [{ set: 'cycles.device', value: 'GPU' }]],
  ])('%s', (code, steps) => {
    expect(parseExpression(`import bpy; ${code}`)).toEqual(steps)
  })

  it.each([
    'import os',
    'bpy.ops.object.delete()',
    'render.use_overwrite = False',
    'bpy.context.scene.render.use_overwrite = not True',
    'bpy.context.scene.render.engine_unknown = 1',
    'bpy.context.scene.frame_start = 3',
    'if True:\n  bpy.context.scene.render.use_overwrite = False',
    'bpy.context.scene.render.use_overwrite = False # why',
    'bpy.data.scenes["\\x41"].render.use_overwrite = False',
    'bpy.context.scene.camera = None',
  ])('not %s', (code) => {
    expect(parseExpression(code)).toBeUndefined()
  })
})
