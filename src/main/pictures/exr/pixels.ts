/** Whether the picture layer of an OpenEXR file is black or of one colour, from blocks that were unpacked anyway. */
import type { PictureFacts } from '../verdict.ts'
import { samplesIn, sampleBytes, type Block } from './blocks.ts'
import type { Channel, Part } from './header.ts'
import { pictureLayer } from './layers.ts'

/** Less than the eye sees, in scene light. */
const DARK = 0.0005
/** Rearranging a larger block would keep others waiting. */
const MAX_BLOCK_BYTES = 32 * 1024 * 1024

/** Of the value itself. */
const SAME = 0.002

export class LightWatch {
  private readonly layer: string | undefined
  private readonly ranges = new Map<string, { min: number; max: number }>()
  private differs = false
  private blind = false

  constructor(part: Part) {
    this.layer = part.deep ? undefined : pictureLayer(part.channels.map(({ name }) => name))
  }

  get curious(): boolean {
    return this.layer !== undefined && !this.differs && !this.blind
  }

  /** @param unpacked as `unpack` gives it */
  add(block: Block, unpacked: Buffer | undefined, wasPacked: boolean): void {
    if (!this.curious) return
    if (unpacked === undefined || unpacked.length > MAX_BLOCK_BYTES) {
      this.blind = true
      return
    }
    const { part, area } = block
    const bytes = wasPacked ? rearranged(unpacked) : unpacked
    const prefix = this.layer === '' ? '' : `${this.layer}.`
    let at = 0
    for (let row = area.top; row <= area.bottom; row++) {
      for (const channel of part.channels) {
        if (row % channel.yStep !== 0) continue
        const length = samplesIn(channel.xStep, area.left, area.right) * sampleBytes(channel)
        const letter = channel.name.startsWith(prefix) ? channel.name.slice(prefix.length) : ''
        if (letter.length === 1 && 'RGBA'.includes(letter)) this.addSamples(channel, letter, bytes.subarray(at, at + length))
        if (this.differs) return
        at += length
      }
    }
  }

  facts(): PictureFacts | undefined {
    if (this.layer === undefined || (this.blind && !this.differs)) return undefined
    const dark = [...this.ranges].every(([letter, { max }]) => letter === 'A' || max <= DARK)
    return { oneColour: !this.differs, allBlack: !this.differs && dark }
  }

  private addSamples(channel: Channel, letter: string, bytes: Buffer): void {
    const range = this.ranges.get(letter) ?? { min: Infinity, max: -Infinity }
    this.ranges.set(letter, range)
    const step = sampleBytes(channel)
    // Equal bits are the same number: of a flat picture nearly all are.
    let before = -1
    for (let at = 0; at + step <= bytes.length; at += step) {
      const bits = step === 2 ? (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) : bytes.readUInt32LE(at)
      if (bits === before) continue
      before = bits
      const value = channel.type === 1 ? halfToNumber(bits) : channel.type === 2 ? bytes.readFloatLE(at) : bits
      if (value < range.min) range.min = value
      if (value > range.max) range.max = value
      if (range.max - range.min > Math.max(DARK, Math.abs(range.max) * SAME)) {
        this.differs = true
        return
      }
    }
  }
}

/** Undoes what is done before packing: each byte is the difference to the one before, and every second byte is in the second half. */
function rearranged(packed: Buffer): Buffer {
  const out = Buffer.allocUnsafe(packed.length)
  const half = (packed.length + 1) >> 1
  let value = 128
  let at = 0
  for (let to = 0; at < half; to += 2) out[to] = value = (value + (packed[at++] ?? 0) - 128) & 0xff
  for (let to = 1; at < packed.length; to += 2) out[to] = value = (value + (packed[at++] ?? 0) - 128) & 0xff
  return out
}

export function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
