/** Images that workers upload: the job's last-rendered image (§1.2, §7). */
import type { FastifyRequest } from 'fastify'
import { isUuid } from '../../../../shared/ids.ts'
import type { ApiContext } from '../../../http/context.ts'
import { WireError } from '../errors.ts'
import { errors, needTask, TaskParams, type TypedApp } from '../routeSupport.ts'
import { NoBody } from '../schemas/common.ts'

/** 25 MiB. */
const MAX_IMAGE_BYTES = 26_214_400
const IMAGE_TYPES = ['image/jpeg', 'image/png']

/** In its own scope: only these routes accept images as bodies. */
export function outputProducedRoutes(app: TypedApp, { read, lastRendered }: ApiContext): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(IMAGE_TYPES, { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

  app.post(
    '/worker/task/:task_id/output-produced',
    {
      config: { access: 'worker', openToLan: true },
      bodyLimit: MAX_IMAGE_BYTES,
      // Before the body is read: an image that will be refused need not be sent.
      onRequest: (request, _reply, done) => done(refusal(request)),
      schema: {
        operationId: 'taskOutputProduced',
        tags: ['worker'],
        consumes: IMAGE_TYPES,
        params: TaskParams,
        response: { 202: NoBody, ...errors(400, 403, 404, 411, 413, 415, 429) },
      },
    },
    async (request, reply) => {
      const task = await needTask(read, request.params.task_id)
      const image: unknown = request.body
      if (!Buffer.isBuffer(image) || !lastRendered.offer(task.jobPublicId, image)) throw queueFull()
      return reply.code(202).send()
    },
  )

  function refusal(request: FastifyRequest): WireError | undefined {
    const { task_id: taskId } = request.params as { task_id: string }
    if (!isUuid(taskId)) return new WireError(400, 'task_id must be a UUID', 'task_id')
    const length = Number(request.headers['content-length'] ?? 0)
    if (!(length > 0)) return new WireError(411, 'Content-Length header required')
    if (length > MAX_IMAGE_BYTES) return new WireError(413, `image too large; should be max ${MAX_IMAGE_BYTES} bytes`)
    const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
    if (!IMAGE_TYPES.includes(type)) return new WireError(415, `unsupported mime type "${type}"`)
    return lastRendered.isFull ? queueFull() : undefined
  }
}

function queueFull(): WireError {
  return new WireError(429, 'image processing queue is full')
}
