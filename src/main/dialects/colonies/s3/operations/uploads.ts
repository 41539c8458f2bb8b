/** Uploads in parts. Each part is a content of its own; the object that they become consists of them. */
import { createHash, randomBytes } from 'node:crypto'
import { bucketOf, type S3Call, type S3Operation } from '../call.ts'
import { isChecksumName, joinChecksums } from '../objects/checksums.ts'
import { keptHeaders } from '../objects/headers.ts'
import { readRange } from '../objects/ranges.ts'
import { readPieces } from '../objects/read.ts'
import { namedAlgorithm, readDocument, receiveBody } from '../objects/receive.ts'
import type { Checksum } from '../store/objects.ts'
import * as rows from '../store/uploads.ts'
import { parameter } from '../wire/address.ts'
import { S3Error } from '../wire/errors.ts'
import { childText, readXml, xmlDocument, type XmlNode } from '../wire/xml.ts'
import { ownerOf } from './buckets.ts'
import { readMost, readPage } from './lists.ts'
import { copySource, locationOf, storeObject } from './objects.ts'

const MOST_PARTS = 10_000
/** All parts but the last. */
const LEAST_PART_BYTES = 5 * 2 ** 20

export const createUpload: S3Operation = async (call) => {
  const { context, headers, address } = call
  const bucket = await bucketOf(call)
  const algorithm = namedAlgorithm(headers.get('x-amz-checksum-algorithm'))
  const upload = {
    publicId: randomBytes(24).toString('base64url'),
    bucketId: bucket.id,
    key: address.key,
    headers: keptHeaders(headers),
    algorithm: algorithm ?? null,
    checksumType: algorithm === undefined ? null : typeOf(headers.get('x-amz-checksum-type'), algorithm),
    createdAt: context.now(),
  }
  await context.writer.exclusive((tx) => rows.insertUpload(tx, upload))
  return {
    headers: {
      ...(upload.algorithm !== null && { 'x-amz-checksum-algorithm': upload.algorithm.toUpperCase() }),
      ...(upload.checksumType !== null && { 'x-amz-checksum-type': upload.checksumType }),
    },
    body: xmlDocument('InitiateMultipartUploadResult', { Bucket: bucket.name, Key: address.key, UploadId: upload.publicId }),
  }
}

/** @throws S3Error InvalidRequest */
function typeOf(text: string | undefined, algorithm: string): Checksum['type'] {
  const type = text?.toUpperCase() ?? (algorithm === 'crc64nvme' ? 'FULL_OBJECT' : 'COMPOSITE')
  const isPossible = type === 'COMPOSITE' ? algorithm !== 'crc64nvme' : type === 'FULL_OBJECT' && algorithm.startsWith('crc')
  if (!isPossible) throw new S3Error('InvalidRequest', `The ${type} checksum type cannot be used with the ${algorithm} checksum algorithm.`)
  return type === 'COMPOSITE' ? 'COMPOSITE' : 'FULL_OBJECT'
}

/** @throws S3Error NoSuchUpload */
async function uploadOf(call: S3Call): Promise<rows.Upload & { bucketName: string }> {
  const bucket = await bucketOf(call)
  const id = parameter(call.address.query, 'uploadId') ?? ''
  const upload = await rows.findUpload(call.context.read, bucket.id, call.address.key, id)
  if (!upload) throw noSuchUpload()
  return { ...upload, bucketName: bucket.name }
}

const noSuchUpload = (): S3Error =>
  new S3Error(
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
  )

/** @throws S3Error InvalidArgument */
function numberOf(call: S3Call): number {
  const text = parameter(call.address.query, 'partNumber') ?? ''
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (number < 1 || number > MOST_PARTS)
    throw new S3Error('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive')
  return number
}

export const putPart: S3Operation = async (call) => {
  const number = numberOf(call)
  const upload = await uploadOf(call)
  const received = await receiveBody(call)
  await received.keep()
  const { blob, md5, checksum } = received
  const kept = checksum && checksum.algorithm === upload.algorithm ? checksum.value : null
  await storePart(call, upload.id, { number, blob, etag: md5, checksum: kept, modifiedAt: call.context.now() })
  return { headers: { etag: `"${md5}"`, ...(checksum && { [`x-amz-checksum-${checksum.algorithm}`]: checksum.value }) } }
}

async function storePart({ context }: S3Call, uploadId: number, part: rows.Part): Promise<void> {
  if (!(await context.writer.exclusive((tx) => rows.insertPart(tx, uploadId, part)))) throw noSuchUpload()
}

/** The bytes are read and stored again as a content of their own: a part may be any range of an object. */
export const copyPart: S3Operation = async (call) => {
  const { context, headers } = call
  const number = numberOf(call)
  const upload = await uploadOf(call)
  const { source, pieces } = await copySource(call)
  const asked = headers.get('x-amz-copy-source-range')
  const range = readRange(asked, source.object.size)
  if (asked !== undefined && !range)
    throw new S3Error('InvalidArgument', 'The x-amz-copy-source-range value must be of the form bytes=first-last')
  const { first, last } = range ?? { first: 0, last: source.object.size - 1 }
  const algorithm = upload.algorithm !== null && isChecksumName(upload.algorithm) ? upload.algorithm : undefined
  const intake = await context.content.receive({ expectedBytes: last - first + 1, digests: ['md5', ...(algorithm ? [algorithm] : [])] })
  try {
    const stream = await readPieces(context.content, pieces, { first, last })
    // Contents are read as bytes.
    for await (const bytes of stream) await intake.add(bytes as Buffer)
    const received = await intake.finish()
    await received.keep()
    const { md5 = '', ...values } = received.values
    const value = algorithm && values[algorithm]
    const checksum = value === undefined ? null : Buffer.from(value, 'hex').toString('base64')
    const modifiedAt = context.now()
    await storePart(call, upload.id, { number, blob: received.blob, etag: md5, checksum, modifiedAt })
    return { body: xmlDocument('CopyPartResult', { ETag: `"${md5}"`, LastModified: new Date(modifiedAt).toISOString() }) }
  } finally {
    await intake.drop()
  }
}

export const completeUpload: S3Operation = async (call) => {
  const { context, headers, address } = call
  const upload = await uploadOf(call)
  const root = readXml(await readDocument(call, 'object'))
  const named = root.children.filter(({ name }) => name === 'Part')
  if (root.name !== 'CompleteMultipartUpload' || named.length === 0 || named.length > MOST_PARTS) {
    throw new S3Error('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema')
  }
  const parts = chooseParts(named, await rows.partsOf(context.read, upload.id), upload.algorithm)
  const size = parts.reduce((sum, { blob }) => sum + blob.size, 0)
  const announced = headers.get('x-amz-mp-object-size')
  if (announced !== undefined && Number(announced) !== size) {
    throw new S3Error('InvalidRequest', `The provided 'x-amz-mp-object-size' header does not match the size of the parts, ${size}`)
  }
  const checksum = checksumOf(upload, parts)
  const sent = upload.algorithm === null ? undefined : headers.get(`x-amz-checksum-${upload.algorithm}`)
  if (checksum && sent !== undefined && sent.replace(/-\d+$/, '') !== checksum.value.replace(/-\d+$/, '')) {
    throw new S3Error('BadDigest', `The ${checksum.algorithm} you specified did not match the calculated checksum.`)
  }
  const md5s = Buffer.concat(parts.map(({ etag }) => Buffer.from(etag, 'hex')))
  const etag = `${createHash('md5').update(md5s).digest('hex')}-${parts.length}`
  const object = { key: upload.key, size, etag, headers: upload.headers, checksum, modifiedAt: context.now() }
  await storeObject(
    context,
    upload.bucketId,
    object,
    parts.map(({ blob }) => blob),
    headers,
    async (tx) => {
      if (!(await rows.deleteUpload(tx, upload.id))) throw noSuchUpload()
    },
  )
  return {
    body: xmlDocument('CompleteMultipartUploadResult', {
      Location: locationOf(upload.bucketName, address.key),
      Bucket: upload.bucketName,
      Key: address.key,
      ETag: `"${etag}"`,
      ...(checksum && { [`Checksum${checksum.algorithm.toUpperCase()}`]: checksum.value, ChecksumType: checksum.type }),
    }),
  }
}

/** The parts that a client names, in its order. @throws S3Error InvalidPart, InvalidPartOrder, EntityTooSmall */
export function chooseParts(named: readonly XmlNode[], stored: readonly rows.Part[], algorithm: string | null): rows.Part[] {
  const byNumber = new Map(stored.map((part) => [part.number, part]))
  let before = 0
  return named.map((node, at) => {
    const number = Number(childText(node, 'PartNumber'))
    if (!(number > before)) throw new S3Error('InvalidPartOrder', 'The list of parts was not in ascending order.')
    before = number
    const part = byNumber.get(number)
    const etag = (childText(node, 'ETag') ?? '').replace(/^"(.*)"$/, '$1')
    const checksum = algorithm === null ? undefined : childText(node, `Checksum${algorithm.toUpperCase()}`)
    if (!part || part.etag !== etag || (checksum !== undefined && part.checksum !== null && checksum !== part.checksum)) {
      throw new S3Error(
        'InvalidPart',
        `One or more of the specified parts could not be found: ${number}. It may not have been uploaded, or its entity tag is another one.`,
      )
    }
    if (part.blob.size < LEAST_PART_BYTES && at < named.length - 1) {
      throw new S3Error('EntityTooSmall', `Your proposed upload is smaller than the minimum allowed size: part ${number}`)
    }
    return part
  })
}

function checksumOf({ algorithm, checksumType }: rows.Upload, parts: readonly rows.Part[]): Checksum | undefined {
  if (algorithm === null || !isChecksumName(algorithm)) return undefined
  const type = checksumType === 'FULL_OBJECT' ? 'FULL_OBJECT' : 'COMPOSITE'
  return joinChecksums(
    algorithm,
    type,
    parts.map(({ checksum, blob }) => ({ checksum, bytes: blob.size })),
  )
}

export const abortUpload: S3Operation = async (call) => {
  const { id } = await uploadOf(call)
  await call.context.writer.exclusive((tx) => rows.deleteUpload(tx, id))
  return { status: 204 }
}

export const listParts: S3Operation = async (call) => {
  const { query } = call.address
  const upload = await uploadOf(call)
  const most = readMost(parameter(query, 'max-parts'), 'max-parts')
  const after = markerOf(parameter(query, 'part-number-marker'))
  const parts = await rows.partsOf(call.context.read, upload.id, after, most + 1)
  const shown = parts.slice(0, most)
  return {
    body: xmlDocument('ListPartsResult', {
      Bucket: upload.bucketName,
      Key: upload.key,
      UploadId: upload.publicId,
      Initiator: ownerOf(call),
      Owner: ownerOf(call),
      StorageClass: 'STANDARD',
      PartNumberMarker: after,
      NextPartNumberMarker: shown.at(-1)?.number ?? after,
      MaxParts: most,
      IsTruncated: parts.length > most,
      Part: shown.map(({ number, etag, blob, modifiedAt }) => ({
        PartNumber: number,
        LastModified: new Date(modifiedAt).toISOString(),
        ETag: `"${etag}"`,
        Size: blob.size,
      })),
    }),
  }
}

/** @throws S3Error InvalidArgument */
function markerOf(text = '0'): number {
  if (!/^\d{1,9}$/.test(text)) throw new S3Error('InvalidArgument', 'part-number-marker is not a number')
  return Number(text)
}

export const listUploads: S3Operation = async (call) => {
  const { query } = call.address
  const bucket = await bucketOf(call)
  const page = readPage(call, 'max-uploads')
  const keyMarker = parameter(query, 'key-marker') ?? ''
  const idMarker = parameter(query, 'upload-id-marker') ?? ''
  const marked = idMarker === '' ? undefined : await rows.findUpload(call.context.read, bucket.id, keyMarker, idMarker)
  // Without a known upload, all of the marker's own key are behind it.
  const from = { key: keyMarker, id: marked?.id ?? (keyMarker === '' ? 0 : Number.MAX_SAFE_INTEGER) }
  const uploads = await rows.uploadsFrom(call.context.read, bucket.id, { ...from, limit: page.most + 1 })
  const shown = uploads.slice(0, page.most)
  const last = shown.at(-1)
  return {
    body: xmlDocument('ListMultipartUploadsResult', {
      Bucket: bucket.name,
      KeyMarker: page.shown(keyMarker),
      UploadIdMarker: idMarker,
      NextKeyMarker: last && page.shown(last.key),
      NextUploadIdMarker: last?.publicId,
      Prefix: page.shown(page.prefix),
      EncodingType: page.isEncoded ? 'url' : undefined,
      MaxUploads: page.most,
      IsTruncated: uploads.length > page.most,
      Upload: shown
        .filter(({ key }) => key.startsWith(page.prefix))
        .map(({ key, publicId, createdAt }) => ({
          Key: page.shown(key),
          UploadId: publicId,
          Initiator: ownerOf(call),
          Owner: ownerOf(call),
          StorageClass: 'STANDARD',
          Initiated: new Date(createdAt).toISOString(),
        })),
    }),
  }
}
