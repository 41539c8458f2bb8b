/** Lists of objects: version 1 and 2. */
import { bucketOf, type S3Call, type S3Operation } from '../call.ts'
import { listKeys, type Listed } from '../objects/listing.ts'
import { encodeKey, parameter } from '../wire/address.ts'
import { S3Error } from '../wire/errors.ts'
import { xmlDocument, type XmlElements } from '../wire/xml.ts'
import { ownerOf } from './buckets.ts'

export const MOST_LISTED = 1_000

export const listObjects: S3Operation = async (call) => {
  const bucket = await bucketOf(call)
  const page = readPage(call)
  const marker = parameter(call.address.query, 'marker') ?? ''
  const listed = await listKeys(call.context.read, bucket.id, { ...page, after: marker })
  return {
    body: xmlDocument('ListBucketResult', {
      Name: bucket.name,
      Prefix: page.shown(page.prefix),
      Marker: page.shown(marker),
      NextMarker: listed.isTruncated ? page.shown(listed.last) : undefined,
      ...common(page, listed, ownerOf(call)),
    }),
  }
}

export const listObjectsV2: S3Operation = async (call) => {
  const { query } = call.address
  const bucket = await bucketOf(call)
  const page = readPage(call)
  const token = parameter(query, 'continuation-token')
  const startAfter = parameter(query, 'start-after')
  const after = token === undefined ? (startAfter ?? '') : readToken(token)
  const listed = await listKeys(call.context.read, bucket.id, { ...page, after })
  return {
    body: xmlDocument('ListBucketResult', {
      Name: bucket.name,
      Prefix: page.shown(page.prefix),
      StartAfter: startAfter === undefined ? undefined : page.shown(startAfter),
      ContinuationToken: token,
      NextContinuationToken: listed.isTruncated ? Buffer.from(listed.last).toString('base64url') : undefined,
      KeyCount: listed.entries.length,
      ...common(page, listed, parameter(query, 'fetch-owner') === 'true' ? ownerOf(call) : undefined),
    }),
  }
}

interface Page {
  prefix: string
  delimiter: string
  most: number
  isEncoded: boolean
  shown(key: string): string
}

/** @throws S3Error InvalidArgument */
export function readPage({ address: { query } }: S3Call, mostName = 'max-keys'): Page {
  const isEncoded = parameter(query, 'encoding-type') === 'url'
  return {
    prefix: parameter(query, 'prefix') ?? '',
    delimiter: parameter(query, 'delimiter') ?? '',
    most: readMost(parameter(query, mostName), mostName),
    isEncoded,
    shown: (key) => (isEncoded ? encodeKey(key) : key),
  }
}

/** @throws S3Error InvalidArgument */
export function readMost(text: string | undefined, name: string): number {
  if (text !== undefined && text !== '' && !/^\d{1,9}$/.test(text)) {
    throw new S3Error('InvalidArgument', `Provided ${name} not an integer or within integer range`)
  }
  return text === undefined || text === '' ? MOST_LISTED : Math.min(Number(text), MOST_LISTED)
}

function common(
  { delimiter, most, isEncoded, shown }: Page,
  { entries, isTruncated }: Listed,
  owner: XmlElements | undefined,
): XmlElements {
  return {
    MaxKeys: most,
    Delimiter: delimiter === '' ? undefined : shown(delimiter),
    EncodingType: isEncoded ? 'url' : undefined,
    IsTruncated: isTruncated,
    Contents: entries.flatMap((entry) => {
      if (!('object' in entry)) return []
      const { key, modifiedAt, etag, size, checksum } = entry.object
      return {
        Key: shown(key),
        LastModified: new Date(modifiedAt).toISOString(),
        ETag: `"${etag}"`,
        ChecksumAlgorithm: checksum?.algorithm.toUpperCase(),
        ChecksumType: checksum?.type,
        Size: size,
        Owner: owner,
        StorageClass: 'STANDARD',
      }
    }),
    CommonPrefixes: entries.flatMap((entry) => ('prefix' in entry ? [{ Prefix: shown(entry.prefix) }] : [])),
  }
}

/** @throws S3Error InvalidArgument */
function readToken(token: string): string {
  const key = Buffer.from(token, 'base64url').toString('utf8')
  if (token === '' || key === '' || Buffer.from(key).toString('base64url') !== token) {
    throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect')
  }
  return key
}
