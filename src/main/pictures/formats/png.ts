/** PNG: every checksum, and the pixels unpacked to their end. */
import { crc32 } from 'node:zlib'
import type { ByteReader } from '../byteReader.ts'
import { SampleWatch } from '../facts.ts'
import { inflateAtOnce, inflateSteps } from '../inflateSteps.ts'
import { DamagedError, type Whole } from '../verdict.ts'
import { pngPasses, unfilterRow } from './pngRows.ts'

export const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

const SMALL_BYTES = 512 * 1024

/** Colour type → samples of a pixel, how many of them are colour, and the depths that the format allows. */
const COLOUR_TYPES: Record<number, { channels: number; colours: number; depths: readonly number[] }> = {
  0: { channels: 1, colours: 1, depths: [1, 2, 4, 8, 16] },
  2: { channels: 3, colours: 3, depths: [8, 16] },
  3: { channels: 1, colours: 0, depths: [1, 2, 4, 8] },
  4: { channels: 2, colours: 1, depths: [8, 16] },
  6: { channels: 4, colours: 3, depths: [8, 16] },
}

interface Header {
  width: number
  height: number
  depth: number
  channels: number
  colours: number
  interlaced: boolean
}

interface Chunk {
  type: string
  length: number
}

/** @throws DamagedError */
export async function checkPng(reader: ByteReader): Promise<Whole> {
  reader.skip(PNG_SIGNATURE.length)
  const header = await readHeader(reader)
  let chunk = await readChunkHead(reader)
  while (chunk.type !== 'IDAT') {
    if (chunk.type === 'IEND') throw new DamagedError('holds no pixels')
    await passOver(reader, chunk)
    chunk = await readChunkHead(reader)
  }
  const rows = new RowSink(header)
  const after: { chunk?: Chunk } = {}
  const inflate = reader.size <= SMALL_BYTES && rows.expected <= SMALL_BYTES ? inflateAtOnce : inflateSteps
  const unpacked = await inflate(pixelData(reader, chunk, after), (bytes) => rows.add(bytes))
  if (unpacked < rows.expected) throw new DamagedError(`holds ${unpacked} of ${rows.expected} bytes of its pixels`)
  for (let next = after.chunk; next !== undefined; next = next.type === 'IEND' ? undefined : await readChunkHead(reader)) {
    await passOver(reader, next)
  }
  return { state: 'whole', format: 'PNG', width: header.width, height: header.height, facts: rows.facts() }
}

async function readHeader(reader: ByteReader): Promise<Header> {
  const { type, length } = await readChunkHead(reader)
  if (type !== 'IHDR' || length !== 13) throw new DamagedError('does not begin with the header of a PNG')
  const bytes = Buffer.from(await reader.readAt(reader.at, length))
  await passOver(reader, { type, length })
  const [depth = 0, colourType = 0, , , interlace = 0] = bytes.subarray(8)
  const width = bytes.readUInt32BE(0)
  const height = bytes.readUInt32BE(4)
  const colour = COLOUR_TYPES[colourType]
  if (width === 0 || height === 0 || !colour?.depths.includes(depth) || interlace > 1)
    throw new DamagedError('has a header that no PNG can have')
  return { width, height, depth, channels: colour.channels, colours: colour.colours, interlaced: interlace === 1 }
}

async function readChunkHead(reader: ByteReader): Promise<Chunk> {
  const head = await reader.read(8)
  const type = head.toString('latin1', 4, 8)
  if (!/^[A-Za-z]{4}$/.test(type)) throw new DamagedError(`has no chunk where one should begin, at byte ${reader.at - 8}`)
  return { type, length: head.readUInt32BE(0) }
}

/** Reads a chunk's data for its checksum alone. */
async function passOver(reader: ByteReader, chunk: Chunk): Promise<void> {
  for await (const piece of chunkData(reader, chunk)) void piece
}

async function* chunkData(reader: ByteReader, { type, length }: Chunk): AsyncGenerator<Buffer> {
  let sum = crc32(type)
  for await (const piece of reader.pieces(length)) {
    sum = crc32(piece, sum)
    yield piece
  }
  const stored = (await reader.read(4)).readUInt32BE(0)
  if (stored !== sum) throw new DamagedError(`its ${type} chunk has the wrong checksum`)
}

/** The data of the first chunk and of all that follow it directly; leaves the one after them in `after`. */
async function* pixelData(reader: ByteReader, first: Chunk, after: { chunk?: Chunk }): AsyncGenerator<Buffer> {
  let chunk = first
  while (chunk.type === 'IDAT') {
    yield* chunkData(reader, chunk)
    chunk = await readChunkHead(reader)
  }
  after.chunk = chunk
}

/** Cuts what is unpacked into rows, for as long as anyone wants to see pixels. */
class RowSink {
  readonly expected: number
  private readonly watch: SampleWatch | undefined
  private readonly rows: Iterator<{ bytes: number; first: boolean }>
  private current: { bytes: number; first: boolean } | undefined
  private filled = 0
  private row = Buffer.alloc(0)
  private previous = Buffer.alloc(0)
  private readonly pixelBytes: number

  constructor(private readonly header: Header) {
    const { width, height, depth, channels, interlaced } = header
    const passes = pngPasses(width, height, depth * channels, interlaced)
    this.expected = passes.reduce((sum, pass) => sum + pass.rows * (1 + pass.rowBytes), 0)
    this.pixelBytes = Math.max(1, (depth * channels) >> 3)
    this.rows = rowsOf(passes)
    // Renderers do not write palettes or several pixels a byte.
    if (depth >= 8 && header.colours > 0) this.watch = new SampleWatch(channels, header.colours)
  }

  add(bytes: Buffer): void {
    if (this.watch === undefined) return
    for (let at = 0; at < bytes.length && this.watch.curious;) {
      this.current ??= this.begin()
      if (this.current === undefined) return
      const taken = Math.min(this.current.bytes - this.filled, bytes.length - at)
      bytes.copy(this.row, this.filled, at, at + taken)
      this.filled += taken
      at += taken
      if (this.filled === this.current.bytes) this.finishRow()
    }
  }

  facts() {
    return this.watch?.facts()
  }

  private begin(): { bytes: number; first: boolean } | undefined {
    const next = this.rows.next()
    if (next.done === true) return undefined
    if (this.row.length !== next.value.bytes) this.row = Buffer.alloc(next.value.bytes)
    if (next.value.first) this.previous = Buffer.alloc(next.value.bytes)
    this.filled = 0
    return next.value
  }

  private finishRow(): void {
    unfilterRow(this.row, this.previous, this.pixelBytes)
    this.watch?.add(this.row.subarray(1), this.header.depth >> 3)
    const spare = this.previous
    this.previous = this.row
    this.row = spare
    this.current = undefined
  }
}

function* rowsOf(passes: readonly { rows: number; rowBytes: number }[]): Generator<{ bytes: number; first: boolean }> {
  for (const { rows, rowBytes } of passes) for (let row = 0; row < rows; row++) yield { bytes: 1 + rowBytes, first: row === 0 }
}
