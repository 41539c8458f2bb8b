/** BMP: its header, and whether all pixels are there. */
import { truncated, type ByteReader } from '../byteReader.ts'
import { DamagedError, type Whole } from '../verdict.ts'

/** Compressions without one: 0 none, 3 and 6 none with masks. */
const PLAIN = [0, 3, 6]

/** @throws DamagedError */
export async function checkBmp(reader: ByteReader): Promise<Whole> {
  const file = Buffer.from(await reader.read(18))
  const pixelsAt = file.readUInt32LE(10)
  const headerBytes = file.readUInt32LE(14)
  if (headerBytes < 12 || headerBytes > 256) throw new DamagedError('is no BMP file')
  const info = Buffer.from(await reader.read(headerBytes - 4))
  const old = headerBytes < 16
  const width = old ? info.readUInt16LE(0) : info.readInt32LE(0)
  const height = Math.abs(old ? info.readInt16LE(2) : info.readInt32LE(4))
  const depth = info.readUInt16LE(old ? 6 : 10)
  const compression = info.length >= 16 ? info.readUInt32LE(12) : 0
  if (width <= 0 || height === 0 || ![0, 1, 2, 4, 8, 16, 24, 32, 64].includes(depth))
    throw new DamagedError('has a header that no BMP file can have')
  const stored = info.length >= 20 ? info.readUInt32LE(16) : 0
  const bytes = PLAIN.includes(compression) ? Math.ceil((width * depth) / 32) * 4 * height : stored
  if (pixelsAt + bytes > reader.size) throw truncated(reader.size)
  return { state: 'whole', format: 'BMP', width, height }
}
