/** Matroska and WebM: whether all outer elements are there. */
import { truncated, type ByteReader } from '../byteReader.ts'
import { DamagedError } from '../verdict.ts'

const SEGMENT = 0x18538067
const CLUSTER = 0x1f43b675
/** What follows a cluster of unknown length. */
const OUTER = new Set([CLUSTER, 0x1c53bb6b, 0x1254c367, 0x1043a770, 0x1941a469, 0x114d9b74, 0x1549a966, 0x1654ae6b])

/** @throws DamagedError */
export async function walkMatroska(reader: ByteReader): Promise<void> {
  let at = 0
  while (at < reader.size) {
    const element = await readElement(reader, at)
    if (element.length === undefined) {
      // A stream, or a movie whose writer was killed: its elements are walked instead.
      if (element.id !== SEGMENT && element.id !== CLUSTER && !OUTER.has(element.id)) return
      at = element.dataAt
      continue
    }
    const end = element.dataAt + element.length
    if (end > reader.size) throw truncated(reader.size)
    at = end
  }
}

/** `length`: undefined when the file leaves it open. */
async function readElement(reader: ByteReader, at: number): Promise<{ id: number; dataAt: number; length: number | undefined }> {
  const id = await readNumber(reader, at, false)
  const length = await readNumber(reader, id.end, true)
  const open = length.value === 2 ** (7 * (length.end - id.end)) - 1
  return { id: id.value, dataAt: length.end, length: open ? undefined : length.value }
}

/** A number tells by its leading zero bits how many bytes it has. */
async function readNumber(reader: ByteReader, at: number, withoutMark: boolean): Promise<{ value: number; end: number }> {
  const first = (await reader.readAt(at, 1))[0] ?? 0
  const bytes = Math.clz32(first) - 23
  if (bytes > 8) throw new DamagedError(`has no element where one should be, at byte ${at}`)
  const all = await reader.readAt(at, bytes)
  let value = withoutMark ? first & (0xff >> bytes) : first
  for (const byte of all.subarray(1)) value = value * 256 + byte
  return { value, end: at + bytes }
}
