/** Which operation a request means: by what its address names, its method, and the parameter that selects something of it. */
import type { S3Operation } from '../call.ts'
import { parameter, type Address } from '../wire/address.ts'
import { S3Error, type S3Code } from '../wire/errors.ts'
import * as buckets from './buckets.ts'
import { listObjects, listObjectsV2 } from './lists.ts'
import * as objects from './objects.ts'
import * as uploads from './uploads.ts'

type Level = 'service' | 'bucket' | 'object'

interface Rule {
  level: Level
  method: string
  /** A parameter that must be there. */
  with?: string
  /** Its value; missing: any. */
  value?: string
  /** A header that must be there. */
  header?: string
  run: S3Operation
}

const refuse =
  (code: S3Code, message: string): S3Operation =>
  () =>
    Promise.reject(new S3Error(code, message))

/** The first that fits. */
const RULES: readonly Rule[] = [
  { level: 'service', method: 'GET', run: buckets.listBuckets },
  { level: 'bucket', method: 'GET', with: 'location', run: buckets.getLocation },
  { level: 'bucket', method: 'GET', with: 'versioning', run: buckets.getVersioning },
  { level: 'bucket', method: 'GET', with: 'acl', run: buckets.getAcl },
  { level: 'bucket', method: 'GET', with: 'uploads', run: uploads.listUploads },
  { level: 'bucket', method: 'GET', with: 'policy', run: refuse('NoSuchBucketPolicy', 'The bucket policy does not exist') },
  { level: 'bucket', method: 'GET', with: 'tagging', run: refuse('NoSuchTagSet', 'The TagSet does not exist') },
  { level: 'bucket', method: 'GET', with: 'cors', run: refuse('NoSuchCORSConfiguration', 'The CORS configuration does not exist') },
  {
    level: 'bucket',
    method: 'GET',
    with: 'lifecycle',
    run: refuse('NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist'),
  },
  {
    level: 'bucket',
    method: 'GET',
    with: 'encryption',
    run: refuse('ServerSideEncryptionConfigurationNotFoundError', 'The server side encryption configuration was not found'),
  },
  {
    level: 'bucket',
    method: 'GET',
    with: 'object-lock',
    run: refuse('ObjectLockConfigurationNotFoundError', 'Object Lock configuration does not exist for this bucket'),
  },
  { level: 'bucket', method: 'GET', with: 'list-type', value: '2', run: listObjectsV2 },
  { level: 'bucket', method: 'GET', run: listObjects },
  { level: 'bucket', method: 'HEAD', run: buckets.headBucket },
  { level: 'bucket', method: 'PUT', run: buckets.createBucket },
  { level: 'bucket', method: 'DELETE', run: buckets.removeBucket },
  { level: 'bucket', method: 'POST', with: 'delete', run: objects.removeObjects },
  { level: 'object', method: 'GET', with: 'uploadId', run: uploads.listParts },
  { level: 'object', method: 'GET', with: 'tagging', run: objects.getTagging },
  { level: 'object', method: 'GET', with: 'acl', run: buckets.getAcl },
  { level: 'object', method: 'GET', run: objects.getObject },
  { level: 'object', method: 'HEAD', run: objects.getObject },
  { level: 'object', method: 'PUT', with: 'uploadId', header: 'x-amz-copy-source', run: uploads.copyPart },
  { level: 'object', method: 'PUT', with: 'uploadId', run: uploads.putPart },
  { level: 'object', method: 'PUT', header: 'x-amz-copy-source', run: objects.copyObject },
  { level: 'object', method: 'PUT', run: objects.putObject },
  { level: 'object', method: 'POST', with: 'uploads', run: uploads.createUpload },
  { level: 'object', method: 'POST', with: 'uploadId', run: uploads.completeUpload },
  { level: 'object', method: 'DELETE', with: 'uploadId', run: uploads.abortUpload },
  { level: 'object', method: 'DELETE', run: objects.removeObject },
]

/** Parts of buckets and objects that are not there; a request about one must not change the whole. */
const SELECTORS = new Set(
  (
    'accelerate acl analytics attributes cors encryption intelligent-tiering inventory legal-hold lifecycle logging metadataTable metrics ' +
    'notification object-lock ownershipControls policy policyStatus publicAccessBlock replication requestPayment restore retention select ' +
    'session tagging torrent versionId versioning versions website'
  ).split(' '),
)

/** @throws S3Error MethodNotAllowed, NotImplemented */
export function operationFor(address: Address, method: string, headers: ReadonlyMap<string, string>): S3Operation {
  const level = address.bucket === '' ? 'service' : address.key === '' ? 'bucket' : 'object'
  const has = (name: string): boolean => parameter(address.query, name) !== undefined
  const rule = RULES.find((each) => {
    if (each.level !== level || each.method !== method) return false
    if (each.header !== undefined && !headers.has(each.header)) return false
    return each.with === undefined || (has(each.with) && (each.value === undefined || parameter(address.query, each.with) === each.value))
  })
  const selector = address.query.find(([name, value]) => SELECTORS.has(name) && !(name === 'versionId' && value === 'null'))?.[0]
  if (selector !== undefined && rule?.with !== selector) {
    throw new S3Error('NotImplemented', `${selector} is not implemented`)
  }
  if (!rule) throw new S3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.')
  return rule.run
}
