/** The blocks of an OpenEXR part: where each one is, what area it covers, how many bytes it unpacks to. */
import { truncated, type ByteReader } from '../byteReader.ts'
import { DamagedError } from '../verdict.ts'
import { levelSizes, sizeOf, type Box, type Channel, type ExrHeader, type Part } from './header.ts'

export interface Block {
  part: Part
  /** Which one of its part it is: row, or tile and level. */
  place: string
  /** The pixels that it covers, in the part's own coordinates (of a smaller level: that level's). */
  area: Box
  /** Where its head begins, and what follows its last byte. */
  begin: number
  end: number
  /** What follows the block's head: one piece, or of deep pixels two. */
  pieces: Piece[]
}

export interface Piece {
  at: number
  packed: number
  /** What it is before packing. Of counts in tiles there are two habits: what the tile has, what a whole one would. */
  unpacked: number
  orUnpacked?: number
}

/** @throws DamagedError when the file ends before that place */
export function requireInFile(reader: ByteReader, at: number, length: number): void {
  if (length < 0 || at + length > reader.size) throw truncated(reader.size)
}

/** The offsets of each part's blocks. @throws DamagedError when some were never written */
export async function readOffsets(reader: ByteReader, header: ExrHeader): Promise<number[][]> {
  let at = header.end
  const tables: number[][] = []
  for (const { blocks, needed } of header.parts) {
    requireInFile(reader, at, blocks * 8)
    const bytes = await reader.readAt(at, blocks * 8)
    const offsets = Array.from({ length: blocks }, (_, index) => Number(bytes.readBigUInt64LE(index * 8)))
    // The table is written last: a renderer that was killed leaves zeros. Some programs leave the smaller levels out.
    if (offsets.slice(0, needed).includes(0)) throw new DamagedError('was not finished: its table of blocks has gaps')
    tables.push(offsets.filter((offset) => offset !== 0))
    at += blocks * 8
  }
  return tables
}

/** Reads a block's head. @throws DamagedError */
export async function readBlock(reader: ByteReader, header: ExrHeader, partIndex: number, offset: number): Promise<Block> {
  const part = header.parts[partIndex]
  if (part === undefined) throw new DamagedError('names a part that it does not have')
  const before = header.multiPart ? 4 : 0
  const placeBytes = part.tiles ? 16 : 4
  const sizesAt = offset + before + placeBytes
  const sizeBytes = part.deep ? 24 : 4
  requireInFile(reader, offset, before + placeBytes + sizeBytes)
  const bytes = await reader.readAt(offset, before + placeBytes + sizeBytes)
  if (header.multiPart && bytes.readInt32LE(0) !== partIndex) throw wrongPlace(offset)
  const area = part.tiles ? tileArea(part, bytes.subarray(before), offset) : rowsArea(part, bytes.readInt32LE(before), offset)
  const place = bytes.toString('hex', before, before + placeBytes)
  const sizes = bytes.subarray(before + placeBytes)
  const first = sizesAt + sizeBytes
  if (!part.deep) {
    const packed = sizes.readInt32LE(0)
    requireInFile(reader, first, packed)
    const pieces = [{ at: first, packed, unpacked: bytesIn(part.channels, area) }]
    return { part, place, area, begin: offset, end: first + packed, pieces }
  }
  const [counts = 0, samples = 0, unpacked = 0] = [0, 8, 16].map((at) => Number(sizes.readBigUInt64LE(at)))
  requireInFile(reader, first, counts + samples)
  const { width, height } = sizeOf(area)
  const pieces = [
    {
      at: first,
      packed: counts,
      unpacked: width * height * 4,
      ...(part.tiles && { orUnpacked: part.tiles.width * part.tiles.height * 4 }),
    },
    { at: first + counts, packed: samples, unpacked },
  ]
  return { part, place, area, begin: offset, end: first + counts + samples, pieces }
}

function rowsArea({ data, blockRows }: Part, top: number, offset: number): Box {
  if (top < data.top || top > data.bottom || (blockRows > 0 && (top - data.top) % blockRows !== 0)) throw wrongPlace(offset)
  return { left: data.left, right: data.right, top, bottom: Math.min(data.bottom, top + Math.max(1, blockRows) - 1) }
}

function tileArea({ tiles, data }: Part, place: Buffer, offset: number): Box {
  const [column = 0, row = 0, levelX = 0, levelY = 0] = [0, 4, 8, 12].map((at) => place.readInt32LE(at))
  const full = sizeOf(data)
  if (tiles === undefined || Math.min(column, row, levelX, levelY) < 0 || Math.max(levelX, levelY) > 32) throw wrongPlace(offset)
  const width = levelSizes(full.width, tiles.roundUp, levelX + 1).at(-1) ?? 0
  const height = levelSizes(full.height, tiles.roundUp, levelY + 1).at(-1) ?? 0
  const left = column * tiles.width
  const top = row * tiles.height
  if (left >= width || top >= height) throw wrongPlace(offset)
  return {
    left: data.left + left,
    top: data.top + top,
    right: data.left + Math.min(width, left + tiles.width) - 1,
    bottom: data.top + Math.min(height, top + tiles.height) - 1,
  }
}

function wrongPlace(offset: number): DamagedError {
  return new DamagedError(`has no block of pixels where its table says, at byte ${offset}`)
}

/** Samples of a channel between two columns (or rows), both included. */
export function samplesIn(step: number, from: number, to: number): number {
  return Math.floor(to / step) - Math.ceil(from / step) + 1
}

export const sampleBytes = ({ type }: Channel): number => (type === 1 ? 2 : 4)

function bytesIn(channels: readonly Channel[], { left, top, right, bottom }: Box): number {
  return channels.reduce(
    (sum, channel) => sum + samplesIn(channel.xStep, left, right) * samplesIn(channel.yStep, top, bottom) * sampleBytes(channel),
    0,
  )
}
