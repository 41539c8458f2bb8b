/** Pictures that sharp cannot read, made into PNG by ffmpeg or Blender: EXR, DPX, TGA and others. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import type { ToolSettings } from '../../contract/commands.ts'
import { readPictureLayer } from './exrHeader.ts'
import { findProgram } from '../find.ts'
import { runHelper } from '../process/runHelper.ts'

/** PNG bytes. `premultiplied`: the colours have been multiplied by alpha already. */
export interface Decoded {
  png: Buffer
  premultiplied: boolean
}

/**
 * The picture as an 8-bit sRGB PNG.
 * @throws Error when no program of this machine can read it
 */
export async function decodeImage(path: string, tools: ToolSettings): Promise<Decoded> {
  const isExr = extname(path).toLowerCase() === '.exr'
  const ffmpeg = findProgram('ffmpeg', tools)
  let problem = 'ffmpeg was not found'
  if (ffmpeg !== undefined) {
    try {
      return { png: await decodeByFfmpeg(ffmpeg, path, isExr), premultiplied: isExr }
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error)
    }
  }
  const blender = isExr ? findProgram('blender', tools) : undefined
  if (blender === undefined) throw new Error(problem)
  // Several parts, deep pixels, some compressions: what ffmpeg does not read, Blender does.
  return { png: await decodeByBlender(blender, path), premultiplied: false }
}

async function decodeByFfmpeg(ffmpeg: string, path: string, isExr: boolean): Promise<Buffer> {
  const input = isExr ? await exrOptions(path) : []
  // A per cent sign would make it look for a numbered sequence.
  if (path.includes('%')) input.push('-pattern_type', 'none')
  // The file protocol is named, so that a name with a colon is not taken for an address.
  const output = ['-frames:v', '1', '-pix_fmt', 'rgba', '-c:v', 'png', '-f', 'image2pipe', '-']
  const args = ['-v', 'error', '-nostdin', ...input, '-i', `file:${path}`, ...output]
  const { stdout: png } = await runHelper(ffmpeg, args)
  if (png.length === 0) throw new Error('ffmpeg found no picture in it')
  return png
}

/** Scene light is linear: ffmpeg applies the sRGB curve. Layered files need the layer named. */
async function exrOptions(path: string): Promise<string[]> {
  const layer = await readPictureLayer(path)
  if (layer === undefined) throw new Error('it has no layer with red, green and blue')
  return ['-apply_trc', 'iec61966_2_1', ...(layer === '' ? [] : ['-layer', layer])]
}

const BLENDER_SCRIPT = `
import bpy, sys
source, target = sys.argv[sys.argv.index('--') + 1:]
scene = bpy.context.scene
scene.view_settings.view_transform = 'Standard'
scene.render.image_settings.file_format = 'PNG'
scene.render.image_settings.color_mode = 'RGBA'
scene.render.image_settings.color_depth = '8'
bpy.data.images.load(source).save_render(target, scene=scene)
`

async function decodeByBlender(blender: string, path: string): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'framehouse-preview-'))
  try {
    const target = join(folder, 'picture.png')
    const args = ['--background', '--factory-startup', '--python-exit-code', '1', '--python-expr', BLENDER_SCRIPT, '--', path, target]
    await runHelper(blender, args)
    return await readFile(target)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
