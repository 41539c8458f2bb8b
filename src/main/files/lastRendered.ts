/**
 * The newest image of each job in three sizes, as Flamenco clients expect it (§7): `last-rendered.jpg` and smaller ones
 * in `<previews>/<job id>/`. Images wait in a short queue; when it is full, further ones are refused.
 */
import { access, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { imageLibrary } from './imageLibrary.ts'
import type { Logger } from '../../shared/logger.ts'
import { ensureDir } from '../system/ensureDir.ts'

/** Names and boxes that the image is fitted into, each made from the one before. It is never enlarged. */
export const LAST_RENDERED_SIZES = [
  { file: 'last-rendered.jpg', width: 1920, height: 1080 },
  { file: 'last-rendered-small.jpg', width: 600, height: 338 },
  { file: 'last-rendered-tiny.jpg', width: 200, height: 112 },
] as const

/** How many images may wait. */
export const LAST_RENDERED_QUEUE = 3

const JPEG_QUALITY = 85
/** Larger images are refused by the decoder: a small file can claim any size. */
const MAX_PIXELS = 20_000 * 20_000

export interface LastRenderedOptions {
  /** Folder of previews, by job. Absolute. */
  previews: string
  log: Logger
  /** Called when all sizes of a job's image are on disk. */
  onImage(jobId: string): Promise<void>
}

interface Waiting {
  jobId: string
  image: Buffer
}

export class LastRendered {
  private readonly waiting: Waiting[] = []
  private worker: Promise<void> | undefined

  constructor(private readonly options: LastRenderedOptions) {}

  /** True when nothing more is taken now. */
  get isFull(): boolean {
    return this.waiting.length >= LAST_RENDERED_QUEUE
  }

  /** Accepts an encoded image (PNG, JPEG and whatever else sharp reads) as the job's newest; false when the queue is full. */
  offer(jobId: string, image: Buffer): boolean {
    if (this.isFull) return false
    this.add(jobId, image)
    return true
  }

  /**
   * The same for images that the farm already has (previews): the newest one of a job replaces one that still waits, so
   * no sender needs to retry. Each job has at most one image waiting this way.
   */
  replace(jobId: string, image: Buffer): void {
    const waiting = this.waiting.find((other) => other.jobId === jobId)
    if (waiting) waiting.image = image
    else this.add(jobId, image)
  }

  private add(jobId: string, image: Buffer): void {
    this.waiting.push({ jobId, image })
    this.worker ??= this.work().finally(() => (this.worker = undefined))
  }

  /** Where an image of a job lies, by its file name (one of LAST_RENDERED_SIZES). */
  pathOf(jobId: string, file: string): string {
    return path.join(this.options.previews, jobId, file)
  }

  /** True when the job has an image in all sizes. */
  async has(jobId: string): Promise<boolean> {
    return access(this.pathOf(jobId, LAST_RENDERED_SIZES[2].file)).then(
      () => true,
      () => false,
    )
  }

  /** Removes a job's images. */
  async remove(jobId: string): Promise<void> {
    for (const { file } of LAST_RENDERED_SIZES) await rm(this.pathOf(jobId, file), { force: true })
    // Other previews of the job may still be there.
    await rmdir(path.join(this.options.previews, jobId)).catch(() => undefined)
  }

  /** Resolves when everything taken so far is done with. */
  async idle(): Promise<void> {
    while (this.worker) await this.worker
  }

  private async work(): Promise<void> {
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
      try {
        await this.save(next.jobId, next.image)
        await this.tell(next.jobId)
      } catch (error) {
        this.options.log.warn({ jobId: next.jobId, error: String(error) }, 'cannot use a last-rendered image')
      }
    }
  }

  private async tell(jobId: string): Promise<void> {
    try {
      await this.options.onImage(jobId)
    } catch (error) {
      // The job is deleted: its image would never be removed.
      await this.remove(jobId)
      throw error
    }
  }

  private async save(jobId: string, image: Buffer): Promise<void> {
    await ensureDir(path.join(this.options.previews, jobId))
    const sharp = await imageLibrary()
    let source = sharp(image, { limitInputPixels: MAX_PIXELS, sequentialRead: true }).flatten().toColourspace('srgb')
    const made: { file: string; jpeg: Buffer }[] = []
    for (const { file, width, height } of LAST_RENDERED_SIZES) {
      const { data, info } = await source
        .resize({ width, height, fit: 'inside', withoutEnlargement: true })
        .raw()
        .toBuffer({ resolveWithObject: true })
      const raw = { width: info.width, height: info.height, channels: info.channels }
      made.push({ file, jpeg: await sharp(data, { raw }).jpeg({ quality: JPEG_QUALITY }).toBuffer() })
      source = sharp(data, { raw })
    }
    // Nothing is replaced until all sizes are ready; the tiny one comes last because it indicates that there is an
    // image.
    for (const { file, jpeg } of made) await replaceFile(this.pathOf(jobId, file), jpeg)
  }
}

/** Readers see the old content or the new one, never half of it. */
async function replaceFile(file: string, content: Buffer): Promise<void> {
  const temporary = `${file}.new`
  await writeFile(temporary, content)
  await rename(temporary, file)
}
