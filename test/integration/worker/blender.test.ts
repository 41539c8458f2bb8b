/** `blender-render` with a real Blender and a real scene: frames on disk, reports, failures, cancelling. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import { createCommandRegistry } from '../../../src/main/worker/commands/registry.ts'
import { CouldNotStartError, InvalidParameterError, StoppedError } from '../../../src/main/worker/contract/commands.ts'
import { readVersion } from '../../../src/main/worker/tools/machine/software.ts'
import { type RecordedContext, commandOf, recordedContext, tempFolder, until } from '../../support/commandContext.ts'
import { makeBlend } from '../../support/makeBlend.ts'
import { requirePart } from '../../support/parts.ts'

const blender = requirePart('blender')
const registry = createCommandRegistry({ programs: {} })

async function render(context: RecordedContext, parameters: Record<string, unknown>): Promise<void> {
  const command = commandOf('blender-render', { exe: 'blender', exeArgs: '--background', argsBefore: [], args: [], ...parameters }, 1)
  await registry.find('blender-render')?.(command, context)
}

/** As the shipped job type authors it. */
function jobArgs(output: string, frames: string, format = 'PNG'): string[] {
  const settings = ['use_file_extension = True', 'use_overwrite = False', 'use_placeholder = False']
  const expression = ['import bpy', ...settings.map((setting) => `bpy.context.scene.render.${setting}`)].join('; ')
  return ['--python-expr', expression, '--render-output', output, '--render-format', format, '--render-frame', frames]
}

describe('blender-render without Blender', () => {
  it.each([
    [{ exe: 'blender' }, 'parameter "blendfile" is missing'],
    [{ blendfile: '' }, 'parameter "exe" is missing'],
    [{ exe: 'blender', blendfile: 1 }, 'parameter "blendfile" must be string'],
    [{ exe: 'blender', blendfile: '', args: '-f 1' }, 'parameter "args" must be array'],
    [{ exe: process.execPath, blendfile: '', exeArgs: '"open' }, 'parameter "exeArgs" is no list of arguments'],
  ])('refuses %j', async (parameters, message) => {
    const runner = registry.find('blender-render')
    const running = runner?.(commandOf('blender-render', parameters), await recordedContext())
    await expect(running).rejects.toThrow(InvalidParameterError)
    await expect(running).rejects.toThrow(message)
  })

  it('says that the program of the settings is not there', async () => {
    const context = await recordedContext({ tools: { programs: { blender: '/gone/blender' } } })
    await expect(render(context, { blendfile: '' })).rejects.toThrow(CouldNotStartError)
    await expect(render(context, { blendfile: '' })).rejects.toThrow(/could not start "\/gone\/blender": no such program/)
  })
})

blender.describe('blender-render', () => {
  let blend = ''
  beforeAll(async () => {
    blend = await makeBlend(blender.path)
  })

  it('renders frames, reports them with their times, and counts steps', async () => {
    const folder = await tempFolder()
    const context = await recordedContext()
    await render(context, { blendfile: blend, args: jobArgs(join(folder, 'out', 'f-######'), '3..5') })
    const names = ['f-000003.png', 'f-000004.png', 'f-000005.png']
    expect(await readdir(join(folder, 'out'))).toEqual(names)
    expect(context.outputs.map(({ path, frame }) => ({ path, frame }))).toEqual(
      names.map((name, index) => ({ path: join(folder, 'out', name), frame: 3 + index })),
    )
    for (const output of context.outputs) {
      expect(output.bytes).toBe((await stat(output.path)).size)
      expect(output.renderedMs).toBeGreaterThan(0)
      expect(await sharp(output.path).metadata()).toMatchObject({ width: 160, height: 90, format: 'png' })
    }
    expect(context.steps).toBe(3)
    expect(context.activities).toContainEqual(expect.stringMatching(/^frame 4, sample \d\/4/))
    expect(context.text).toContain(`${blend} --python-expr 'import bpy; `)
    expect(context.text).toMatch(/pid=\d+ > Saved: '/)
  })

  it('counts and reports frames that are kept, and leaves them as they are', async () => {
    const folder = await tempFolder()
    const first = await recordedContext()
    await render(first, { blendfile: blend, args: jobArgs(join(folder, 'f-######'), '1') })
    const before = (await stat(join(folder, 'f-000001.png'))).mtimeMs
    const again = await recordedContext({ existing: { mode: 'keep-whole' } })
    await render(again, { blendfile: blend, args: jobArgs(join(folder, 'f-######'), '1..2') })
    expect(again.steps).toBe(2)
    expect(again.outputs.map(({ frame }) => frame)).toEqual([1, 2])
    expect(again.outputs[0]?.renderedMs).toBeUndefined()
    expect((await stat(join(folder, 'f-000001.png'))).mtimeMs).toBe(before)
  })

  it('knows the frames of Workbench, which does not tell what it works on', async () => {
    const workbench = await makeBlend(blender.path, { engine: 'WORKBENCH' })
    const folder = await tempFolder()
    const context = await recordedContext()
    await render(context, { blendfile: workbench, args: jobArgs(join(folder, 'w-######'), '7..8') })
    expect(context.outputs.map(({ frame }) => frame)).toEqual([7, 8])
    expect(context.steps).toBe(2)
  })

  it('does not take other numbers in a name for frames', async () => {
    const folder = await tempFolder()
    const context = await recordedContext()
    const target = join(folder, 'tile-03.png')
    const lines = ['import bpy', 's = bpy.context.scene', 's.frame_set(9)', `s.render.filepath = ${JSON.stringify(target)}`]
    const code = [...lines, 'bpy.ops.render.render(write_still=True)'].join('; ')
    await render(context, { blendfile: blend, args: ['--python-exit-code', '1', '--python-expr', code] })
    expect(context.outputs).toMatchObject([{ path: target, frame: 9 }])
  })

  it('runs without a file when the name is empty', async () => {
    const context = await recordedContext()
    const args = ['--python-expr', 'print("hello from", "python")']
    await render(context, { exeArgs: '--background --factory-startup', blendfile: '', args })
    expect(context.text).toContain('> hello from python')
  })

  it('says which file is missing', async () => {
    const context = await recordedContext()
    const running = render(context, { blendfile: '/no/such/scene.blend', args: jobArgs('/tmp/never', '1') })
    await expect(running).rejects.toThrow(/exited abnormally with code 1: Cannot read file '\/no\/such\/scene\.blend': No such file/)
    await expect(running).rejects.toMatchObject({ outcome: 'exit-code', exitCode: 1 })
    expect(context.outputs).toEqual([])
  })

  it('says that a file is no scene', async () => {
    const folder = await tempFolder()
    await writeFile(join(folder, 'broken.blend'), 'this is no scene')
    const context = await recordedContext()
    const running = render(context, { blendfile: join(folder, 'broken.blend'), args: jobArgs(join(folder, 'f-##'), '1') })
    await expect(running).rejects.toThrow(/broken\.blend/)
    expect(await readdir(folder)).toEqual(['broken.blend'])
  })

  it('says that the scene has no camera', async () => {
    const args = ['--python-expr', 'import bpy; bpy.context.scene.camera = None', ...jobArgs(join(await tempFolder(), 'f-##'), '1')]
    await expect(render(await recordedContext(), { blendfile: blend, args })).rejects.toThrow(/no camera/i)
  })

  it.each([
    ['raise ValueError("no such layer")', /code \d+: Python: ValueError: no such layer/],
    ['import sys; sys.exit("framehouse: a part is missing")', /code 1: a part is missing/],
  ])('says why the script %s failed', async (code, reason) => {
    const args = ['--python-exit-code', '3', '--python-expr', code]
    await expect(render(await recordedContext(), { blendfile: blend, args })).rejects.toThrow(reason)
  })

  it('says that the pictures cannot be saved', async () => {
    const context = await recordedContext()
    const running = render(context, { blendfile: blend, args: jobArgs('/proc/nowhere/f-######', '1') })
    await expect(running).rejects.toThrow(/cannot save.*can this worker write to the output folder/)
  })

  it('tells a missing denoiser from other failures, where this Blender has none', async () => {
    const folder = await tempFolder()
    const context = await recordedContext()
    const args = ['--python-expr', 'import bpy; bpy.context.scene.cycles.use_denoising = True', ...jobArgs(join(folder, 'f-######'), '1')]
    const end = await render(context, { blendfile: blend, args }).then(
      () => 'rendered',
      (error: unknown) => String(error),
    )
    const hasDenoiser = !context.text.includes('Build without OpenImageDenoise')
    if (hasDenoiser) expect(end).toBe('rendered')
    else expect(end).toMatch(/built without OpenImageDenoise: switch denoising off/)
  })

  it('kills Blender in the middle of a frame when the task is stopped', async () => {
    const slow = await makeBlend(blender.path, { slow: '5000' })
    const folder = await tempFolder()
    const context = await recordedContext()
    const running = render(context, { blendfile: slow, args: jobArgs(join(folder, 'f-######'), '1') })
    const failed = expect(running).rejects.toThrow(StoppedError)
    await until(() => context.activities.some((activity) => /sample [1-9]/.test(activity)), 'Blender is at work on the frame', 60_000)
    const pid = context.pids.started[0] ?? 0
    context.stop()
    const stoppedAt = Date.now()
    await failed
    expect(Date.now() - stoppedAt).toBeLessThan(5_000)
    expect(existsSync(`/proc/${pid}`)).toBe(false)
    expect(await readdir(folder)).toEqual([])
  })

  it('tells the version of Blender, and that this machine can render', async () => {
    const said = (await promisify(execFile)(blender.path, ['--version'])).stdout.split('\n')[0]
    expect(`Blender ${await readVersion('blender', resolve(blender.path))}`).toBe(said)
    expect(createCommandRegistry({ programs: { blender: blender.path } }).kinds('flamenco')).toContain('blender')
  })
})
