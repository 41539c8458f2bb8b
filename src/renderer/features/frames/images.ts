/** Images of frames, loaded a few at a time and kept in order of use, so that a grid of thousands asks only for what is in sight. */
import { API_BASE } from '../../../shared/operations/operation.ts'

/** How often a frame was rendered again while this page watched: another address, so no old image is shown. */
const revisions = new Map<number, number>()
export function frameRenderedAgain(frameId: number): void {
  revisions.set(frameId, (revisions.get(frameId) ?? 0) + 1)
}
/** What is known of a frame's picture holds for this version of it only. */
export function versionOf(frameId: number): string {
  return `${frameId}/${revisions.get(frameId) ?? 0}`
}
function address(frameId: number, size: 'thumbnail' | 'large'): string {
  const revision = revisions.get(frameId)
  return `${API_BASE}/frames/${frameId}/${size}${revision ? `?v=r${revision}` : ''}`
}
export const thumbnailUrl = (frameId: number) => address(frameId, 'thumbnail')
export const largeUrl = (frameId: number) => address(frameId, 'large')

const MAX_LOADING = 6

export class ImageCache {
  private readonly ready = new Map<string, HTMLImageElement>()
  private readonly failed = new Set<string>()
  private readonly loading = new Map<string, HTMLImageElement>()
  private queue: string[] = []

  constructor(
    private readonly keep: number,
    /** An image came, or may be asked for again. */
    private readonly onChange: () => void,
  ) {}

  /** The image if it is here; undefined otherwise. */
  get(url: string): HTMLImageElement | undefined {
    const image = this.ready.get(url)
    if (image) {
      this.ready.delete(url)
      this.ready.set(url, image)
    }
    return image
  }

  isBroken(url: string): boolean {
    return this.failed.has(url)
  }

  /** Replaces what is waiting to be loaded: the newest wish counts, most wanted first. */
  want(urls: readonly string[]): void {
    this.queue = urls.filter((url) => !this.ready.has(url) && !this.loading.has(url) && !this.failed.has(url))
    this.pump()
  }

  /** Those that failed may be asked for again: the manager was away, and is back. */
  forgiveFailures(): void {
    this.failed.clear()
    this.onChange()
  }

  private pump(): void {
    while (this.loading.size < MAX_LOADING) {
      const url = this.queue.shift()
      if (url === undefined) return
      const image = new Image()
      image.decoding = 'async'
      this.loading.set(url, image)
      image.src = url
      // decode() off the main thread: drawing it later costs no long task.
      image.decode().then(
        () => this.arrived(url, image),
        () => {
          this.failed.add(url)
          this.loading.delete(url)
          this.pump()
        },
      )
    }
  }

  private arrived(url: string, image: HTMLImageElement): void {
    this.loading.delete(url)
    this.ready.set(url, image)
    for (const oldest of this.ready.keys()) {
      if (this.ready.size <= this.keep) break
      this.ready.delete(oldest)
    }
    this.onChange()
    this.pump()
  }
}
