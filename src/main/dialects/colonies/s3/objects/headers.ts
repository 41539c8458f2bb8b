/** Headers that are kept with an object, and those that a reader gets. Pure. */
import type { Parameter } from '../wire/address.ts'
import { parameter } from '../wire/address.ts'
import { S3Error } from '../wire/errors.ts'
import type { Checksum, ObjectHeaders, StoredObject } from '../store/objects.ts'

const KEPT = ['content-type', 'content-encoding', 'content-disposition', 'content-language', 'cache-control', 'expires']
const META = 'x-amz-meta-'
const MOST_META_BYTES = 2_048
const LONGEST_VALUE = 2_048
const TYPE = 'binary/octet-stream'

/** @throws S3Error MetadataTooLarge */
export function keptHeaders(headers: ReadonlyMap<string, string>): ObjectHeaders {
  const kept: Record<string, string> = {}
  let bytes = 0
  for (const [name, value] of headers) {
    if (name.startsWith(META)) bytes += name.length - META.length + value.length
    else if (!KEPT.includes(name)) continue
    if (value.length > LONGEST_VALUE || bytes > MOST_META_BYTES) {
      throw new S3Error('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size')
    }
    // How the body was sent is no property of the object.
    const own =
      name === 'content-encoding'
        ? value
            .replace(/\s*\baws-chunked\b\s*,?/i, '')
            .replace(/,\s*$/, '')
            .trim()
        : value
    if (own !== '') kept[name] = own
  }
  return { 'content-type': TYPE, ...kept }
}

/** Those of a reply with the object; parameters of a signed address may replace some. */
export function shownHeaders(object: StoredObject, query: readonly Parameter[]): Record<string, string> {
  const shown: Record<string, string> = {
    ...object.headers,
    etag: `"${object.etag}"`,
    'last-modified': new Date(object.modifiedAt).toUTCString(),
    'accept-ranges': 'bytes',
    // Whatever a client stored is no page of this server.
    'x-content-type-options': 'nosniff',
    'content-security-policy': "sandbox; default-src 'none'",
  }
  for (const name of KEPT) {
    const value = parameter(query, `response-${name}`)
    if (value === undefined) continue

    if (/[^\t\u0020-\u007e\u0080-\u00ff]/.test(value)) throw new S3Error('InvalidArgument', `response-${name} is not a valid header`)
    shown[name] = value
  }
  return shown
}

export function checksumHeaders(checksum: Checksum | undefined): Record<string, string> {
  if (!checksum) return {}
  return { [`x-amz-checksum-${checksum.algorithm}`]: checksum.value, 'x-amz-checksum-type': checksum.type }
}
