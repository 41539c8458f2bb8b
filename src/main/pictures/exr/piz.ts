/**
 * PIZ blocks of OpenEXR: the 16-bit numbers that occur are counted through, a wavelet leaves small differences of these, and a Huffman
 * code packs them. Each channel stands by itself.
 */
import { breather } from '../breathe.ts'
import { DamagedError } from '../verdict.ts'
import { samplesIn, sampleBytes, type Block } from './blocks.ts'
import { unpackHuffman } from './huffman.ts'

/** Below this many numbers the wavelet's sums fit, else they are taken modulo 65,536. */
const SMALL = 1 << 14

/**
 * Unpacks the block to its end.
 * @param wantsPixels whether the pixels are needed, too: row by row, in each row channel by channel
 * @throws DamagedError
 */
export async function unpackPiz(block: Block, bytes: Buffer, unpacked: number, wantsPixels: boolean): Promise<Buffer | undefined> {
  if (bytes.length < 4) throw new DamagedError('has a block without its head')
  const [lowest, highest] = [bytes.readUInt16LE(0), bytes.readUInt16LE(2)]
  const marks = lowest <= highest ? highest - lowest + 1 : 0
  const at = 4 + marks
  if (highest >= 8192 || at + 4 > bytes.length) throw new DamagedError('has a block whose head is broken')
  const length = bytes.readInt32LE(at)
  if (length < 0 || at + 4 + length > bytes.length) throw new DamagedError('has a block whose packed data ends too early')
  const packed = bytes.subarray(at + 4, at + 4 + length)
  const rest = breather()
  const numbers = await unpackHuffman(packed, unpacked / 2, rest)
  if (!wantsPixels) return undefined
  const values = valuesOf(bytes.subarray(4, at), lowest)
  const planes = planesOf(block)
  for (const { begin, width, height, words } of planes) {
    for (let word = 0; word < words; word++) {
      undoWavelet(numbers, { at: begin + word, width, height, across: words, down: width * words, small: values.count <= SMALL })
      await rest()
    }
  }
  for (let index = 0; index < numbers.length; index++) numbers[index] = values.list[numbers[index] ?? 0] ?? 0
  return byRows(block, planes, numbers)
}

/** The numbers that occur, the smallest first; 0 always does. */
function valuesOf(marks: Buffer, firstByte: number): { list: Uint16Array; count: number } {
  const list = new Uint16Array(65_536)
  let count = 1
  for (const [index, mark] of marks.entries()) {
    for (let bit = 0; bit < 8; bit++) {
      const value = (firstByte + index) * 8 + bit
      if (value > 0 && (mark & (1 << bit)) !== 0) list[count++] = value
    }
  }
  return { list, count }
}

interface Plane {
  begin: number
  width: number
  height: number
  /** 16-bit words of a sample. */
  words: number
}

function planesOf({ part, area }: Block): Plane[] {
  let begin = 0
  return part.channels.map((channel) => {
    const width = samplesIn(channel.xStep, area.left, area.right)
    const height = samplesIn(channel.yStep, area.top, area.bottom)
    const words = sampleBytes(channel) / 2
    const plane = { begin, width, height, words }
    begin += width * height * words
    return plane
  })
}

function byRows({ part, area }: Block, planes: readonly Plane[], numbers: Uint16Array): Buffer {
  const out = Buffer.allocUnsafe(numbers.length * 2)
  const next = planes.map(({ begin }) => begin)
  let to = 0
  for (let row = area.top; row <= area.bottom; row++) {
    for (const [index, channel] of part.channels.entries()) {
      if (row % channel.yStep !== 0) continue
      const plane = planes[index]
      const from = next[index] ?? 0
      const end = from + (plane ? plane.width * plane.words : 0)
      for (let at = from; at < end; at++) {
        const value = numbers[at] ?? 0
        out[to++] = value
        out[to++] = value >> 8
      }
      next[index] = end
    }
  }
  return out
}

interface Grid {
  at: number
  width: number
  height: number
  /** Steps to the next column and row. */
  across: number
  down: number
  small: boolean
}

/** From means and differences of squares of samples back to the samples, the coarsest squares first. */
function undoWavelet(numbers: Uint16Array, { at, width, height, across, down, small }: Grid): void {
  const undo = small ? undoSmall : undoModulo
  let size = 1
  while (size * 2 <= Math.min(width, height)) size *= 2
  for (let half = size / 2; half >= 1; half /= 2) {
    const step = half * 2
    const [right, below] = [half * across, half * down]
    let y = 0
    for (; y + step <= height; y += step) {
      let here = at + y * down
      let x = 0
      for (; x + step <= width; x += step, here += step * across) {
        undo(numbers, here, here + below)
        undo(numbers, here + right, here + right + below)
        undo(numbers, here, here + right)
        undo(numbers, here + below, here + below + right)
      }
      // A column that has no partner at this size.
      if ((width & half) !== 0) undo(numbers, here, here + below)
    }
    if ((height & half) === 0) continue
    for (let x = 0, here = at + y * down; x + step <= width; x += step, here += step * across) undo(numbers, here, here + right)
  }
}

/** A mean and a difference become two numbers, in their places. */
function undoSmall(numbers: Uint16Array, meanAt: number, differenceAt: number): void {
  const mean = ((numbers[meanAt] ?? 0) << 16) >> 16
  const difference = ((numbers[differenceAt] ?? 0) << 16) >> 16
  const one = mean + (difference & 1) + (difference >> 1)
  numbers[meanAt] = one
  numbers[differenceAt] = one - difference
}

function undoModulo(numbers: Uint16Array, meanAt: number, differenceAt: number): void {
  const difference = numbers[differenceAt] ?? 0
  const other = ((numbers[meanAt] ?? 0) - (difference >> 1)) & 0xffff
  numbers[differenceAt] = other
  numbers[meanAt] = (difference + other - 0x8000) & 0xffff
}
