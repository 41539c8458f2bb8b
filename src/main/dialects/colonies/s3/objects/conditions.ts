/** Conditions of a request about an object's ETag and time. Pure. */
import { S3Error } from '../wire/errors.ts'

export interface Validators {
  readonly etag: string
  readonly modifiedAt: number
}

type Headers = ReadonlyMap<string, string>

/** @param prefix of the headers' names: empty, or `x-amz-copy-source-` @throws S3Error PreconditionFailed, NotModified */
export function checkRead(headers: Headers, { etag, modifiedAt }: Validators, prefix = ''): void {
  const seconds = Math.floor(modifiedAt / 1_000) * 1_000
  const match = headers.get(`${prefix}if-match`)
  const noneMatch = headers.get(`${prefix}if-none-match`)
  const since = timeOf(headers.get(`${prefix}if-modified-since`))
  const notSince = timeOf(headers.get(`${prefix}if-unmodified-since`))
  const failed = (name: string): S3Error =>
    new S3Error('PreconditionFailed', `At least one of the pre-conditions you specified did not hold: ${prefix}${name}`)
  if (match !== undefined) {
    if (!hasTag(match, etag)) throw failed('If-Match')
  } else if (notSince !== undefined && seconds > notSince) throw failed('If-Unmodified-Since')
  // A copy is no read that could be answered with what the client has.
  const unchanged = prefix === '' ? new S3Error('NotModified', 'Not Modified', { etag: `"${etag}"` }) : undefined
  if (noneMatch !== undefined) {
    if (hasTag(noneMatch, etag)) throw unchanged ?? failed('If-None-Match')
  } else if (since !== undefined && seconds <= since) throw unchanged ?? failed('If-Modified-Since')
}

/** @param found what has the key now @throws S3Error PreconditionFailed; NoSuchKey where something must be there */
export function checkWrite(headers: Headers, found: Pick<Validators, 'etag'> | undefined): void {
  const match = headers.get('if-match')
  const noneMatch = headers.get('if-none-match')
  const failed = (name: string): S3Error =>
    new S3Error('PreconditionFailed', `At least one of the pre-conditions you specified did not hold: ${name}`)
  if (match !== undefined) {
    if (!found) throw new S3Error('NoSuchKey', 'The specified key does not exist.')
    if (!hasTag(match, found.etag)) throw failed('If-Match')
  }
  if (noneMatch !== undefined) {
    if (noneMatch.trim() !== '*') throw new S3Error('NotImplemented', 'If-None-Match of a write may only be *')
    if (found) throw failed('If-None-Match')
  }
}

function hasTag(list: string, etag: string): boolean {
  return list.split(',').some((each) => {
    const tag = each
      .trim()
      .replace(/^W\//, '')
      .replace(/^"(.*)"$/, '$1')
    return tag === '*' || tag === etag
  })
}

function timeOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '')
  return Number.isNaN(time) ? undefined : time
}
