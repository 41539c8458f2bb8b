/** What it costs to look whether rendered files are whole: small PNGs of a warm job, and a large OpenEXR file with many layers. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { checkPicture } from '../../src/main/pictures/checkPicture.ts'

/** A render of 4096 × 2160 with passes; prints how long saving it takes. */
const SCRIPT = `
import bpy, sys, time
scene = bpy.context.scene
scene.render.engine = 'CYCLES'
scene.cycles.device = 'CPU'
scene.cycles.samples = 1
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 4096, 2160, 100
layer = scene.view_layers[0]
for name in ('z', 'normal', 'position', 'diffuse_direct', 'diffuse_color', 'glossy_direct', 'glossy_color', 'vector'):
    setattr(layer, 'use_pass_' + name, True)
bpy.ops.render.render()
settings = scene.render.image_settings
settings.file_format, settings.color_depth, settings.exr_codec = 'OPEN_EXR_MULTILAYER', '16', 'ZIP'
began = time.perf_counter()
bpy.data.images['Render Result'].save_render(sys.argv[sys.argv.index('--') + 1], scene=scene)
print('SAVED_IN', time.perf_counter() - began)
`

export interface LayersResult {
  megabytes: number
  checkSeconds: number
  saveSeconds: number
  /** The longest that the event loop stood still meanwhile. */
  longestTurnMs: number
}

/** @param blender its path */
export async function measureLayers(blender: string): Promise<LayersResult> {
  const folder = await mkdtemp(join(tmpdir(), 'framehouse-layers-'))
  try {
    const path = join(folder, 'layers.exr')
    const args = ['--background', '--factory-startup', '--python-exit-code', '1', '--python-expr', SCRIPT, '--', path]
    const { stdout } = await promisify(execFile)(blender, args, { maxBuffer: 64 * 1024 * 1024 })
    let longestTurnMs = 0
    let last = performance.now()
    const timer = setInterval(() => {
      longestTurnMs = Math.max(longestTurnMs, performance.now() - last)
      last = performance.now()
    }, 1)
    const checkSeconds = await checkAll([path])
    clearInterval(timer)
    const { size } = await stat(path)
    return { megabytes: size / 2 ** 20, checkSeconds, saveSeconds: Number(/SAVED_IN ([\d.]+)/.exec(stdout)?.[1]), longestTurnMs }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Seconds to check all PNGs of a folder, one after the other, as a worker does; the first one's start-up included. */
export async function checkFolder(folder: string): Promise<{ seconds: number; files: number }> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.png'))
  return { files: names.length, seconds: await checkAll(names.map((name) => join(folder, name))) }
}

async function checkAll(paths: readonly string[]): Promise<number> {
  const began = performance.now()
  for (const path of paths) {
    const { state } = await checkPicture(path)
    if (state !== 'whole') throw new Error(`${path} is ${state}`)
  }
  return (performance.now() - began) / 1000
}
