/** Previews of real files in every format that a renderer writes. */
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inflateSync } from 'node:zlib'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PreviewMaker } from '../../../src/main/worker/contract/commands.ts'
import { PreviewError, createPreviewMaker } from '../../../src/main/worker/tools/pictures/previews.ts'
import { fromHalf, planesOf, splitLight } from '../../../src/shared/pictures/sceneLight.ts'
import { tempFolder } from '../../support/commandContext.ts'
import { requirePart } from '../../support/parts.ts'

const run = promisify(execFile)
const ffmpeg = requirePart('ffmpeg')
const blender = requirePart('blender')
const maker = createPreviewMaker({ programs: {} })

/** Left half red, right half transparent or blue; 2400 × 600. */
async function halves(alpha: boolean) {
  const right = { r: 0, g: 0, b: 255, alpha: alpha ? 0 : 1 }
  const left = { r: 255, g: 0, b: 0, alpha: 1 }
  const half = await sharp({ create: { width: 1200, height: 600, channels: 4, background: left } })
    .png()
    .toBuffer()
  const empty = sharp({ create: { width: 2400, height: 600, channels: 4, background: right } })
  const whole = empty.composite([{ input: half, left: 0, top: 0 }])
  const flat = sharp(await whole.png().toBuffer())
  return alpha ? flat : flat.removeAlpha()
}

async function colourAt(jpeg: Buffer, share: number): Promise<number[]> {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true })
  const at = (Math.floor(info.height / 2) * info.width + Math.floor(info.width * share)) * info.channels
  return [...data.subarray(at, at + 3)]
}

function near(colour: number[], wanted: number[], by = 12): boolean {
  return colour.every((value, index) => Math.abs(value - (wanted[index] ?? 0)) <= by)
}

describe('previews', () => {
  it.each(['png', 'jpeg', 'tiff', 'webp'] as const)('of %s are JPEGs of at most 320 and 1920', async (format) => {
    const path = join(await tempFolder(), `picture.${format}`)
    await (await halves(false)).toFormat(format).toFile(path)
    const made = await maker.previews(path)
    if (made === undefined) throw new Error('no preview')
    expect(made).toMatchObject({ width: 2400, height: 600 })
    expect(await sharp(made.large).metadata()).toMatchObject({ format: 'jpeg', width: 1920, height: 480 })
    expect(await sharp(made.thumbnail).metadata()).toMatchObject({ format: 'jpeg', width: 320, height: 80 })
    for (const jpeg of [made.large, made.thumbnail]) {
      expect(near(await colourAt(jpeg, 0.25), [254, 0, 0]), String(await colourAt(jpeg, 0.25))).toBe(true)
      expect(near(await colourAt(jpeg, 0.75), [0, 0, 254])).toBe(true)
    }
  })

  it('never enlarge', async () => {
    const path = join(await tempFolder(), 'small.png')
    await sharp({ create: { width: 100, height: 40, channels: 3, background: '#123456' } })
      .png()
      .toFile(path)
    const made = await maker.previews(path)
    expect(await sharp(made?.large).metadata()).toMatchObject({ width: 100, height: 40 })
    expect(await sharp(made?.thumbnail).metadata()).toMatchObject({ width: 100, height: 40 })
  })

  it('show 16 bits, grey and palettes with their own brightness', async () => {
    const folder = await tempFolder()
    const grey = sharp({ create: { width: 64, height: 64, channels: 3, background: { r: 128, g: 128, b: 128 } } })
    await grey.clone().toColourspace('rgb16').png().toFile(join(folder, 'deep.png'))
    await grey.clone().toColourspace('b-w').png().toFile(join(folder, 'grey.png'))
    await grey.clone().png({ palette: true }).toFile(join(folder, 'palette.png'))
    await grey.clone().toColourspace('rgb16').tiff().toFile(join(folder, 'deep.tiff'))
    expect((await sharp(join(folder, 'deep.png')).metadata()).depth).toBe('ushort')
    for (const name of ['deep.png', 'grey.png', 'palette.png', 'deep.tiff']) {
      const made = await maker.previews(join(folder, name))
      expect(near(await colourAt(made?.thumbnail ?? Buffer.alloc(0), 0.5), [128, 128, 128], 3), name).toBe(true)
    }
  })

  it('show GIF, AVIF and, by ffmpeg, the portable formats of small tools', async () => {
    const folder = await tempFolder()
    const red = sharp({ create: { width: 32, height: 16, channels: 3, background: '#ff0000' } })
    await red.clone().gif().toFile(join(folder, 'frame.gif'))
    await red.clone().avif().toFile(join(folder, 'frame.avif'))
    await writeFile(join(folder, 'frame.ppm'), `P3 32 16 255\n${'255 0 0\n'.repeat(32 * 16)}`)
    for (const name of ['frame.gif', 'frame.avif', ...(ffmpeg.missing ? [] : ['frame.ppm'])]) {
      const made = await maker.previews(join(folder, name))
      expect(near(await colourAt(made?.large ?? Buffer.alloc(0), 0.5), [254, 0, 0], 4), name).toBe(true)
    }
  })

  it('show transparency as a dark pattern', async () => {
    const path = join(await tempFolder(), 'alpha.png')
    await (await halves(true)).png().toFile(path)
    const { large } = (await maker.previews(path)) ?? {}
    const { data, info } = await sharp(large).raw().toBuffer({ resolveWithObject: true })
    const row = Array.from({ length: 40 }, (_, index) => data[(20 * info.width + 1500 + index) * info.channels] ?? 0)
    expect(Math.max(...row)).toBeLessThan(0x45)
    expect(Math.max(...row) - Math.min(...row)).toBeGreaterThan(8)
    expect(near(await colourAt(large ?? Buffer.alloc(0), 0.25), [254, 0, 0])).toBe(true)
  })

  it.each([
    [1, 1],
    [3, 200],
    [200, 3],
  ])('show a picture of %i × %i with transparency', async (width, height) => {
    const path = join(await tempFolder(), 'small.png')
    const background = { r: 255, g: 0, b: 0, alpha: 1 }
    await sharp({ create: { width, height, channels: 4, background } })
      .png()
      .toFile(path)
    const made = await maker.previews(path)
    expect(made).toMatchObject({ width, height })
    expect(near(await colourAt(made?.large ?? Buffer.alloc(0), 0.5), [254, 0, 0], 4)).toBe(true)
  })

  it('show a file that was written again, not the one before', async () => {
    const path = join(await tempFolder(), 'again.png')
    for (const background of ['#ff0000', '#00ff00']) {
      await sharp({ create: { width: 40, height: 40, channels: 3, background } })
        .png()
        .toFile(path)
      const made = await maker.previews(path)
      const wanted = background === '#ff0000' ? [254, 0, 0] : [0, 255, 0]
      expect(near(await colourAt(made?.thumbnail ?? Buffer.alloc(0), 0.5), wanted)).toBe(true)
    }
  })

  it('leave alone what is no picture', async () => {
    expect(await maker.previews('/render/scene.mp4')).toBeUndefined()
    expect(await maker.previews('/render/notes')).toBeUndefined()
    expect(await maker.fullSize('/render/frame.exr')).toBeUndefined()
  })

  it.each([
    ['half a file', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['an empty file', () => Buffer.alloc(0)],
    ['something else', () => Buffer.from('no picture at all')],
  ])('fail clearly for %s', async (_what, spoil) => {
    const folder = await tempFolder()
    const noise = Buffer.from(Array.from({ length: 300 * 300 * 3 }, (_, index) => (index * 7919) % 251))
    for (const name of ['x.png', 'x.jpg']) {
      const path = join(folder, name)
      await sharp(noise, { raw: { width: 300, height: 300, channels: 3 } }).toFile(path)
      await writeFile(path, spoil(await readFile(path)))
      await expect(maker.previews(path)).rejects.toThrow(PreviewError)
      await expect(maker.previews(path)).rejects.toThrow(`cannot show "${path}": `)
    }
  })

  it('take a second look at a file that is still on its way', async () => {
    const folder = await tempFolder()
    const path = join(folder, 'late.png')
    const making = maker.previews(path)
    await sharp({ create: { width: 40, height: 40, channels: 3, background: '#fff' } })
      .png()
      .toFile(join(folder, 'whole.png'))
    await copyFile(join(folder, 'whole.png'), path)
    expect((await making)?.width).toBe(40)
  })
})

describe('full-size pictures for foreign managers', () => {
  it.each(['png', 'jpeg', 'tiff'] as const)('are JPEGs made of %s', async (format) => {
    const path = join(await tempFolder(), `picture.${format}`)
    await (await halves(false)).toFormat(format).toFile(path)
    const made = await maker.fullSize(path)
    expect(await sharp(made).metadata()).toMatchObject({ format: 'jpeg', width: 2400, height: 600 })
  })
})

ffmpeg.describe('previews by ffmpeg', () => {
  /** Writes floats into an EXR: linear light, half of white is 0.214 linear. */
  async function makeExr(path: string, pixel: [number, number, number, number]): Promise<void> {
    const planes = [pixel[1], pixel[2], pixel[0], pixel[3]].map((value) => Buffer.from(new Float32Array(64 * 32).fill(value).buffer))
    const raw = join(path, '..', 'planes.raw')
    await writeFile(raw, Buffer.concat(planes))
    const input = ['-f', 'rawvideo', '-pix_fmt', 'gbrapf32le', '-s', '64x32', '-i', raw]
    const made = join(path, '..', 'made.exr')
    await run(ffmpeg.path, ['-v', 'error', '-y', ...input, '-frames:v', '1', '-c:v', 'exr', made])
    await rename(made, path)
    await rm(raw)
  }

  it('show the linear light of EXR as a screen should', async () => {
    const path = join(await tempFolder(), 'linear.exr')
    await makeExr(path, [0.214, 0.0, 1.0, 1])
    const made = await maker.previews(path)
    expect(made).toMatchObject({ width: 64, height: 32 })
    const colour = await colourAt(made?.large ?? Buffer.alloc(0), 0.5)
    expect(near(colour, [128, 0, 255], 8), String(colour)).toBe(true)
  })

  it('keep the light itself, also what is brighter than white, for those who change the exposure', async () => {
    const path = join(await tempFolder(), 'hot.exr')
    await makeExr(path, [12.5, 0.25, 1, 0.5])
    const { header, packed } = splitLight((await maker.previews(path))?.light ?? Buffer.alloc(0))
    expect(header).toEqual({ width: 64, height: 32, layers: [{ name: '', channels: ['R', 'G', 'B', 'A'] }] })
    const planes = planesOf(header, inflateSync(packed))[0] ?? []
    expect(planes.map((plane) => fromHalf(plane[777] ?? 0))).toEqual([12.5, 0.25, 1, 0.5])
    // What a screen shows anyway needs none.
    const png = join(path, '..', 'a.png')
    await (await halves(false)).png().toFile(png)
    expect((await maker.previews(png))?.light).toBeUndefined()
  })

  it('show a file with a per cent sign in its name', async () => {
    const path = join(await tempFolder(), '100%04d.exr')
    await makeExr(path, [1, 1, 1, 1])
    expect(await maker.previews(path)).toMatchObject({ width: 64, height: 32 })
  })

  it('show light beyond white as white, and transparent EXR over the pattern', async () => {
    const folder = await tempFolder()
    await makeExr(join(folder, 'bright.exr'), [50, 50, 50, 1])
    await makeExr(join(folder, 'clear.exr'), [0, 0, 0, 0])
    const bright = await maker.previews(join(folder, 'bright.exr'))
    expect(near(await colourAt(bright?.large ?? Buffer.alloc(0), 0.5), [255, 255, 255], 2)).toBe(true)
    const clear = await colourAt((await maker.previews(join(folder, 'clear.exr')))?.large ?? Buffer.alloc(0), 0.5)
    expect(Math.max(...clear)).toBeLessThan(0x45)
    expect(Math.min(...clear)).toBeGreaterThan(0x20)
  })

  it.each(['tga', 'dpx', 'bmp'])('show %s', async (ending) => {
    const folder = await tempFolder()
    const png = join(folder, 'a.png')
    await (await halves(false)).png().toFile(png)
    await run(ffmpeg.path, ['-v', 'error', '-i', png, '-frames:v', '1', join(folder, `a.${ending}`)])
    const made = await maker.previews(join(folder, `a.${ending}`))
    expect(made).toMatchObject({ width: 2400, height: 600 })
    expect(near(await colourAt(made?.large ?? Buffer.alloc(0), 0.25), [254, 0, 0])).toBe(true)
  })

  it('fail clearly for a broken EXR', async () => {
    const folder = await tempFolder()
    const path = join(folder, 'a.exr')
    await makeExr(path, [1, 1, 1, 1])
    await writeFile(join(folder, 'b.exr'), (await readFile(path)).subarray(0, 400))
    await writeFile(join(folder, 'c.exr'), 'nonsense')
    // Without Blender, which would be asked next and takes longer to say the same.
    const noBlender = createPreviewMaker({ programs: { blender: '/gone/blender' } })
    await expect(noBlender.previews(join(folder, 'b.exr'))).rejects.toThrow(PreviewError)
    await expect(noBlender.previews(join(folder, 'c.exr'))).rejects.toThrow(PreviewError)
  })
})

blender.describe('previews of what Blender writes', () => {
  const FORMATS = { png: 'PNG', exr: 'OPEN_EXR', tif: 'TIFF', tga: 'TARGA', dpx: 'DPX' }
  let folder = ''

  // The same frame in all formats, by one start of Blender.
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'framehouse-formats-'))
    const code = `
import bpy
s = bpy.context.scene
s.render.engine = 'BLENDER_WORKBENCH'
s.render.resolution_x, s.render.resolution_y = 96, 54
s.view_settings.view_transform = 'Standard'
for name, kind in ${JSON.stringify([...Object.values(FORMATS).map((kind) => ['f', kind]), ['layers', 'OPEN_EXR_MULTILAYER']])}:
    s.render.image_settings.file_format = kind
    s.render.filepath = ${JSON.stringify(folder)} + '/' + name
    bpy.ops.render.render(write_still=True)
`
    await run(blender.path, ['--background', '--factory-startup', '--python-exit-code', '1', '--python-expr', code])
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  async function expectSamePicture(by: PreviewMaker, name: string): Promise<void> {
    const wanted = await maker.previews(join(folder, 'f.png'))
    const made = await by.previews(join(folder, name))
    expect(made).toMatchObject({ width: 96, height: 54 })
    for (const share of [0.05, 0.5, 0.95]) {
      const [is, should] = [await colourAt(made?.large ?? Buffer.alloc(0), share), await colourAt(wanted?.large ?? Buffer.alloc(0), share)]
      expect(near(is, should, 10), `${is} instead of ${should} at ${share}`).toBe(true)
    }
  }

  it.each(['f.exr', 'layers.exr', 'f.tif', 'f.tga', 'f.dpx'])('%s looks like the PNG of the same frame', async (name) => {
    await expectSamePicture(maker, name)
  })

  it('EXR is shown by Blender where there is no ffmpeg', async () => {
    await expectSamePicture(createPreviewMaker({ programs: { ffmpeg: '/gone/ffmpeg' } }), 'f.exr')
  })
})
