/** Whether all pixels of a picture are the same, found out while it is decoded; gives up at the first that differ. */
import type { PictureFacts } from './verdict.ts'

/** Of 255: renderers add a little noise (dithering) to what is one colour. */
const NOISE = 2

/** Watches 8-bit samples (of deeper pictures: their upper bytes). */
export class SampleWatch {
  private readonly low: Uint8Array
  private readonly high: Uint8Array
  private differs = false

  /** @param colours samples of a pixel that are colour; further ones (opacity) follow them */
  constructor(
    private readonly channels: number,
    private readonly colours: number,
  ) {
    this.low = new Uint8Array(channels).fill(255)
    this.high = new Uint8Array(channels)
  }

  /** False when the answer is known: no more pixels are needed. */
  get curious(): boolean {
    return !this.differs
  }

  /** @param stride bytes from one sample to the next, the first of each counts */
  add(pixels: Uint8Array, stride = 1): void {
    const { channels, low, high } = this
    for (let at = 0, channel = 0; at < pixels.length; at += stride) {
      const value = pixels[at] ?? 0
      if (value < (low[channel] ?? 0)) low[channel] = value
      if (value > (high[channel] ?? 0)) high[channel] = value
      if ((high[channel] ?? 0) - (low[channel] ?? 0) > NOISE) {
        this.differs = true
        return
      }
      channel = channel + 1 === channels ? 0 : channel + 1
    }
  }

  facts(): PictureFacts {
    const dark = this.high.subarray(0, this.colours).every((value) => value <= NOISE)
    return { oneColour: !this.differs, allBlack: !this.differs && dark }
  }
}

/** The facts from the extremes of each channel (0–255, colours first). */
export function factsOfRanges(ranges: readonly { min: number; max: number }[], colours: number): PictureFacts {
  const oneColour = ranges.every(({ min, max }) => max - min <= NOISE)
  return { oneColour, allBlack: oneColour && ranges.slice(0, colours).every(({ max }) => max <= NOISE) }
}
