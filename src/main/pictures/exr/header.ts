/** The headers of an OpenEXR file: its parts, their channels, and how many blocks each part has. */
import { truncated, type ByteReader } from '../byteReader.ts'
import { DamagedError, UncheckedError, type Size } from '../verdict.ts'

export interface Channel {
  name: string
  /** 0 whole numbers of 4 bytes, 1 half floats, 2 floats. */
  type: number
  /** Only every so many columns and rows have a sample. */
  xStep: number
  yStep: number
}

export interface Box {
  left: number
  top: number
  right: number
  bottom: number
}

export interface Part {
  name: string
  channels: Channel[]
  compression: number
  data: Box
  display: Box
  deep: boolean
  tiles?: Tiles
  /** Rows in a block that is not a tile. */
  blockRows: number
  /** Blocks in the part, and so offsets in its table. */
  blocks: number
  /** How many of them, from the first, are the picture itself and no smaller copy of it. */
  needed: number
}

export interface Tiles {
  width: number
  height: number
  /** 0 one level, 1 ever smaller copies, 2 the same for each direction. */
  mode: number
  roundUp: boolean
}

export interface ExrHeader {
  multiPart: boolean
  parts: Part[]
  /** Where the offset tables begin. */
  end: number
}

/** Rows of a block by compression: none, RLE, ZIPS, ZIP, PIZ, PXR24, B44, B44A, DWAA, DWAB, HTJ2K256, HTJ2K32. */
const BLOCK_ROWS = [1, 1, 1, 16, 32, 16, 32, 32, 32, 256, 256, 32] as const

const FIRST_LOOK_BYTES = 64 * 1024
/** Headers may hold previews and cryptomatte manifests. */
const MAX_HEADER_BYTES = 256 * 1024 * 1024

const TILED = 0x200
const DEEP = 0x800
const MULTI_PART = 0x1000

export const sizeOf = ({ left, top, right, bottom }: Box): Size => ({ width: right - left + 1, height: bottom - top + 1 })

/** @throws DamagedError, UncheckedError */
export async function readExrHeader(reader: ByteReader): Promise<ExrHeader> {
  for (let length = FIRST_LOOK_BYTES; ; length *= 16) {
    const whole = length >= reader.size
    try {
      return parseExrHeader(await reader.head(length))
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      if (whole) throw truncated(reader.size)
      if (length > MAX_HEADER_BYTES) throw new DamagedError('has a header without an end')
    }
  }
}

/** @throws RangeError when the header goes on after `bytes`; DamagedError, UncheckedError */
export function parseExrHeader(bytes: Buffer): ExrHeader {
  const version = bytes.readUInt32LE(4)
  if ((version & 0xff) > 2) throw new UncheckedError(`is of version ${version & 0xff} of OpenEXR, which nothing here reads`)
  const multiPart = (version & MULTI_PART) !== 0
  const cursor = new Cursor(bytes, 8)
  const parts: Part[] = []
  for (;;) {
    const attributes = readAttributes(cursor)
    // The parts of a file of many end with an empty header.
    if (multiPart && attributes.size === 0) break
    parts.push(partOf(attributes, version, multiPart))
    if (!multiPart) break
  }
  if (parts.length === 0) throw new DamagedError('holds no pixels')
  return { multiPart, parts, end: cursor.at }
}

class Cursor {
  constructor(
    readonly bytes: Buffer,
    public at: number,
  ) {}

  text(): string {
    const end = this.bytes.indexOf(0, this.at)
    if (end < 0) throw new RangeError('the text goes on')
    if (end - this.at > 255) throw new DamagedError(`has a header that no OpenEXR file can have, at byte ${this.at}`)
    const text = this.bytes.toString('latin1', this.at, end)
    this.at = end + 1
    return text
  }

  take(length: number): Buffer {
    if (length < 0) throw new DamagedError(`has an attribute of an impossible length at byte ${this.at}`)
    if (this.at + length > this.bytes.length) throw new RangeError('the value goes on')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
}

function readAttributes(cursor: Cursor): Map<string, { type: string; value: Buffer }> {
  const attributes = new Map<string, { type: string; value: Buffer }>()
  for (let name = cursor.text(); name !== ''; name = cursor.text()) {
    const type = cursor.text()
    attributes.set(name, { type, value: cursor.take(cursor.take(4).readInt32LE(0)) })
  }
  return attributes
}

function partOf(attributes: Map<string, { type: string; value: Buffer }>, version: number, multiPart: boolean): Part {
  const value = (name: string, length: number): Buffer => {
    const found = attributes.get(name)?.value
    if (found === undefined || found.length < length) throw new DamagedError(`has no usable "${name}" in its header`)
    return found
  }
  const optional = (name: string) => attributes.get(name)?.value
  const type = optional('type')?.toString('latin1') ?? ''
  const compression = value('compression', 1)[0] ?? 0
  const data = boxOf(value('dataWindow', 16))
  const isTiled = type === '' ? (version & TILED) !== 0 && !multiPart : type.startsWith('tiled') || type === 'deeptile'
  const tiles = isTiled ? tilesOf(value('tiles', 9)) : undefined
  const blockRows = BLOCK_ROWS[compression]
  const counted = optional('chunkCount')
  if (blockRows === undefined && counted === undefined)
    throw new UncheckedError(`is packed in a way (${compression}) that nothing here reads`)
  const { width, height } = sizeOf(data)
  if (!(width > 0 && height > 0)) throw new DamagedError('has a header with a size of no pixels')
  const computed = tiles ? tileCount(tiles, width, height) : Math.ceil(height / (blockRows ?? 1))
  const blocks = counted !== undefined && counted.length >= 4 ? counted.readInt32LE(0) : computed
  if (blocks < 0) throw new DamagedError('has a header with a negative number of blocks')
  return {
    name: optional('name')?.toString('latin1') ?? '',
    channels: channelsOf(value('channels', 1)),
    compression,
    data,
    display: boxOf(value('displayWindow', 16)),
    deep: type.startsWith('deep') || (type === '' && (version & DEEP) !== 0),
    ...(tiles && { tiles }),
    blockRows: blockRows ?? 0,
    blocks,
    needed: tiles ? tileCount({ ...tiles, mode: 0 }, width, height) : blocks,
  }
}

function boxOf(bytes: Buffer): Box {
  return { left: bytes.readInt32LE(0), top: bytes.readInt32LE(4), right: bytes.readInt32LE(8), bottom: bytes.readInt32LE(12) }
}

function channelsOf(bytes: Buffer): Channel[] {
  const cursor = new Cursor(bytes, 0)
  const channels: Channel[] = []
  try {
    for (let name = cursor.text(); name !== ''; name = cursor.text()) {
      const facts = cursor.take(16)
      channels.push({ name, type: facts.readInt32LE(0), xStep: facts.readInt32LE(8), yStep: facts.readInt32LE(12) })
    }
  } catch (error) {
    if (error instanceof RangeError) throw new DamagedError('has a list of channels without an end')
    throw error
  }
  if (channels.some(({ type, xStep, yStep }) => type < 0 || type > 2 || xStep < 1 || yStep < 1)) {
    throw new DamagedError('has a list of channels that no OpenEXR file can have')
  }
  return channels
}

function tilesOf(bytes: Buffer): Tiles {
  const mode = bytes[8] ?? 0
  const tiles = { width: bytes.readUInt32LE(0), height: bytes.readUInt32LE(4), mode: mode & 0xf, roundUp: mode >> 4 === 1 }
  if (tiles.width === 0 || tiles.height === 0 || tiles.mode > 2) throw new DamagedError('has tiles that no OpenEXR file can have')
  return tiles
}

/** Widths (or heights) of the levels of a tiled part, the full one first. */
export function levelSizes(size: number, roundUp: boolean, levels: number): number[] {
  const at = (level: number) => (roundUp ? Math.ceil(size / 2 ** level) : Math.floor(size / 2 ** level))
  return Array.from({ length: levels }, (_, level) => Math.max(1, at(level)))
}

function levelCount(size: number, roundUp: boolean): number {
  return (roundUp ? Math.ceil(Math.log2(size)) : Math.floor(Math.log2(size))) + 1
}

function tileCount(tiles: Tiles, width: number, height: number): number {
  const across = (size: number, levels: number) => levelSizes(size, tiles.roundUp, levels).map((length) => Math.ceil(length / tiles.width))
  const down = (size: number, levels: number) => levelSizes(size, tiles.roundUp, levels).map((length) => Math.ceil(length / tiles.height))
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0)
  if (tiles.mode === 0) return (across(width, 1)[0] ?? 0) * (down(height, 1)[0] ?? 0)
  if (tiles.mode === 2) return sum(across(width, levelCount(width, tiles.roundUp))) * sum(down(height, levelCount(height, tiles.roundUp)))
  const levels = levelCount(Math.max(width, height), tiles.roundUp)
  const rows = down(height, levels)
  return sum(across(width, levels).map((columns, level) => columns * (rows[level] ?? 0)))
}
