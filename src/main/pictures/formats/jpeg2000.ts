/** JPEG 2000, bare or in boxes: the parts of its stream, to the mark that ends it. The pixels are the decoder's. */
import { truncated, type ByteReader } from '../byteReader.ts'
import { DamagedError, type Size } from '../verdict.ts'

const START = 0xff4f
const SIZE = 0xff51
const TILE_PART = 0xff90
const END = 0xffd9

/** @throws DamagedError when the picture's end is not in the file */
export async function scanJpeg2000(reader: ByteReader): Promise<Size> {
  const { from, end } = await findStream(reader)
  const u16 = async (at: number) => (await reader.readAt(at, 2)).readUInt16BE(0)
  if ((await u16(from)) !== START) throw new DamagedError('holds no JPEG 2000 picture')
  let size: Size | undefined
  for (let at = from + 2; ;) {
    const mark = await u16(at)
    if (mark === END) break
    const length = await u16(at + 2)
    if (mark < 0xff00 || length < 2) throw new DamagedError(`has no mark where one should be, at byte ${at}`)
    if (mark === SIZE) {
      const bytes = await reader.readAt(at + 6, 16)
      size = { width: bytes.readUInt32BE(0) - bytes.readUInt32BE(8), height: bytes.readUInt32BE(4) - bytes.readUInt32BE(12) }
    }
    if (mark !== TILE_PART) {
      at += 2 + length
      continue
    }
    const partBytes = (await reader.readAt(at + 6, 4)).readUInt32BE(0)
    // The last part may reach to the end of the stream.
    at = partBytes === 0 ? end - 2 : at + partBytes
    if (at + 2 > reader.size) throw truncated(reader.size)
  }
  if (size === undefined) throw new DamagedError('does not say how large it is')
  return size
}

async function findStream(reader: ByteReader): Promise<{ from: number; end: number }> {
  if ((await reader.readAt(0, 2)).readUInt16BE(0) === START) return { from: 0, end: reader.size }
  for (let at = 0; ;) {
    const head = await reader.readAt(at, 8)
    const short = head.readUInt32BE(0)
    const type = head.toString('latin1', 4, 8)
    const headBytes = short === 1 ? 16 : 8
    const length = short === 0 ? reader.size - at : short === 1 ? Number((await reader.readAt(at + 8, 8)).readBigUInt64BE(0)) : short
    if (length < headBytes) throw new DamagedError(`has a box of an impossible length at byte ${at}`)
    if (at + length > reader.size) throw truncated(reader.size)
    if (type === 'jp2c') return { from: at + headBytes, end: at + length }
    at += length
  }
}
