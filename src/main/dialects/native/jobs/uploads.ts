/** /uploads: files for future jobs, from people whose files no worker can reach. A stream that is never in memory as a whole. */
import { uploadFile } from '../../../../shared/operations/jobs/uploads.ts'
import type { ServerContext } from '../../../http/context.ts'
import type { NativeApp } from '../common.ts'
import { acceptStreams, bodyStream } from '../streams.ts'

export function uploadRoutes(app: NativeApp, context: ServerContext): void {
  void app.register((files: NativeApp, _options, done) => {
    acceptStreams(files)
    files.route({
      ...uploadFile,
      handler: async (request, reply) => {
        const upload = await context.uploads.add(request.query.name, bodyStream(request), request.query.beside)
        request.audited = { kind: 'upload', id: upload.checkoutId, detail: { name: upload.name, bytes: upload.bytes } }
        return reply.code(201).send(upload)
      },
    })
    done()
  })
}
