/** RIFF, which WebP and AVI are made of: whether the file is as long as it says. */
import { truncated, type ByteReader } from '../byteReader.ts'
import { DamagedError } from '../verdict.ts'

/** Walks the outer chunks of all RIFF lists of the file (long AVI files have several). @throws DamagedError */
export async function walkRiff(reader: ByteReader): Promise<void> {
  let at = 0
  while (at + 12 <= reader.size && (at === 0 || (await reader.readAt(at, 4)).toString('latin1') === 'RIFF')) {
    const length = (await reader.readAt(at + 4, 4)).readUInt32LE(0)
    // A program that writes it at the end leaves a zero, or all ones, when it is killed.
    if (length === 0 || length === 0xffff_ffff) throw new DamagedError('was not finished: its length was never written')
    const end = at + 8 + length
    if (end > reader.size) throw truncated(reader.size)
    await walkChunks(reader, at + 12, end)
    at = end + (end % 2)
  }
}

async function walkChunks(reader: ByteReader, from: number, end: number): Promise<void> {
  for (let at = from; at + 8 <= end;) {
    const length = (await reader.readAt(at + 4, 4)).readUInt32LE(0)
    if (at + 8 + length > end) throw new DamagedError(`has a chunk that goes beyond its end, at byte ${at}`)
    at += 8 + length + (length % 2)
  }
}
