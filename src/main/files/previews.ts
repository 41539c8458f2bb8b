/**
 * Previews of frames on disk: JPEG files that workers made, and the light of pictures that hold more than a screen shows. A
 * frame is named by its path, so a preview may be stored whether or not the frame's row is there yet.
 * `<previews>/<job id>/frames/<hash of the path>-<size>.jpg`
 */
import { hash, randomBytes } from 'node:crypto'
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidInputError } from '../engine/base/errors.ts'
import { imageLibrary } from './imageLibrary.ts'
import { isUuid } from '../../shared/ids.ts'
import type { PreviewSize } from '../../shared/schemas/agent.ts'
import { splitLight } from '../../shared/pictures/sceneLight.ts'
import { ensureDir } from '../system/ensureDir.ts'

/** Larger images are refused; a 1920-wide JPEG has a few hundred kB. */
export const MAX_PREVIEW_BYTES = 5 * 1_048_576

/** A larger picture is not a worker's preview: a few bytes of JPEG may claim, and unpack to, gigabytes of pixels. */
export const PREVIEW_PIXELS = { thumbnail: { width: 320, height: 1280 }, large: { width: 1920, height: 7680 } } as const

export interface StoredPreview {
  body: Buffer
  /** Changes when the preview is replaced. */
  etag: string
}

export class Previews {
  /** @param folder of previews, by job; absolute */
  constructor(private readonly folder: string) {}

  /**
   * Stores or replaces a preview; concurrent readers see the old one. @throws InvalidInputError when it is not a JPEG
   * of that size (or not a scene light)
   */
  async save(jobId: string, framePath: string, size: PreviewSize, body: Buffer): Promise<void> {
    if (size === 'light') checkLight(body)
    else await checkJpeg(size, body)
    const target = this.pathOf(jobId, framePath, size)
    const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`
    try {
      await writeFile(temporary, body).catch(async (error: unknown) => {
        if (!isMissing(error)) throw error
        await ensureDir(join(this.folder, jobId.toLowerCase(), 'frames'))
        await writeFile(temporary, body)
      })
      await rename(temporary, target)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  }

  /** The preview, or undefined when there is none. */
  async read(jobId: string, framePath: string, size: PreviewSize): Promise<StoredPreview | undefined> {
    const path = this.pathOf(jobId, framePath, size)
    try {
      const [body, info] = await Promise.all([readFile(path), stat(path)])
      return { body, etag: `"${info.mtimeMs.toString(36)}-${info.size.toString(36)}"` }
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  async has(jobId: string, framePath: string, size: PreviewSize): Promise<boolean> {
    return stat(this.pathOf(jobId, framePath, size)).then(
      () => true,
      () => false,
    )
  }

  /** Forgets all previews of a job. */
  async removeJob(jobId: string): Promise<void> {
    await rm(join(this.folder, safeJob(jobId), 'frames'), { recursive: true, force: true })
  }

  private pathOf(jobId: string, framePath: string, size: PreviewSize): string {
    return join(
      this.folder,
      safeJob(jobId),
      'frames',
      `${hash('sha256', framePath, 'hex').slice(0, 32)}-${size}.${size === 'light' ? 'fhl' : 'jpg'}`,
    )
  }
}

/** A job's id is a folder's name: only a UUID may become one. */
function safeJob(jobId: string): string {
  if (!isUuid(jobId)) throw new InvalidInputError('jobId', `"${jobId}" is not a job id`)
  return jobId.toLowerCase()
}

/** Its real size is checked before it is unpacked, and that it unpacks before any client gets it. */
async function checkJpeg(size: keyof typeof PREVIEW_PIXELS, body: Buffer): Promise<void> {
  if (!isJpeg(body)) throw new InvalidInputError('', 'the body is not a JPEG image')
  const most = PREVIEW_PIXELS[size]
  const sharp = await imageLibrary()
  const image = sharp(body, { limitInputPixels: most.width * most.height, sequentialRead: true, failOn: 'warning' })
  const { format, width, height } = await image.metadata().catch(unreadable)
  if (format !== 'jpeg') throw new InvalidInputError('', 'the body is not a JPEG image')
  if (width > most.width || height > most.height) {
    throw new InvalidInputError(
      '',
      `the image has ${width} × ${height} pixels; a ${size} preview has ${most.width} × ${most.height} at most`,
    )
  }
  await image.resize(8, 8, { fit: 'fill' }).raw().toBuffer().catch(unreadable)
}

function unreadable(error: unknown): never {
  const reason = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error)
  throw new InvalidInputError('', `the body is not a readable JPEG image: ${reason}`)
}

function checkLight(body: Buffer): void {
  try {
    splitLight(body)
  } catch (error) {
    throw new InvalidInputError('', error instanceof Error ? error.message : 'the body is not a scene light')
  }
}

/** By its first three bytes and its end marker, whatever its name or content type claims. */
export function isJpeg(image: Buffer): boolean {
  if (image.length < 16) return false
  return image[0] === 0xff && image[1] === 0xd8 && image[2] === 0xff && image.indexOf('\xff\xd9', image.length - 64, 'latin1') > 0
}

function isMissing(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT'
}
