/** MP4, QuickTime and AVIF are made of boxes: whether all of them are there. */
import { truncated, type ByteReader } from '../byteReader.ts'
import { DamagedError } from '../verdict.ts'

/** @param needed a box without which nothing can be shown; it is often written last. @throws DamagedError */
export async function walkBoxes(reader: ByteReader, needed: string): Promise<void> {
  const seen = new Set<string>()
  for (let at = 0; at < reader.size;) {
    // Some programs fill the end up with zeros.
    if (reader.size - at < 8) break
    const head = await reader.readAt(at, 8)
    const short = head.readUInt32BE(0)
    const type = head.toString('latin1', 4, 8)
    const long = short === 1 ? Number((await reader.readAt(at + 8, 8)).readBigUInt64BE(0)) : short
    const length = short === 0 ? reader.size - at : long
    if (short === 0 && seen.has(needed)) break
    if (length < 8) throw new DamagedError(`has a box of an impossible length at byte ${at}`)
    seen.add(type)
    if (at + length > reader.size) throw truncated(reader.size)
    at += length
  }
  if (!seen.has(needed)) throw new DamagedError(`was not finished: it has no "${needed}" box`)
}
