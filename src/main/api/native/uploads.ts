/** /uploads: files for jobs to come, from people whose files no worker sees. A stream that never lies in memory as a whole. */
import type { Readable } from 'node:stream'
import { Type } from 'typebox'
import { Upload } from '../../../shared/schemas/storage.ts'
import type { ServerContext } from '../context.ts'
import type { NativeApp } from './common.ts'

const UploadQuery = Type.Object({
  /** The file's own name, without folders. */
  name: Type.String({ minLength: 1, maxLength: 200 }),
  /** `checkoutId` of an earlier upload: both belong to one job then. */
  beside: Type.Optional(Type.String({ maxLength: 100 })),
})

export function uploadRoutes(app: NativeApp, context: ServerContext): void {
  void app.register((files: NativeApp, _options, done) => {
    files.removeAllContentTypeParsers()
    files.addContentTypeParser('application/octet-stream', (_request, payload, parsed) => parsed(null, payload))
    files.post(
      '/uploads',
      {
        config: { access: 'submit', auditBody: false },
        schema: {
          tags: ['jobs'],
          operationId: 'uploadFile',
          summary: 'A file for a job to come; the reply tells its path',
          consumes: ['application/octet-stream'],
          querystring: UploadQuery,
          response: { 201: Upload },
        },
      },
      async (request, reply) => {
        // An empty file may come without any body.
        const body = (request.body ?? nothing()) as AsyncIterable<Buffer> | Readable
        const upload = await context.uploads.add(request.query.name, body, request.query.beside)
        request.audited = { kind: 'upload', id: upload.checkoutId, detail: { name: upload.name, bytes: upload.bytes } }
        return reply.code(201).send(upload)
      },
    )
    done()
  })
}

async function* nothing(): AsyncGenerator<Buffer> {}
