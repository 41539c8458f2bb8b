/** Keys of the S3 endpoint. */
import { Type, type Static } from 'typebox'

export const S3Key = Type.Object({
  accessKey: Type.String(),
  /** The executor or user of the colony that it was made for. */
  member: Type.String(),
  createdAt: Type.String(),
  /** False: its member does not belong to the colony any longer. */
  counts: Type.Boolean(),
})
export type S3Key = Static<typeof S3Key>

export const NewS3Key = Type.Object({
  accessKey: Type.String(),
  /** Shown in this reply only. */
  secretKey: Type.String(),
  member: Type.String(),
})
export type NewS3Key = Static<typeof NewS3Key>
