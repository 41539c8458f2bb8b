/** JPEG: its marks, to the one that ends the picture. The pixels are the decoder's (decode.ts). */
import type { ByteReader } from '../byteReader.ts'
import { DamagedError, type Size } from '../verdict.ts'

const START = 0xd8
const END = 0xd9
const SCAN = 0xda

/** Marks that describe a frame's size: SOF0 to SOF15 without DHT, JPG and DAC. */
const isFrame = (mark: number): boolean => mark >= 0xc0 && mark <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(mark)

/** Marks without data after them. */
const isBare = (mark: number): boolean => mark === 0x01 || (mark >= 0xd0 && mark <= END)

/** @throws DamagedError when the picture's end is not in the file */
export async function scanJpeg(reader: ByteReader): Promise<Size> {
  let size: Size | undefined
  let scanned = false
  for (let mark = await nextMark(reader); mark !== END; mark = await nextMark(reader)) {
    if (mark === START && size !== undefined) throw new DamagedError('begins another picture before the first one ends')
    if (isBare(mark)) continue
    const length = (await reader.read(2)).readUInt16BE(0)
    if (length < 2) throw new DamagedError(`has a segment of an impossible length at byte ${reader.at - 2}`)
    if (isFrame(mark)) {
      const frame = await reader.readAt(reader.at, 5)
      size ??= { width: frame.readUInt16BE(3), height: frame.readUInt16BE(1) }
    }
    reader.skip(length - 2)
    scanned ||= mark === SCAN
  }
  if (size === undefined || !scanned) throw new DamagedError('holds no pixels')
  return size
}

/** Finds the next mark and passes over it, and over packed pixels and stray bytes before it. */
async function nextMark(reader: ByteReader): Promise<number> {
  for (;;) {
    const piece = await reader.readAt(reader.at, Math.min(64 * 1024, Math.max(2, reader.left)))
    const at = findMark(piece)
    if (at !== undefined) {
      const mark = piece[at + 1] ?? 0
      reader.skip(at + 2)
      return mark
    }
    // The last byte may be the first half of a mark.
    reader.skip(piece.length - 1)
  }
}

/** Where 0xFF is followed by the number of a mark: not by the 0 that stands for a plain 0xFF, nor by another 0xFF. */
function findMark(bytes: Buffer): number | undefined {
  for (let at = bytes.indexOf(0xff); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1]
    if (next !== 0 && next !== 0xff) return at
  }
  return undefined
}
