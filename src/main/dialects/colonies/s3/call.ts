/** A request whose signature holds, as the operations see it, and what they reply. */
import type { Readable } from 'node:stream'
import type { Content } from '../../../files/content/content.ts'
import type { ServerContext } from '../../../http/context.ts'
import type { PayloadForm } from './auth/payload.ts'
import type { SigningContext } from './auth/signature.ts'
import type { Member } from '../people/roles.ts'
import { findBucket, type Bucket } from './store/objects.ts'
import type { Address } from './wire/address.ts'
import { S3Error } from './wire/errors.ts'

/** What the operations work with. */
export type S3Context = Pick<ServerContext, 'read' | 'writer' | 'now' | 'log'> & { readonly content: Content }

export interface S3Call {
  readonly context: S3Context
  readonly address: Address
  readonly method: string
  readonly headers: ReadonlyMap<string, string>
  /** Whose key signed. */
  readonly member: Member
  readonly signing: SigningContext
  readonly payload: PayloadForm
  /** The bytes on the wire. The operation that asks for them lets the client send them. */
  body(): AsyncIterable<Buffer>
}

export interface S3Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** A document, or bytes with their length in the headers. */
  readonly body?: string | Readable
}

export type S3Operation = (call: S3Call) => Promise<S3Reply>

/** The bucket of a call: one of the signer's colony, whatever others have. @throws S3Error NoSuchBucket */
export async function bucketOf({ context, address, member }: S3Call, name = address.bucket): Promise<Bucket> {
  const bucket = await findBucket(context.read, member.colony.id, name)
  if (!bucket) throw noSuchBucket()
  return bucket
}

export const noSuchBucket = (): S3Error => new S3Error('NoSuchBucket', 'The specified bucket does not exist')
export const noSuchKey = (): S3Error => new S3Error('NoSuchKey', 'The specified key does not exist.')
