/** TIFF and BigTIFF: whether all strips and tiles are there, and deflated ones unpack. The pixels are the decoder's (decode.ts). */
import { promisify } from 'node:util'
import { inflate } from 'node:zlib'
import { truncated, type ByteReader } from '../byteReader.ts'
import { DamagedError, type Size } from '../verdict.ts'

const inflateBytes = promisify<Buffer, Buffer>(inflate)

/** More directories than this are a circle. */
const MAX_PAGES = 100_000

const TAG = { width: 256, height: 257, compression: 259, stripOffsets: 273, stripBytes: 279, tileOffsets: 324, tileBytes: 325 }

export interface TiffFacts extends Size {
  /** As the format numbers them: 1 none, 5 LZW, 7 JPEG, 8 and 32946 deflate, 32773 runs. */
  compression: number
}

interface Layout {
  big: boolean
  number(bytes: Buffer, at: number, length: number): number
}

const FIRST_PRIVATE = 32_768

/** Bytes of a value of each type. */
const TYPE_BYTES: Record<number, number> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  10: 8,
  11: 4,
  12: 8,
  13: 4,
  16: 8,
  17: 8,
  18: 8,
}

/** Of the first page. @throws DamagedError */
export async function scanTiff(reader: ByteReader): Promise<TiffFacts> {
  const head = Buffer.from(await reader.readAt(0, 8))
  const littleEndian = head[0] === 0x49
  const big = head[littleEndian ? 2 : 3] === 43
  const layout: Layout = {
    big,
    number: (bytes, at, length) => {
      if (length === 1) return bytes[at] ?? 0
      if (length === 2) return littleEndian ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)
      if (length === 4) return littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
      return Number(littleEndian ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at))
    },
  }
  let next = big ? layout.number(await reader.readAt(8, 8), 0, 8) : layout.number(head, 4, 4)
  // It is written last: a program that was killed leaves a zero.
  if (next === 0) throw new DamagedError('was not finished: it names no picture')
  let first: TiffFacts | undefined
  for (let page = 0; next !== 0 && page < MAX_PAGES; page++) {
    const { tags, after } = await readDirectory(reader, layout, next)
    const one = (tag: number) => tags.get(tag)?.[0] ?? 0
    const facts = { width: one(TAG.width), height: one(TAG.height), compression: one(TAG.compression) || 1 }
    first ??= facts
    await checkPieces(
      reader,
      tags.get(TAG.stripOffsets) ?? tags.get(TAG.tileOffsets) ?? [],
      tags.get(TAG.stripBytes) ?? tags.get(TAG.tileBytes),
      facts,
    )
    next = after
  }
  if (first === undefined || first.width === 0 || first.height === 0) throw new DamagedError('holds no pixels')
  return first
}

async function readDirectory(reader: ByteReader, layout: Layout, at: number): Promise<{ tags: Map<number, number[]>; after: number }> {
  const { big, number } = layout
  const countBytes = big ? 8 : 2
  const entryBytes = big ? 20 : 12
  const count = number(await reader.readAt(at, countBytes), 0, countBytes)
  if (count > 65_535) throw new DamagedError(`has no list of tags where one should be, at byte ${at}`)
  const bytes = Buffer.from(await reader.readAt(at + countBytes, count * entryBytes + (big ? 8 : 4)))
  const tags = new Map<number, number[]>()
  const wanted = new Set(Object.values(TAG))
  for (let index = 0; index < count; index++) {
    const entry = bytes.subarray(index * entryBytes)
    const tag = number(entry, 0, 2)
    const size = TYPE_BYTES[number(entry, 2, 2)] ?? 0
    const values = number(entry, 4, big ? 8 : 4)
    const inline = entry.subarray(big ? 12 : 8, big ? 20 : 12)
    const isInline = values * size <= inline.length
    // It is unknown whether the writers of private tags kept to the rules.
    if (tag < FIRST_PRIVATE && !isInline && number(inline, 0, inline.length) + values * size > reader.size) throw truncated(reader.size)
    if (!wanted.has(tag)) continue
    if (size === 0) throw new DamagedError(`has a tag (${tag}) of an unknown type`)
    const data = isInline ? inline : await reader.readAt(number(inline, 0, inline.length), values * size)
    tags.set(
      tag,
      Array.from({ length: values }, (_, value) => number(data, value * size, size)),
    )
  }
  return { tags, after: number(bytes, count * entryBytes, big ? 8 : 4) }
}

/** @param lengths may be missing in old files without compression */
async function checkPieces(
  reader: ByteReader,
  offsets: readonly number[],
  lengths: readonly number[] | undefined,
  facts: TiffFacts,
): Promise<void> {
  for (const [index, offset] of offsets.entries()) {
    const length = lengths?.[index] ?? 0
    // Left out on purpose: programs write sparse files.
    if (offset === 0 || length === 0) continue
    if (offset + length > reader.size) throw truncated(reader.size)
    if (facts.compression !== 8 && facts.compression !== 32_946) continue
    try {
      await inflateBytes(await reader.readAt(offset, length))
    } catch (error) {
      if (error instanceof DamagedError) throw error
      throw new DamagedError(`has a strip whose packed data is broken (${error instanceof Error ? error.message : String(error)})`)
    }
  }
}
