/** Buckets of the signer's colony. */
import { bucketOf, noSuchBucket, type S3Call, type S3Operation } from '../call.ts'
import { bucketsOf, deleteBucket, findBucket, insertBucket } from '../store/objects.ts'
import { checkBucketName } from '../wire/address.ts'
import { S3Error } from '../wire/errors.ts'
import { xmlDocument, type XmlElements } from '../wire/xml.ts'

const MOST_BUCKETS = 1_000

export const ownerOf = ({ member }: S3Call): XmlElements => ({ ID: member.colony.ownerId, DisplayName: member.colony.name })

export const listBuckets: S3Operation = async (call) => {
  const buckets = await bucketsOf(call.context.read, call.member.colony.id)
  return {
    body: xmlDocument('ListAllMyBucketsResult', {
      Owner: ownerOf(call),
      Buckets: { Bucket: buckets.map(({ name, createdAt }) => ({ Name: name, CreationDate: new Date(createdAt).toISOString() })) },
    }),
  }
}

export const createBucket: S3Operation = async ({ context, address, member }) => {
  checkBucketName(address.bucket)
  const there = await bucketsOf(context.read, member.colony.id)
  if (there.length >= MOST_BUCKETS) throw new S3Error('TooManyBuckets', 'You have attempted to create more buckets than allowed')
  const isNew = await context.writer.exclusive((tx) => insertBucket(tx, member.colony.id, address.bucket, context.now()))
  if (!isNew) {
    throw new S3Error('BucketAlreadyOwnedByYou', 'Your previous request to create the named bucket succeeded and you already own it.')
  }
  return { headers: { location: `/${address.bucket}` } }
}

export const headBucket: S3Operation = async (call) => {
  await bucketOf(call)
  return {}
}

export const removeBucket: S3Operation = async (call) => {
  const { id } = await bucketOf(call)
  if (!(await call.context.writer.exclusive((tx) => deleteBucket(tx, id)))) {
    if (!(await findBucket(call.context.read, call.member.colony.id, call.address.bucket))) throw noSuchBucket()
    throw new S3Error('BucketNotEmpty', 'The bucket you tried to delete is not empty')
  }
  return { status: 204 }
}

/** Empty: `us-east-1`, by which clients mean the default. Any region that they sign with is taken. */
export const getLocation: S3Operation = async (call) => {
  await bucketOf(call)
  return { body: xmlDocument('LocationConstraint', {}) }
}

export const getVersioning: S3Operation = async (call) => {
  await bucketOf(call)
  return { body: xmlDocument('VersioningConfiguration', {}) }
}

/** Clients that copy rights get the only ones that there are. */
export const getAcl: S3Operation = async (call) => {
  await bucketOf(call)
  const xmlns = 'http://www.w3.org/2001/XMLSchema-instance'
  const { ID, DisplayName } = ownerOf(call)
  const owner = xmlDocument('x', { ID, DisplayName }, false).replace(/^[\s\S]*?<x>|<\/x>$/g, '')
  return {
    body: xmlDocument('AccessControlPolicy', { Owner: ownerOf(call), AccessControlList: {} }).replace(
      '<AccessControlList></AccessControlList>',
      `<AccessControlList><Grant><Grantee xmlns:xsi="${xmlns}" xsi:type="CanonicalUser">${owner}</Grantee>` +
        '<Permission>FULL_CONTROL</Permission></Grant></AccessControlList>',
    ),
  }
}
