/** Ranges of bytes, of an object and of the pieces that it is made of. Pure. */
import type { BlobId } from '../../../../files/content/blobs.ts'
import type { ByteRange } from '../../../../files/content/content.ts'
import { S3Error } from '../wire/errors.ts'

/** The range that a header asks for; undefined: all of it, also for what is no range of bytes or more than one. @throws S3Error InvalidRange */
export function readRange(header: string | undefined, size: number): ByteRange | undefined {
  const [, from = '', to = ''] = /^bytes=(\d{0,16})-(\d{0,16})$/.exec(header?.trim() ?? '') ?? []
  if (from === '' && to === '') return undefined
  const last = Math.min(from === '' || to === '' ? size - 1 : Number(to), size - 1)
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from)
  if (from !== '' && to !== '' && Number(to) < first) return undefined
  if (first >= size || (from === '' && Number(to) === 0)) {
    throw new S3Error('InvalidRange', 'The requested range is not satisfiable', { 'content-range': `bytes */${size}` })
  }
  return { first, last }
}

/** The bytes of one part, counted from 1; undefined: it has none. @throws S3Error InvalidRange */
export function rangeOfPart(pieces: readonly BlobId[], number: number): ByteRange | undefined {
  const piece = pieces[number - 1]
  if (!piece) throw new S3Error('InvalidRange', 'The requested partnumber is not satisfiable')
  if (piece.size === 0) return undefined
  const first = pieces.slice(0, number - 1).reduce((sum, { size }) => sum + size, 0)
  return { first, last: first + piece.size - 1 }
}

/** What to read of each piece for a range of the whole. */
export function cutPieces(pieces: readonly BlobId[], { first, last }: ByteRange): { blob: BlobId; range: ByteRange }[] {
  const cut: { blob: BlobId; range: ByteRange }[] = []
  let begin = 0
  for (const blob of pieces) {
    const end = begin + blob.size - 1
    if (blob.size > 0 && end >= first && begin <= last) {
      cut.push({ blob, range: { first: Math.max(first - begin, 0), last: Math.min(last - begin, blob.size - 1) } })
    }
    begin += blob.size
  }
  return cut
}
