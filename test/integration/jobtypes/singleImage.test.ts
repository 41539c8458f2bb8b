/** Parts of one image, rendered by a real Blender as the shipped script says, and merged: the same as rendered whole. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { shippedScriptsFolder } from '../../../src/main/jobtypes/scripts/catalog.ts'
import { settingsFor } from '../../../src/main/jobtypes/submission/settings.ts'
import type { Command } from '../../../src/shared/schemas/jobs/task.ts'
import { requirePart } from '../../support/parts.ts'
import { createScriptHome, inputFor, tasksOf, type ScriptHome } from './support.ts'
import { createJobTypeCatalog } from '../../../src/main/jobtypes/scripts/catalog.ts'
import { silentLogger } from '../../../src/shared/logger.ts'

const blender = requirePart('blender')
const run = promisify(execFile)

/** Cycles with few samples and an odd size: tiles cannot all be equal. */
const MAKE_SCENE = `
import bpy, sys
target, transparent, samples = sys.argv[sys.argv.index('--') + 1:]
bpy.ops.wm.read_factory_settings()
scene = bpy.context.scene
scene.render.engine = 'CYCLES'
scene.cycles.samples = int(samples)
scene.cycles.use_denoising = False
scene.cycles.use_adaptive_sampling = False
scene.render.resolution_x = 101
scene.render.resolution_y = 67
scene.render.resolution_percentage = 100
scene.render.film_transparent = transparent == 'yes'
scene.render.image_settings.file_format = 'PNG'
scene.render.image_settings.color_depth = '16'
scene.render.image_settings.color_mode = 'RGBA' if transparent == 'yes' else 'RGB'
bpy.ops.wm.save_as_mainfile(filepath=target)
`

interface Pixels {
  width: number
  height: number
  channels: number
  data: Uint16Array
}

async function pixelsOf(path: string): Promise<Pixels> {
  const { data, info } = await sharp(path).toColourspace('rgb16').raw({ depth: 'ushort' }).toBuffer({ resolveWithObject: true })
  return { ...info, data: new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2) }
}

/** Largest and mean difference of two images, as shares of white. */
function difference(a: Pixels, b: Pixels): { max: number; mean: number } {
  expect([a.width, a.height, a.channels]).toEqual([b.width, b.height, b.channels])
  let max = 0
  let sum = 0
  a.data.forEach((value, index) => {
    const off = Math.abs(value - (b.data[index] ?? 0)) / 65535
    max = Math.max(max, off)
    sum += off
  })
  return { max, mean: sum / a.data.length }
}

blender.describe('single-image-render with Blender', () => {
  let home: ScriptHome
  let folder: string

  beforeAll(async () => {
    home = await createScriptHome()
    folder = await mkdtemp(join(tmpdir(), 'framehouse-image-'))
    await writeFile(join(folder, 'scene.py'), MAKE_SCENE)
  })
  afterAll(async () => {
    await home.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function blend(name: string, transparent: boolean, samples: number): Promise<string> {
    const path = join(folder, `${name}.blend`)
    await run(blender.path, [
      '-b',
      '--python-exit-code',
      '1',
      '--python',
      join(folder, 'scene.py'),
      '--',
      path,
      transparent ? 'yes' : 'no',
      String(samples),
    ])
    return path
  }

  async function renderWhole(file: string): Promise<Pixels> {
    await run(blender.path, ['-b', file, '--render-output', join(folder, 'whole-####'), '--render-format', 'PNG', '--render-frame', '1'])
    return pixelsOf(join(folder, 'whole-0001.png'))
  }

  /** Runs the tasks of the job in order, as a worker would; answers what the last one printed. */
  async function runJob(given: Record<string, unknown>): Promise<string> {
    const catalog = createJobTypeCatalog({ folders: [shippedScriptsFolder()], sandbox: home.sandbox, log: silentLogger })
    const type = await catalog.get('single-image-render')
    const compiled = await catalog.compile(inputFor(type.name, settingsFor(type, given, false)))
    let output = ''
    for (const task of tasksOf(compiled)) for (const command of task.commands) output = await runCommand(command)
    return output
  }

  async function runCommand({ parameters }: Command): Promise<string> {
    const args = parameters['args'] as string[]
    return (await run(blender.path, ['-b', '-y', String(parameters['blendfile']), ...args])).stdout
  }

  it.each([
    ['opaque', false],
    ['transparent', true],
  ])(
    'tiles of an %s image make the same picture',
    async (name, transparent) => {
      const file = await blend(name, transparent, 4)
      const output = join(folder, name, 'merged.png')
      const printed = await runJob({ blendfile: file, columns: 2, rows: 2, render_output_path: output })
      expect(printed).toContain(`Saved: '${output}'`)
      const { max } = difference(await renderWhole(file), await pixelsOf(output))
      expect(max).toBeLessThan(0.002)
      expect(await readdir(join(folder, name))).toEqual(['merged.png'])
    },
    120_000,
  )

  it('shares of the samples make a picture as smooth as all of them', async () => {
    const file = await blend('noisy', false, 48)
    const output = join(folder, 'noisy', 'merged')
    await runJob({ blendfile: file, split: 'samples', parts: 3, render_output_path: output, keep_parts: true })
    const whole = await renderWhole(file)
    const merged = difference(whole, await pixelsOf(`${output}.png`))
    expect(merged.mean).toBeLessThan(0.01)
    const parts = (await readdir(join(folder, 'noisy'))).find((entry) => entry.includes('parts'))
    expect((await readdir(join(folder, 'noisy', String(parts)))).sort()).toEqual([
      'samples-1-0001.exr',
      'samples-2-0001.exr',
      'samples-3-0001.exr',
    ])
  }, 120_000)

  it('says why samples cannot be shared', async () => {
    const file = await blend('few', false, 2)
    await expect(
      runJob({ blendfile: file, split: 'samples', parts: 3, render_output_path: join(folder, 'few.png') }),
    ).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('2 samples cannot be shared by 3 parts') as string,
    })
  }, 60_000)

  it('merging says which part is missing', async () => {
    const file = await blend('gone', false, 1)
    const catalog = createJobTypeCatalog({ folders: [shippedScriptsFolder()], sandbox: home.sandbox, log: silentLogger })
    const type = await catalog.get('single-image-render')
    const settings = settingsFor(type, { blendfile: file, columns: 1, rows: 2, render_output_path: join(folder, 'gone', 'x.png') }, false)
    const merge = tasksOf(await catalog.compile(inputFor(type.name, settings))).at(-1)?.commands[0]
    if (merge === undefined) throw new Error('no merge task')
    await expect(runCommand(merge)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('a part is missing') as string })
  }, 60_000)
})
