/** TGA: it has no mark at its beginning, so only files of that name are taken for one. */
import type { ByteReader } from '../byteReader.ts'
import { breather } from '../breathe.ts'
import { DamagedError, UncheckedError, type Whole } from '../verdict.ts'

const PIECE_BYTES = 64 * 1024

/** @throws DamagedError, UncheckedError */
export async function checkTga(reader: ByteReader): Promise<Whole> {
  const head = Buffer.from(await reader.read(18))
  const [idLength = 0, hasPalette = 0, type = 0] = head
  const depth = head[16] ?? 0
  const paletteDepth = head[7] ?? 0
  const width = head.readUInt16LE(12)
  const height = head.readUInt16LE(14)
  const known = [1, 2, 3, 9, 10, 11].includes(type) && hasPalette <= 1 && [8, 15, 16, 24, 32].includes(depth) && width > 0 && height > 0
  if ([32, 33].includes(type)) throw new UncheckedError('is packed in a way that nothing here reads')
  if (!known || (hasPalette === 1 && ![15, 16, 24, 32].includes(paletteDepth))) throw new DamagedError('is no TGA file')
  reader.skip(idLength + (hasPalette === 1 ? head.readUInt16LE(5) * Math.ceil(paletteDepth / 8) : 0))
  const pixelBytes = Math.ceil(depth / 8)
  if (type < 9) reader.skip(width * height * pixelBytes)
  else await walkRuns(reader, width * height, pixelBytes)
  return { state: 'whole', format: 'TGA', width, height }
}

/** Packets: a count, and one pixel that is repeated or so many pixels. */
async function walkRuns(reader: ByteReader, pixels: number, pixelBytes: number): Promise<void> {
  const breathe = breather()
  for (let left = pixels; left > 0;) {
    const bytes = await reader.readAt(reader.at, Math.min(PIECE_BYTES, Math.max(1, reader.left)))
    let at = 0
    while (left > 0 && at < bytes.length) {
      const code = bytes[at] ?? 0
      const count = (code & 127) + 1
      at += 1 + (code > 127 ? pixelBytes : count * pixelBytes)
      left -= count
    }
    reader.skip(at)
    await breathe()
  }
}
