/**
 * Creates previews of images that the manager can read itself: frames of workers that send none. Images wait in a queue
 * and a few are processed at a time, so that a farm full of finished frames does not slow the manager down.
 */
import { stat } from 'node:fs/promises'
import { imageLibrary } from './imageLibrary.ts'
import type { Logger } from '../../shared/logger.ts'
import { PREVIEW_PIXELS, type Previews } from './previews.ts'

/** Each made from the one before; images are never enlarged. */
const SIZES = ['large', 'thumbnail'] as const
const JPEG_QUALITY = 85
const AT_ONCE = 1
/** Paths only, so a long queue costs little; what comes beyond it stays without preview. */
const MAX_WAITING = 50_000
const MAX_REASON_CHARS = 1000
/** A file larger than this is not opened. */
const MAX_FILE_BYTES = 512 * 1024 * 1024
const MAX_PIXELS = 20_000 * 20_000

export interface FrameFile {
  taskId: string
  jobId: string
  /** The frame's path, as the farm knows it. */
  path: string
  /** The same file for this machine. */
  file: string
}

export interface PreviewMakerOptions {
  previews: Previews
  log: Logger
  /** Reports the result to the farm: the size of the image itself, in pixels, or why there is no preview. */
  onResult(frame: FrameFile, preview: 'ready' | 'failed', details: { width: number; height: number } | { problem: string }): Promise<void>
}

export class PreviewMaker {
  private readonly waiting: FrameFile[] = []
  private running = 0
  private stopped = false
  private readonly idlers: (() => void)[] = []

  constructor(private readonly options: PreviewMakerOptions) {}

  /** Queues an image; returns at once. */
  add(frame: FrameFile): void {
    if (this.stopped || this.waiting.length >= MAX_WAITING) return
    this.waiting.push(frame)
    this.next()
  }

  /** Drops waiting images and ends running ones. */
  async stop(): Promise<void> {
    this.stopped = true
    this.waiting.length = 0
    await this.idle()
  }

  /** Resolves when nothing waits or runs. */
  async idle(): Promise<void> {
    if (this.running > 0) await new Promise<void>((resolve) => this.idlers.push(resolve))
  }

  private next(): void {
    while (this.running < AT_ONCE) {
      const frame = this.waiting.shift()
      if (!frame) break
      this.running++
      void this.work(frame).finally(() => {
        this.running--
        this.next()
        if (this.running === 0) for (const resolve of this.idlers.splice(0)) resolve()
      })
    }
  }

  private async work(frame: FrameFile): Promise<void> {
    const { log, onResult } = this.options
    let details: { width: number; height: number } | { problem: string }
    try {
      details = await this.make(frame)
    } catch (error) {
      log.debug({ path: frame.path, error: String(error) }, 'cannot create a preview')
      details = { problem: (error instanceof Error ? error.message : String(error)).slice(0, MAX_REASON_CHARS) }
    }
    // The job may be deleted in the meantime; then the result is not needed.
    await onResult(frame, 'problem' in details ? 'failed' : 'ready', details).catch((error: unknown) =>
      log.debug({ path: frame.path, error: String(error) }, 'cannot record a preview'),
    )
  }

  private async make({ jobId, path, file }: FrameFile): Promise<{ width: number; height: number }> {
    const facts = await stat(file)
    if (!facts.isFile() || facts.size > MAX_FILE_BYTES) throw new Error('not a file, or too large')
    const sharp = await imageLibrary()
    const image = sharp(file, { limitInputPixels: MAX_PIXELS, sequentialRead: true })
    const { width: fullWidth, height: fullHeight } = await image.metadata()
    let source = image.flatten().toColourspace('srgb')
    for (const name of SIZES) {
      const { data, info } = await source
        .resize({ ...PREVIEW_PIXELS[name], fit: 'inside', withoutEnlargement: true })
        .raw()
        .toBuffer({ resolveWithObject: true })
      const raw = { width: info.width, height: info.height, channels: info.channels }
      await this.options.previews.save(jobId, path, name, await sharp(data, { raw }).jpeg({ quality: JPEG_QUALITY }).toBuffer())
      source = sharp(data, { raw })
    }
    return { width: fullWidth, height: fullHeight }
  }
}
