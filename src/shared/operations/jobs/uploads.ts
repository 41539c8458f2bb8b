/** Operations of the native API: jobs/uploads. */
import { Upload } from '../../schemas/storage.ts'
import { Type } from 'typebox'
import { operation } from '../operation.ts'

export const UploadQuery = Type.Object({
  /** The file name without folders. */
  name: Type.String({ minLength: 1, maxLength: 200 }),
  /** `checkoutId` of an earlier upload: both belong to one job then. */
  beside: Type.Optional(Type.String({ maxLength: 100 })),
})

export const uploadFile = operation({
  method: 'POST',
  url: '/uploads',
  config: { access: 'submit', auditBody: false },
  schema: {
    tags: ['jobs'],
    operationId: 'uploadFile',
    summary: 'Upload a file for a future job; the reply has its path',
    consumes: ['application/octet-stream'],
    querystring: UploadQuery,
    response: { 201: Upload },
  },
})
