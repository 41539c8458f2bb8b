/** Operations of the native API: keys of the S3 endpoint. */
import { Type } from 'typebox'
import { NewS3Key, S3Key } from '../../schemas/colonies/s3Keys.ts'
import { operation } from '../operation.ts'
import { Nothing } from '../params.ts'

const Name = Type.String({ minLength: 1, maxLength: 500 })

export const listS3Keys = operation({
  method: 'GET',
  url: '/colonies/:colony/s3-keys',
  config: { access: 'admin' },
  schema: {
    tags: ['colonies'],
    operationId: 'listS3Keys',
    summary: "Keys of a colony's buckets, without their secrets",
    params: Type.Object({ colony: Name }),
    response: { 200: Type.Object({ items: Type.Array(S3Key) }) },
  },
})

export const makeS3Key = operation({
  method: 'POST',
  url: '/colonies/:colony/s3-keys',
  config: { access: 'admin' },
  schema: {
    tags: ['colonies'],
    operationId: 'makeS3Key',
    summary: "Make a key of a colony's buckets for one of its executors or users: the secret is shown in this reply only",
    description: 'It counts as long as that executor is approved, or that user belongs to the colony, under the id that it has now.',
    params: Type.Object({ colony: Name }),
    body: Type.Object({ member: Name }, { additionalProperties: false }),
    response: { 201: NewS3Key },
  },
})

export const removeS3Key = operation({
  method: 'DELETE',
  url: '/colonies/:colony/s3-keys/:accessKey',
  config: { access: 'admin' },
  schema: {
    tags: ['colonies'],
    operationId: 'removeS3Key',
    summary: 'Remove a key; what was stored with it stays',
    params: Type.Object({ colony: Name, accessKey: Name }),
    response: Nothing,
  },
})
