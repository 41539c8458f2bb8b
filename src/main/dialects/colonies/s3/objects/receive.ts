/** Bodies of requests: decoded, checked against everything that the client announced, and only then kept. */
import { Digests } from '../../../../files/content/digests.ts'
import { UploadAbortedError } from '../../../../files/content/errors.ts'
import type { Intake, Received } from '../../../../files/content/intake.ts'
import { ChunkReader, type ChunkEvent } from '../auth/chunks.ts'
import { isSame, nextSignature, sha256 } from '../auth/signature.ts'
import type { S3Call } from '../call.ts'
import type { Checksum } from '../store/objects.ts'
import { S3Error } from '../wire/errors.ts'
import { checkAnnounced, digestsFor, isChecksumName, readAnnounced } from './checksums.ts'

/** As S3 has it: more needs an upload in parts. */
const MOST_BYTES = 5 * 2 ** 30
const MOST_DOCUMENT_BYTES = 4 * 2 ** 20

export interface ReceivedBody extends Received {
  readonly md5: string
  readonly checksum: Checksum | undefined
}

/** Receives a body as a content of the file store, which its caller keeps or drops. @throws S3Error; nothing is left of it then */
export async function receiveBody(call: S3Call): Promise<ReceivedBody> {
  const { payload, context } = call
  const announced = readAnnounced(call.headers)
  if (payload.bytes > MOST_BYTES) throw new S3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size')
  const chain = new SignatureChain(call)
  const intake = await context.content.receive({
    expectedBytes: payload.bytes,
    digests: digestsFor(announced),
    ...(payload.chunked?.isSigned && { onPiece: (sha: string) => chain.check(sha) }),
  })
  let received: Received
  let trailers: ReadonlyMap<string, string>
  try {
    trailers = await readInto(intake, call, chain)
    received = await intake.finish()
    chain.checkEnd()
  } catch (error) {
    await intake.drop()
    throw error
  }
  try {
    const { values, blob } = received
    if (payload.sha256 !== undefined && payload.sha256 !== blob.sha) {
      throw new S3Error('XAmzContentSHA256Mismatch', "The provided 'x-amz-content-sha256' header does not match what was computed.")
    }
    return { ...received, md5: values.md5 ?? '', checksum: checkAnnounced(announced, values, trailers) }
  } catch (error) {
    await intake.drop()
    throw error
  }
}

/**
 * A small body as text.
 * @param about whether checksums in the headers are those of the body, or of the object that it is about
 * @throws S3Error
 */
export async function readDocument(call: S3Call, about: 'body' | 'object' = 'body'): Promise<string> {
  const { payload, headers } = call
  if (payload.wireBytes > MOST_DOCUMENT_BYTES) throw new S3Error('MalformedXML', 'The XML you provided is too large')
  const parts: Buffer[] = []
  const chain = new SignatureChain(call)
  let piece: Buffer[] = []
  const trailers = await decode(call, {
    data: (bytes) => {
      parts.push(bytes)
      piece.push(bytes)
      return Promise.resolve()
    },
    end: (signature) => {
      chain.expect(signature)
      chain.check(sha256(Buffer.concat(piece)))
      piece = []
    },
    trailer: (text, signature) => chain.expectTrailer(text, signature),
  })
  chain.checkEnd()
  const bytes = Buffer.concat(parts)
  const sha = sha256(bytes)
  if (payload.sha256 !== undefined && payload.sha256 !== sha) {
    throw new S3Error('XAmzContentSHA256Mismatch', "The provided 'x-amz-content-sha256' header does not match what was computed.")
  }
  const ofBody = about === 'body' ? [...headers] : [...headers].filter(([name]) => !name.startsWith('x-amz-checksum-'))
  const announced = readAnnounced(new Map(ofBody))

  const digests = new Digests(['sha256', ...digestsFor(announced)])
  digests.update(bytes)
  checkAnnounced(announced, digests.finish(), trailers)
  return bytes.toString('utf8')
}

async function readInto(intake: Intake, call: S3Call, chain: SignatureChain): Promise<ReadonlyMap<string, string>> {
  return decode(call, {
    data: (bytes) => intake.add(bytes),
    end: (signature) => {
      chain.expect(signature)
      intake.cut()
    },
    trailer: (text, signature) => chain.expectTrailer(text, signature),
  })
}

interface Sink {
  data(bytes: Buffer): Promise<void>
  /** A chunk has ended. */
  end(signature: string): void
  trailer(text: string, signature: string): void
}

/** Takes the body off the wire. @returns its trailers @throws S3Error IncompleteBody and what the chunks' reader throws */
async function decode(call: S3Call, sink: Sink): Promise<ReadonlyMap<string, string>> {
  const { payload } = call
  const reader = payload.chunked && new ChunkReader(payload.chunked.isSigned, payload.chunked.hasTrailer)
  let trailers: ReadonlyMap<string, string> = new Map()
  let size = 0
  const take = async (event: ChunkEvent): Promise<void> => {
    if (event.kind === 'data') {
      size += event.bytes.length
      if (size > payload.bytes) throw incomplete()
      await sink.data(event.bytes)
    } else if (event.kind === 'end') sink.end(event.signature)
    else {
      trailers = event.trailers
      if (payload.chunked?.hasTrailer) sink.trailer(event.text, event.signature)
    }
  }
  for await (const bytes of wholeBody(call.body())) {
    if (reader) for (const event of reader.read(bytes)) await take(event)
    else await take({ kind: 'data', bytes })
  }
  if (size !== payload.bytes || reader?.isOver === false) throw incomplete()
  return trailers
}

/** @throws UploadAbortedError when the client breaks off */
async function* wholeBody(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* body
  } catch (error) {
    throw new UploadAbortedError(`the client broke off: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const incomplete = (): S3Error =>
  new S3Error('IncompleteBody', 'You did not provide the number of bytes specified by the Content-Length HTTP header')

/** Each chunk is signed together with the signature before it. Hashes come after the chunks, from the threads that compute them. */
class SignatureChain {
  private readonly expected: string[] = []
  private previous: string
  private trailer: { text: string; signature: string } | undefined

  constructor(private readonly call: S3Call) {
    this.previous = call.signing.seed
  }

  expect(signature: string): void {
    if (this.call.payload.chunked?.isSigned) this.expected.push(signature)
  }

  expectTrailer(text: string, signature: string): void {
    if (this.call.payload.chunked?.isSigned) this.trailer = { text, signature }
  }

  /** The next chunk's hash. @throws S3Error SignatureDoesNotMatch */
  check(sha: string): void {
    const signature = this.expected.shift()
    if (signature !== undefined) this.compare(signature, sha)
  }

  /** @throws S3Error for a chunk without a hash, and a trailer whose signature is wrong */
  checkEnd(): void {
    if (this.expected.length > 0) throw wrongChunk()
    if (this.trailer) this.compare(this.trailer.signature, sha256(this.trailer.text), true)
  }

  private compare(signature: string, sha: string, isTrailer = false): void {
    if (!isSame(nextSignature(this.call.signing, this.previous, sha, isTrailer), signature)) throw wrongChunk()
    this.previous = signature
  }
}

const wrongChunk = (): S3Error => new S3Error('SignatureDoesNotMatch', 'The signature of a chunk of the body does not match')

/** The algorithm that a client names without a value yet. @throws S3Error InvalidRequest */
export function namedAlgorithm(text: string | undefined): ReturnType<typeof readAnnounced>['algorithm'] {
  if (text === undefined) return undefined
  const name = text.toLowerCase()
  if (!isChecksumName(name)) throw new S3Error('InvalidRequest', `Checksum algorithm provided is unsupported: ${text}`)
  return name
}
