/** Bodies in chunks (`aws-chunked`): `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n`, an empty chunk, then trailers. Pure. */
import { S3Error } from '../wire/errors.ts'

const LONGEST_LINE = 4_096
const MOST_TRAILERS = 20
/** A chunk is announced before it comes; clients use 64 KiB to some MiB. */
const LARGEST_CHUNK = 2 ** 32

export type ChunkEvent =
  | { readonly kind: 'data'; readonly bytes: Buffer }
  /** A chunk has ended; the empty one at the end too. */
  | { readonly kind: 'end'; readonly signature: string }
  /** All trailers, by lower-case name, after the last chunk. */
  | { readonly kind: 'trailers'; readonly trailers: ReadonlyMap<string, string>; readonly text: string; readonly signature: string }

type State = 'head' | 'data' | 'data-end' | 'trailer' | 'over'

/** Takes a body as it comes off the wire. Every byte of it is given back at once; only lines are kept. */
export class ChunkReader {
  private state: State = 'head'
  private left = 0
  private signature = ''
  private line: Buffer[] = []
  private lineBytes = 0
  private readonly trailers = new Map<string, string>()
  private trailerText = ''
  private trailerSignature = ''

  /** @param isSigned whether each chunk carries a signature @param hasTrailer whether trailers were announced */
  constructor(
    private readonly isSigned: boolean,
    private readonly hasTrailer: boolean,
  ) {}

  /** Whether the body has come to its end. */
  get isOver(): boolean {
    return this.state === 'over'
  }

  /** @throws S3Error for what is no such body */
  *read(bytes: Buffer): Generator<ChunkEvent> {
    let rest = bytes
    while (rest.length > 0) {
      if (this.state === 'data') {
        const part = rest.subarray(0, this.left)
        rest = rest.subarray(part.length)
        this.left -= part.length
        if (part.length > 0) yield { kind: 'data', bytes: part }
        if (this.left === 0) this.state = 'data-end'
        continue
      }
      const end = rest.indexOf(10)
      const part = end < 0 ? rest : rest.subarray(0, end)
      this.lineBytes += part.length
      if (this.lineBytes > LONGEST_LINE) throw malformed('a line is too long')
      this.line.push(part)
      if (end < 0) return
      rest = rest.subarray(end + 1)
      const line = Buffer.concat(this.line).toString('latin1').replace(/\r$/, '')
      this.line = []
      this.lineBytes = 0
      yield* this.onLine(line)
    }
  }

  private *onLine(line: string): Generator<ChunkEvent> {
    if (this.state === 'head') {
      this.onHead(line)
      if (this.left === 0) yield { kind: 'end', signature: this.signature }
    } else if (this.state === 'data-end') {
      if (line !== '') throw malformed('a chunk is longer than announced')
      this.state = 'head'
      yield { kind: 'end', signature: this.signature }
      return
    } else if (this.state === 'trailer') {
      yield* this.onTrailer(line)
      return
    } else if (line !== '') throw malformed('something follows its end')
  }

  private onHead(line: string): void {
    const [, digits = '', signature] = /^([0-9a-fA-F]{1,9})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line) ?? []
    const size = Number.parseInt(digits, 16)
    if (Number.isNaN(size) || size > LARGEST_CHUNK) throw malformed('a chunk has no size')
    if (this.isSigned && signature === undefined) throw malformed('a chunk is not signed')
    this.signature = signature ?? ''
    this.left = size
    this.state = size > 0 ? 'data' : 'trailer'
  }

  private *onTrailer(line: string): Generator<ChunkEvent> {
    if (line === '') {
      // Some clients write an empty line between the trailers and their signature.
      if (this.isSigned && this.trailers.size > 0 && this.trailerSignature === '') return
      this.state = 'over'
      yield { kind: 'trailers', trailers: this.trailers, text: this.trailerText, signature: this.trailerSignature }
      return
    }
    const cut = line.indexOf(':')
    if (cut <= 0 || !this.hasTrailer || this.trailers.size >= MOST_TRAILERS) throw malformed('a trailer is malformed')
    const [name, value] = [line.slice(0, cut).trim().toLowerCase(), line.slice(cut + 1).trim()]
    if (name === 'x-amz-trailer-signature') this.trailerSignature = value
    else {
      this.trailers.set(name, value)
      this.trailerText += `${name}:${value}\n`
    }
  }
}

function malformed(what: string): S3Error {
  return new S3Error('InvalidRequest', `The body is not a valid stream of chunks: ${what}`)
}
