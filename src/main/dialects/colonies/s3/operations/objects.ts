/** Objects: put, get, head, delete, copy. */
import type { BlobId } from '../../../../files/content/blobs.ts'
import type { Connection } from '../../../../store/connection.ts'
import { bucketOf, noSuchBucket, noSuchKey, type S3Call, type S3Context, type S3Operation } from '../call.ts'
import { checkRead, checkWrite } from '../objects/conditions.ts'
import { checksumHeaders, keptHeaders, shownHeaders } from '../objects/headers.ts'
import { rangeOfPart, readRange } from '../objects/ranges.ts'
import { readPieces } from '../objects/read.ts'
import { readDocument, receiveBody } from '../objects/receive.ts'
import * as rows from '../store/objects.ts'
import { encodeKey, parameter, readAddress } from '../wire/address.ts'
import { S3Error } from '../wire/errors.ts'
import { childText, readXml, xmlDocument } from '../wire/xml.ts'

const MOST_DELETED = 1_000

export const putObject: S3Operation = async (call) => {
  const { context, headers, address } = call
  const bucket = await bucketOf(call)
  // Before the client sends all of it in vain; what counts is asked again as it is stored.
  checkWrite(headers, await rows.findObject(context.read, bucket.id, address.key))
  const kept = keptHeaders(headers)
  const received = await receiveBody(call)
  await received.keep()
  const { blob, md5, checksum } = received
  const object = { key: address.key, size: blob.size, etag: md5, headers: kept, checksum, modifiedAt: context.now() }
  await storeObject(context, bucket.id, object, [blob], headers)
  return { headers: { etag: `"${md5}"`, ...checksumHeaders(checksum) } }
}

/** In one transaction with the conditions of the write, and what its caller does before. @throws S3Error PreconditionFailed, NoSuchBucket */
export async function storeObject(
  context: S3Context,
  bucketId: number,
  object: rows.NewObject,
  pieces: readonly BlobId[],
  headers: ReadonlyMap<string, string>,
  before?: (tx: Connection) => Promise<void>,
): Promise<void> {
  const isStored = await context.writer.exclusive(async (tx) => {
    await before?.(tx)
    checkWrite(headers, await rows.findObject(tx, bucketId, object.key))
    return rows.insertObject(tx, bucketId, object, pieces)
  })
  if (!isStored) throw noSuchBucket()
}

/** GET and HEAD. */
export const getObject: S3Operation = async (call) => {
  const { context, headers, address, method } = call
  const bucket = await bucketOf(call)
  const object = await rows.findObject(context.read, bucket.id, address.key)
  if (!object) throw noSuchKey()
  checkRead(headers, object)
  const shown = shownHeaders(object, address.query)
  const pieces = await rows.piecesOf(context.read, object.id)
  const part = parameter(address.query, 'partNumber')
  const range = part === undefined ? readRange(headers.get('range'), object.size) : rangeOfPart(pieces, partNumber(part))
  const { first, last } = range ?? { first: 0, last: object.size - 1 }
  shown['content-length'] = String(last - first + 1)
  if (range) shown['content-range'] = `bytes ${first}-${last}/${object.size}`
  else if (headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED') Object.assign(shown, checksumHeaders(object.checksum))
  if (part !== undefined) shown['x-amz-mp-parts-count'] = String(pieces.length)
  const status = range ? 206 : 200
  if (method === 'HEAD') return { status, headers: shown }
  return { status, headers: shown, body: await readPieces(context.content, pieces, { first, last }) }
}

function partNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 10_000) {
    throw new S3Error('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive')
  }
  return Number(text)
}

export const removeObject: S3Operation = async (call) => {
  const bucket = await bucketOf(call)
  const { context, address, headers } = call
  await context.writer.exclusive(async (tx) => {
    if (headers.has('if-match')) checkWrite(headers, await rows.findObject(tx, bucket.id, address.key))
    await rows.deleteObject(tx, bucket.id, address.key)
  })
  return { status: 204 }
}

/** `POST ?delete`: up to 1,000 keys. */
export const removeObjects: S3Operation = async (call) => {
  const bucket = await bucketOf(call)
  const root = readXml(await readDocument(call))
  const keys = root.children.filter(({ name }) => name === 'Object').map((each) => childText(each, 'Key') ?? '')
  if (root.name !== 'Delete' || keys.length === 0 || keys.length > MOST_DELETED || keys.includes('')) {
    throw new S3Error('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema')
  }
  await call.context.writer.exclusive((tx) => rows.deleteObjects(tx, bucket.id, keys))
  const isQuiet = childText(root, 'Quiet') === 'true'
  return { body: xmlDocument('DeleteResult', isQuiet ? {} : { Deleted: keys.map((key) => ({ Key: key })) }) }
}

/** No bytes are copied: both objects are made of the same contents. */
export const copyObject: S3Operation = async (call) => {
  const { context, headers, address } = call
  const bucket = await bucketOf(call)
  const { source, pieces } = await copySource(call)
  const replaces = headers.get('x-amz-metadata-directive')?.toUpperCase() === 'REPLACE'
  if (!replaces && source.bucketId === bucket.id && source.object.key === address.key) {
    throw new S3Error(
      'InvalidRequest',
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata.",
    )
  }
  const modifiedAt = context.now()
  const copy = { ...source.object, key: address.key, modifiedAt, ...(replaces && { headers: keptHeaders(headers) }) }
  await storeObject(context, bucket.id, copy, pieces, headers)
  return {
    body: xmlDocument('CopyObjectResult', { ETag: `"${copy.etag}"`, LastModified: new Date(modifiedAt).toISOString() }),
  }
}

/** What `x-amz-copy-source` names. @throws S3Error */
export async function copySource(call: S3Call): Promise<{ source: { bucketId: number; object: rows.StoredObject }; pieces: BlobId[] }> {
  const text = call.headers.get('x-amz-copy-source') ?? ''
  const { bucket: name, key, query } = readAddress(text.startsWith('/') ? text : `/${text}`, '', [])
  const version = parameter(query, 'versionId')
  if (key === '' || (version !== undefined && version !== 'null')) {
    throw new S3Error('InvalidArgument', 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey')
  }
  const bucket = await bucketOf(call, name)
  const object = await rows.findObject(call.context.read, bucket.id, key)
  if (!object) throw noSuchKey()
  checkRead(call.headers, object, 'x-amz-copy-source-')
  return { source: { bucketId: bucket.id, object }, pieces: await rows.piecesOf(call.context.read, object.id) }
}

/** There are none: clients that copy them have nothing to do. */
export const getTagging: S3Operation = async (call) => {
  const bucket = await bucketOf(call)
  if (!(await rows.findObject(call.context.read, bucket.id, call.address.key))) throw noSuchKey()
  return { body: xmlDocument('Tagging', { TagSet: {} }) }
}

export const locationOf = (bucket: string, key: string): string => `/${bucket}/${encodeKey(key)}`
