/** Previews of rendered files: JPEGs for the window and for foreign managers. Runs beside the next task, a few at a time. */
import { cpus } from 'node:os'
import { extname } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import sharp, { type Sharp } from 'sharp'
import { pictureKind } from '../../../../shared/pictures/pictures.ts'
import type { PreviewMaker, ToolSettings } from '../../contract/commands.ts'
import { decodeImage } from './decodeImage.ts'
import { limiter } from '../limiter.ts'
import { makeSceneLight } from './sceneLight.ts'

export const THUMBNAIL_WIDTH = 320
export const LARGE_WIDTH = 1920
/** A very tall picture (a strip of frames) is bounded too: this many times the width. */
const MAX_TALLNESS = 4

/** What Flamenco's managers take from their workers. */
const FULL_SIZE = new Set(['.png', '.jpg', '.jpeg', '.tif', '.tiff'])

/** What the image library takes; more is not decoded for a preview's sake. */
const MAX_PIXELS = 16_383 ** 2

/** On network disks the end of a file may come after the news of it: look once more before calling it broken. */
const SECOND_LOOK_MS = 400

/** Squares of the pattern behind transparent pictures, in pixels of the preview; dark, so bright renders stand out. */
const SQUARE = 8
const DARK = { r: 0x2b, g: 0x2b, b: 0x2e }
const LIGHT = { r: 0x38, g: 0x38, b: 0x3c }

/** A file that cannot be shown: half-written, broken, too large, or no program here can read it. */
export class PreviewError extends Error {
  override readonly name = 'PreviewError'
}

export interface Previews {
  /** JPEG, at most 320 wide. */
  thumbnail: Buffer
  /** JPEG, at most 1920 wide. */
  large: Buffer
  /** The picture's light (shared/pictures/sceneLight.ts), where its format holds more than a screen shows. */
  light?: Buffer
  /** Size of the picture itself, in pixels. */
  width: number
  height: number
}

/**
 * Makes previews with at most `atOnce` pictures in work; the others wait. By default one for every four CPUs, since
 * rendering comes first.
 */
export function createPreviewMaker(tools: ToolSettings, atOnce = Math.max(1, Math.floor(cpus().length / 4))): PreviewMaker {
  // A frame rendered again has the same name: libvips must not answer from what it read before.
  sharp.cache(false)
  sharp.concurrency(1)
  const limit = limiter(atOnce)
  return {
    previews: (path) => {
      if (pictureKind(path) === undefined) return Promise.resolve(undefined)
      return limit(() => orPreviewError(path, () => makePreviews(path, tools)))
    },
    fullSize: (path) => {
      if (!FULL_SIZE.has(extname(path).toLowerCase())) return Promise.resolve(undefined)
      return limit(() => orPreviewError(path, () => makeFullSize(path)))
    },
  }
}

async function orPreviewError<T>(path: string, make: () => Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (error) {
    if (error instanceof PreviewError) throw new PreviewError(`cannot show "${path}": ${error.message}`)
    await wait(SECOND_LOOK_MS)
  }
  try {
    return await make()
  } catch (error) {
    throw new PreviewError(`cannot show "${path}": ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function makePreviews(path: string, tools: ToolSettings): Promise<Previews> {
  const { png, premultiplied } = pictureKind(path) === 'direct' ? { png: undefined, premultiplied: false } : await decodeImage(path, tools)
  const { width, height, hasAlpha } = await sharp(png ?? path, { failOn: 'truncated', limitInputPixels: false }).metadata()
  if (width * height > MAX_PIXELS) throw new PreviewError(`it is too large for a preview (${width} × ${height} pixels)`)
  const source = sharp(png ?? path, { failOn: 'truncated' })
  const fitted = fitInside(source, LARGE_WIDTH)
  const flat = hasAlpha ? await overChecker(fitted, premultiplied) : fitted
  const { data, info } = await flat.removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true })
  const raw = { width: info.width, height: info.height, channels: info.channels }
  const [large, thumbnail, light] = await Promise.all([
    sharp(data, { raw }).jpeg({ quality: 85 }).toBuffer(),
    fitInside(sharp(data, { raw }), THUMBNAIL_WIDTH).jpeg({ quality: 80 }).toBuffer(),
    makeSceneLight(path, tools),
  ])
  return { thumbnail, large, light, width, height }
}

/** JPEG of quality 85 in full size; transparent parts become black, as they do in Flamenco's own worker. */
async function makeFullSize(path: string): Promise<Buffer> {
  return await sharp(path, { failOn: 'truncated' }).flatten({ background: '#000' }).toColourspace('srgb').jpeg({ quality: 85 }).toBuffer()
}

function fitInside(picture: Sharp, width: number): Sharp {
  return picture.resize({ width, height: width * MAX_TALLNESS, fit: 'inside', withoutEnlargement: true })
}

async function overChecker(picture: Sharp, premultiplied: boolean): Promise<Sharp> {
  const { data, info } = await picture.ensureAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true })
  const raw = { width: info.width, height: info.height, channels: info.channels }
  const { width, height } = info
  // A tile must not be larger than what it is laid under.
  const cut = { left: 0, top: 0, width: Math.min(2 * SQUARE, width), height: Math.min(2 * SQUARE, height) }
  return sharp(checkerTile(), { raw: { width: 2 * SQUARE, height: 2 * SQUARE, channels: 3 } })
    .extract(cut)
    .png()
    .toBuffer()
    .then((tile) =>
      sharp({ create: { width, height, channels: 3, background: DARK } })
        .composite([
          { input: tile, tile: true },
          { input: data, raw, premultiplied },
        ])
        .png({ compressionLevel: 0 })
        .toBuffer(),
    )
    .then((flat) => sharp(flat))
}

/** Two by two squares, RGB. */
function checkerTile(): Buffer {
  const size = 2 * SQUARE
  return Buffer.from(
    Array.from({ length: size * size }, (_, index) => {
      const inFirst = index % size < SQUARE === Math.floor(index / size) < SQUARE
      const { r, g, b } = inFirst ? DARK : LIGHT
      return [r, g, b]
    }).flat(),
  )
}
