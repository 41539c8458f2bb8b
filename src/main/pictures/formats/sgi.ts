/** SGI (Iris): its header, and whether all rows are there. */
import { truncated, type ByteReader } from '../byteReader.ts'
import { DamagedError, type Whole } from '../verdict.ts'

/** @throws DamagedError */
export async function checkSgi(reader: ByteReader): Promise<Whole> {
  const head = Buffer.from(await reader.read(512))
  const packed = head[2] === 1
  const sampleBytes = head[3] ?? 1
  const dimensions = head.readUInt16BE(4)
  const width = head.readUInt16BE(6)
  const height = dimensions > 1 ? head.readUInt16BE(8) : 1
  const channels = dimensions > 2 ? head.readUInt16BE(10) : 1
  if (width === 0 || height === 0 || (head[2] ?? 0) > 1) throw new DamagedError('has a header that no SGI file can have')
  if (!packed) {
    reader.skip(width * height * channels * sampleBytes)
    return { state: 'whole', format: 'SGI', width, height }
  }
  const rows = height * channels
  const table = Buffer.from(await reader.read(rows * 8))
  for (let row = 0; row < rows; row++) {
    const end = table.readUInt32BE(row * 4) + table.readUInt32BE((rows + row) * 4)
    if (end > reader.size) throw truncated(reader.size)
    if (end === 0) throw new DamagedError('was not finished: its table of rows is empty')
  }
  return { state: 'whole', format: 'SGI', width, height }
}
