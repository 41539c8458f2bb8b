import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkPicture } from '../../../src/main/pictures/checkPicture.ts'
import { temporaryFolder } from '../../support/folder.ts'

/** A gradient with some noise, so that nothing packs to nothing. */
function pixels(width: number, height: number, channels: 1 | 3 | 4) {
  const data = Buffer.from(Array.from({ length: width * height * channels }, (_, index) => (index * 7 + (index % 13) * 11) & 0xff))
  return sharp(data, { raw: { width, height, channels } })
}
const flat = (colour: { r: number; g: number; b: number; alpha?: number }) =>
  sharp({ create: { width: 40, height: 30, channels: colour.alpha === undefined ? 3 : 4, background: colour } })

describe('unusual pictures', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  beforeAll(async () => {
    folder = await temporaryFolder()
  })
  afterAll(() => folder.remove())

  async function judge(name: string, bytes: Buffer) {
    const path = join(folder.path, name)
    await writeFile(path, bytes)
    return await checkPicture(path)
  }

  it.each<[string, () => Promise<Buffer>]>([
    ['interlaced.png', () => pixels(37, 29, 4).png({ progressive: true }).toBuffer()],
    ['interlaced-pixel.png', () => pixels(1, 1, 3).png({ progressive: true }).toBuffer()],
    ['palette.png', () => pixels(37, 29, 3).png({ palette: true, colours: 4 }).toBuffer()],
    ['gray16.png', () => pixels(37, 29, 1).toColourspace('grey16').png().toBuffer()],
    ['rgb16.png', () => pixels(37, 29, 3).toColourspace('rgb16').png().toBuffer()],
    ['pixel.png', () => pixels(1, 1, 3).png().toBuffer()],
    ['profile.png', () => pixels(37, 29, 3).withMetadata({ density: 300 }).png().toBuffer()],
    ['progressive.jpg', () => pixels(37, 29, 3).jpeg({ progressive: true }).toBuffer()],
    ['cmyk.jpg', () => pixels(37, 29, 3).toColourspace('cmyk').jpeg().toBuffer()],
    ['turned.jpg', () => pixels(37, 29, 3).withMetadata({ orientation: 6 }).jpeg().toBuffer()],
    ['pixel.jpg', () => pixels(1, 1, 3).jpeg().toBuffer()],
    ['big.tif', () => pixels(37, 29, 3).tiff({ bigtiff: true, compression: 'lzw' }).toBuffer()],
    [
      'tiles.tif',
      () => pixels(137, 129, 3).tiff({ tile: true, tileWidth: 32, tileHeight: 32, pyramid: true, compression: 'deflate' }).toBuffer(),
    ],
    ['jpeg.tif', () => pixels(37, 29, 3).tiff({ compression: 'jpeg' }).toBuffer()],
    ['bits.tif', () => pixels(37, 29, 1).tiff({ bitdepth: 1, compression: 'deflate' }).toBuffer()],
    ['float.tif', () => pixels(37, 29, 3).toColourspace('scrgb').tiff({ compression: 'deflate' }).toBuffer()],
    ['lossless.webp', () => pixels(37, 29, 4).webp({ lossless: true }).toBuffer()],
    [
      'animated.webp',
      async () =>
        sharp([await pixels(16, 16, 3).png().toBuffer(), await flat({ r: 9, g: 9, b: 9 }).resize(16, 16).png().toBuffer()], {
          join: { animated: true },
        })
          .webp()
          .toBuffer(),
    ],
    [
      'animated.gif',
      async () =>
        sharp([await pixels(16, 16, 3).png().toBuffer(), await flat({ r: 9, g: 9, b: 9 }).resize(16, 16).png().toBuffer()], {
          join: { animated: true },
        })
          .gif()
          .toBuffer(),
    ],
    ['still.avif', () => pixels(64, 48, 3).avif().toBuffer()],
  ])('%s is whole', async (name, make) => {
    expect(await judge(name, await make())).toMatchObject({ state: 'whole' })
  })

  it('a name that says something else does not matter, nor what follows the picture', async () => {
    const png = await pixels(8, 8, 3).png().toBuffer()
    const jpeg = await pixels(8, 8, 3).jpeg().toBuffer()
    expect(await judge('frame.jpg', png)).toMatchObject({ state: 'whole', format: 'PNG' })
    expect(await judge('frame.0001', png)).toMatchObject({ state: 'whole', format: 'PNG' })
    expect(await judge('more.png', Buffer.concat([png, Buffer.from('more')]))).toMatchObject({ state: 'whole' })
    expect(await judge('more.jpg', Buffer.concat([jpeg, Buffer.from('more')]))).toMatchObject({ state: 'whole' })
  })

  it('a file of a kind that nothing here knows is unchecked, empty or not', async () => {
    expect(await judge('cache.abc', Buffer.from('Ogawa'))).toMatchObject({ state: 'unchecked' })
    expect(await judge('done.txt', Buffer.alloc(0))).toMatchObject({ state: 'unchecked' })
    expect(await judge('frame', Buffer.alloc(0))).toMatchObject({ state: 'damaged' })
    expect(await judge('frame.0001', Buffer.alloc(0))).toMatchObject({ state: 'damaged' })
  })

  it('a PNG whose end is zeros, as a full disk leaves it, is damaged', async () => {
    const png = await pixels(100, 100, 3).png().toBuffer()
    png.fill(0, png.length >> 1)
    expect(await judge('zeros.png', png)).toMatchObject({ state: 'damaged' })
    const jpeg = await pixels(400, 400, 3).jpeg().toBuffer()
    jpeg.fill(0, jpeg.length >> 1)
    expect(await judge('zeros.jpg', jpeg)).toMatchObject({ state: 'damaged' })
  })

  it.each([
    ['black', { r: 0, g: 0, b: 0 }, { allBlack: true, oneColour: true }],
    ['nothing', { r: 0, g: 0, b: 0, alpha: 0 }, { allBlack: true, oneColour: true }],
    ['opaque black', { r: 0, g: 0, b: 0, alpha: 1 }, { allBlack: true, oneColour: true }],
    ['grey with dithering', { r: 1, g: 2, b: 1 }, { allBlack: true, oneColour: true }],
    ['red', { r: 200, g: 0, b: 0 }, { allBlack: false, oneColour: true }],
  ])('%s is seen as one colour in every format', async (_, colour, facts) => {
    const picture = flat(colour)
    for (const format of ['png', 'webp', 'tiff'] as const) {
      expect(await judge(`flat.${format}`, await picture.clone().toFormat(format).toBuffer()), format).toMatchObject({ facts })
    }
    expect(await judge('interlaced.png', await picture.clone().png({ progressive: true }).toBuffer())).toMatchObject({ facts })
  })

  it('one other pixel makes two colours, and an opaque shape in black is a picture', async () => {
    const dot = { input: { create: { width: 1, height: 1, channels: 3 as const, background: '#fff' } }, left: 39, top: 29 }
    const png = await flat({ r: 0, g: 0, b: 0 }).composite([dot]).png().toBuffer()
    expect(await judge('dot.png', png)).toMatchObject({ facts: { allBlack: false, oneColour: false } })
    const shape = { input: { create: { width: 9, height: 9, channels: 4 as const, background: '#000' } }, left: 5, top: 5 }
    const shadow = await flat({ r: 0, g: 0, b: 0, alpha: 0 }).composite([shape]).png().toBuffer()
    expect(await judge('shadow.png', shadow)).toMatchObject({ facts: { allBlack: false, oneColour: false } })
  })
})
