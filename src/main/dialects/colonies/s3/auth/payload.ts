/** How the body of a request is sent and signed. Pure. */
import { S3Error } from '../wire/errors.ts'

export interface PayloadForm {
  /** The body's own SHA-256; undefined: it is not signed as a whole. */
  readonly sha256: string | undefined
  /** Sent in chunks of a form of their own. */
  readonly chunked: { readonly isSigned: boolean; readonly hasTrailer: boolean } | undefined
  /** Bytes of the content. */
  readonly bytes: number
  /** Bytes on the wire. */
  readonly wireBytes: number
}

const STREAMS: Readonly<Record<string, { isSigned: boolean; hasTrailer: boolean }>> = {
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': { isSigned: true, hasTrailer: false },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': { isSigned: true, hasTrailer: true },
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': { isSigned: false, hasTrailer: true },
}

/** @param payload what was signed in place of the body's hash @throws S3Error */
export function readPayloadForm(payload: string, headers: ReadonlyMap<string, string>): PayloadForm {
  const wireBytes = bytesOf(headers.get('content-length'))
  const chunked = STREAMS[payload]
  if (chunked) {
    const bytes = bytesOf(headers.get('x-amz-decoded-content-length'))
    if (bytes === undefined) throw new S3Error('MissingContentLength', 'You must provide the x-amz-decoded-content-length HTTP header.')
    // The chunks tell where they end, so the length on the wire may be left out.
    return { sha256: undefined, chunked, bytes, wireBytes: wireBytes ?? bytes }
  }
  if (wireBytes === undefined && headers.has('transfer-encoding')) {
    throw new S3Error('MissingContentLength', 'You must provide the Content-Length HTTP header.')
  }
  const bytes = wireBytes ?? 0
  if (payload === 'UNSIGNED-PAYLOAD') return { sha256: undefined, chunked: undefined, bytes, wireBytes: bytes }
  if (/^[0-9a-f]{64}$/.test(payload)) return { sha256: payload, chunked: undefined, bytes, wireBytes: bytes }
  if (payload.startsWith('STREAMING-')) throw new S3Error('NotImplemented', `${payload} is not implemented`)
  throw new S3Error(
    'InvalidArgument',
    'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, ' +
      'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, or a valid sha256 value.',
  )
}

function bytesOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw new S3Error('InvalidArgument', 'a length is not a number')
  return Number(text)
}
