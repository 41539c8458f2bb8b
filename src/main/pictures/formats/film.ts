/** DPX and Cineon: their headers, and whether all pixels are there. */
import { truncated, type ByteReader } from '../byteReader.ts'
import { DamagedError, type Whole } from '../verdict.ts'

/** Where the fields of the two formats are. */
const LAYOUT = {
  DPX: {
    header: 2048,
    pixelsAt: 4,
    fileBytes: 16,
    elements: 770,
    width: 772,
    height: 776,
    elementAt: 780,
    elementBytes: 72,
    depth: 23,
    packing: 24,
    encoding: 26,
    dataAt: 28,
    kind: 20,
  },
} as const

/** Kinds of a DPX element → samples of a pixel; others are left to the length that the header gives. */
const SAMPLES: Record<number, number> = { 1: 1, 2: 1, 3: 1, 4: 1, 6: 1, 50: 3, 51: 4, 52: 4, 100: 2, 102: 3, 103: 4 }

const UNKNOWN = 0xffff_ffff

/** @throws DamagedError */
export async function checkDpx(reader: ByteReader): Promise<Whole> {
  const at = LAYOUT.DPX
  const head = Buffer.from(await reader.read(at.header))
  const big = head.toString('latin1', 0, 4) === 'SDPX'
  const u32 = (offset: number) => (big ? head.readUInt32BE(offset) : head.readUInt32LE(offset))
  const u16 = (offset: number) => (big ? head.readUInt16BE(offset) : head.readUInt16LE(offset))
  const width = u32(at.width)
  const height = u32(at.height)
  if (width === 0 || height === 0 || width === UNKNOWN || height === UNKNOWN)
    throw new DamagedError('has a header with a size of no pixels')
  // Of the first element alone; the length of the whole file is not always told rightly.
  const depth = head[at.elementAt + at.depth] ?? 0
  const samples = SAMPLES[head[at.elementAt + at.kind] ?? 0]
  const dataAt = u32(at.elementAt + at.dataAt)
  const start = dataAt === UNKNOWN || dataAt === 0 ? u32(at.pixelsAt) : dataAt
  const packed = u16(at.elementAt + at.encoding) === 1
  const bytes = samples === undefined || packed ? 0 : height * lineBytes(width * samples, depth, u16(at.elementAt + at.packing))
  if (start + bytes > reader.size) throw truncated(reader.size)
  return { state: 'whole', format: 'DPX', width, height }
}

/** The least that a line of samples takes: packed without gaps, or in words of 32 (10 bits) and 16 bits. */
function lineBytes(samples: number, depth: number, packing: number): number {
  if (packing !== 0 && depth === 10) return Math.floor(samples / 3) * 4
  if (packing !== 0 && depth === 12) return samples * 2
  return Math.floor((samples * depth) / 8)
}

/** @throws DamagedError */
export async function checkCineon(reader: ByteReader): Promise<Whole> {
  const head = Buffer.from(await reader.read(712))
  const big = head.readUInt32BE(0) === 0x802a_5fd7
  const u32 = (offset: number) => (big ? head.readUInt32BE(offset) : head.readUInt32LE(offset))
  const channels = head[193] ?? 0
  const depth = head[198] ?? 0
  const width = u32(200)
  const height = u32(204)
  if (width === 0 || height === 0 || width === UNKNOWN || height === UNKNOWN)
    throw new DamagedError('has a header with a size of no pixels')
  const bytes = depth === 10 ? Math.floor((width * height * channels) / 3) * 4 : Math.floor((width * height * channels * depth) / 8)
  if (u32(4) + bytes > reader.size) throw truncated(reader.size)
  return { state: 'whole', format: 'Cineon', width, height }
}
