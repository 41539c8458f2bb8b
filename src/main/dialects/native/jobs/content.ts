/** /content and /inputs: files for future jobs, by their content: only what the manager does not have is sent. */
import { askForContent, createInputs, sendContent } from '../../../../shared/operations/jobs/content.ts'
import type { ServerContext } from '../../../http/context.ts'
import { MAX_UPLOAD_BYTES } from '../../../files/uploads.ts'
import { TooLargeError } from '../../../http/errors.ts'
import { acceptStreams, bodyStream } from '../streams.ts'
import type { NativeApp } from '../common.ts'

export function contentRoutes(app: NativeApp, context: ServerContext): void {
  const { content, inputs } = context

  app.route({
    ...askForContent,
    handler: async ({ body }) => {
      const missing = await content.missing(body.files.map(({ sha256, bytes }) => ({ sha: sha256, size: bytes })))
      return {
        missing: missing.map(({ sha, size, offset }) => ({ sha256: sha, bytes: size, offset })),
        askAboveBytes: context.settings.current().sendAskBytes,
      }
    },
  })

  app.route({
    ...createInputs,
    handler: async (request, reply) => {
      const made = await inputs.create(request.body.files)
      request.audited = { kind: 'upload', id: made.checkoutId, detail: { files: made.files, bytes: made.bytes } }
      return reply.code(201).send(made)
    },
  })

  void app.register((files: NativeApp, _options, done) => {
    acceptStreams(files)
    files.route({
      ...sendContent,
      handler: async (request, reply) => {
        const { sha256, bytes } = request.params
        if (bytes > MAX_UPLOAD_BYTES) throw new TooLargeError(`a file may have up to ${MAX_UPLOAD_BYTES} bytes`)
        await content.putAt({ sha: sha256, size: bytes }, request.query.offset ?? 0, bodyStream(request))
        return reply.code(204).send(null)
      },
    })
    done()
  })
}
