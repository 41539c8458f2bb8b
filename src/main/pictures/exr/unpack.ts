/** Unpacks the blocks of an OpenEXR file as far as it shows whether they are whole. */
import { promisify } from 'node:util'
import { inflate } from 'node:zlib'
import { DamagedError } from '../verdict.ts'
import { samplesIn, sampleBytes, type Block, type Piece } from './blocks.ts'
import { unpackPiz } from './piz.ts'

const inflateBytes = promisify<Buffer, { maxOutputLength: number; chunkSize: number }, Buffer>(inflate)
/** A buffer for what comes out is never larger: the size is the file's own word. */
const MAX_CHUNK_BYTES = 16 * 1024 * 1024

/** RLE, ZIPS, ZIP, PIZ, PXR24, B44, B44A, DWAA, DWAB: what they pack shows more than that it is there. */
const TELLING = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9])
const PIZ = 4

/** What does not get smaller is stored as it is. */
export function isRaw({ packed, unpacked, orUnpacked }: Piece): boolean {
  return packed === unpacked || packed === orUnpacked
}

/** Whether looking into a piece can show that it is damaged. */
export function canTell({ part }: Block, piece: Piece): boolean {
  return !isRaw(piece) && (part.compression === 0 || TELLING.has(part.compression))
}

/** Whether the bytes that `unpack` gives were rearranged before they were packed. */
export function isRearranged({ part }: Block, piece: Piece): boolean {
  return !isRaw(piece) && part.compression !== PIZ
}

/**
 * Unpacks a piece. The bytes that come out are in the order in which they were packed; undefined where they are not needed
 * (`wantsPixels`), or where only the structure can be looked at.
 * @throws DamagedError when they cannot be what was packed
 */
export async function unpack(block: Block, piece: Piece, bytes: Buffer, wantsPixels: boolean): Promise<Buffer | undefined> {
  if (isRaw(piece)) return bytes
  const { compression } = block.part
  if (compression === PIZ && !block.part.deep) return unpackPiz(block, bytes, piece.unpacked, wantsPixels)
  if (compression === 0) throw new DamagedError(`has a block of ${piece.packed} bytes instead of ${piece.unpacked}`)
  if (compression === 1) return unpackRuns(bytes, piece.unpacked)
  if (compression === 2 || compression === 3) {
    const unpacked = await inflateWhole(bytes, piece.unpacked)
    if (unpacked.length !== piece.unpacked)
      throw new DamagedError(`has a block that unpacks to ${unpacked.length} bytes instead of ${piece.unpacked}`)
    return unpacked
  }
  if (compression === 5) await inflateWhole(bytes, piece.unpacked)
  if (compression === 6 || compression === 7) walkB44(block, bytes)
  if (compression === 8 || compression === 9) await checkDwa(bytes, piece.unpacked)
  return undefined
}

/** Compares the checksum at the end of the packed data. */
async function inflateWhole(bytes: Buffer, unpacked: number, likely = unpacked): Promise<Buffer> {
  try {
    // Somewhat more, so that a longer one is seen as such.
    return await inflateBytes(bytes, {
      maxOutputLength: unpacked + 65_536,
      // All of it at once: small pieces cost more than unpacking them.
      chunkSize: Math.max(1024, Math.min(likely + 64, MAX_CHUNK_BYTES)),
    })
  } catch (error) {
    throw new DamagedError(`has a block whose packed data is broken (${error instanceof Error ? error.message : String(error)})`)
  }
}

/** Runs: a count below zero is followed by that many bytes, another by one that is repeated once more than it says. */
function unpackRuns(bytes: Buffer, most: number): Buffer {
  const out = Buffer.alloc(most)
  let to = 0
  for (let at = 0; at < bytes.length;) {
    const count = bytes.readInt8(at)
    const length = count < 0 ? -count : count + 1
    const taken = count < 0 ? length : 1
    if (at + 1 + taken > bytes.length || to + length > most) throw new DamagedError('has a block whose runs are broken')
    if (count < 0) bytes.copy(out, to, at + 1, at + 1 + length)
    else out.fill(bytes[at + 1] ?? 0, to, to + length)
    to += length
    at += 1 + taken
  }
  return out.subarray(0, to)
}

/** Squares of 4 × 4 half floats take 14 bytes, those of one value 3; other kinds of samples are stored as they are. */
function walkB44({ part, area }: Block, bytes: Buffer): void {
  let at = 0
  for (const channel of part.channels) {
    const columns = samplesIn(channel.xStep, area.left, area.right)
    const rows = samplesIn(channel.yStep, area.top, area.bottom)
    if (channel.type !== 1) {
      at += columns * rows * sampleBytes(channel)
      continue
    }
    for (let squares = Math.ceil(columns / 4) * Math.ceil(rows / 4); squares > 0; squares--) at += (bytes[at + 2] ?? 0) >= 13 << 2 ? 3 : 14
  }
  if (at !== bytes.length) throw new DamagedError(`has a block of ${bytes.length} bytes instead of ${at}`)
}

/** Its head has the sizes of four streams, three of which (and sometimes the fourth) are packed with a checksum. */
async function checkDwa(bytes: Buffer, unpacked: number): Promise<void> {
  if (bytes.length < 88) throw new DamagedError('has a block without its head')
  const field = (index: number) => Number(bytes.readBigUInt64LE(index * 8))
  const [version, , other, lossy, lossyMeans, runs] = [0, 1, 2, 3, 4, 5].map(field) as [number, number, number, number, number, number]
  const rules = version >= 2 && bytes.length >= 90 ? bytes.readUInt16LE(88) : 0
  const at = 88 + rules
  if (at + other + lossy + lossyMeans + runs !== bytes.length) throw new DamagedError('has a block whose streams do not fill it')
  const streams = [
    [at, other],
    [at + other + lossy, lossyMeans],
    [at + other + lossy + lossyMeans, runs],
    // 1: deflated; 0: packed by a code of its own, without a checksum.
    [at + other, field(10) === 1 ? lossy : 0],
  ] as const
  for (const [from, length] of streams) if (length > 0) await inflateWhole(bytes.subarray(from, from + length), 4 * unpacked, 8 * length)
}
