/** The bytes of an object as one stream, from the contents that it is made of. */
import { Readable } from 'node:stream'
import type { BlobId } from '../../../../files/content/blobs.ts'
import type { ByteRange, Content } from '../../../../files/content/content.ts'
import { cutPieces } from './ranges.ts'

/** Opens the first content at once: what is not there is known before a reply begins. @throws NotFoundError */
export async function readPieces(content: Content, pieces: readonly BlobId[], range: ByteRange): Promise<Readable> {
  const [first, ...rest] = cutPieces(pieces, range)
  if (!first) return Readable.from([])
  const { stream } = await content.open(first.blob.sha, first.range)
  if (rest.length === 0) return stream
  return Readable.from(
    (async function* () {
      try {
        yield* stream
        for (const { blob, range: part } of rest) yield* (await content.open(blob.sha, part)).stream
      } finally {
        stream.destroy()
      }
    })(),
    { objectMode: false },
  )
}
