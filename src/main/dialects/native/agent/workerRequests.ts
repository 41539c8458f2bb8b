/** /agent/requests: workers' answers to requests of the manager (engine/workers/workerRequests.ts). */
import { answerWorkerRequest, putRequestedPreview } from '../../../../shared/operations/agent/workerRequests.ts'
import { Value } from 'typebox/value'
import { Type } from 'typebox'
import { PREVIEW_REQUEST } from '../../../../shared/schemas/agent.ts'
import { NotFoundError } from '../../../engine/base/errors.ts'
import { Previews } from '../../../files/previews.ts'
import { findFrame, type FrameRow } from '../../../store/queries/tasks/frames.ts'
import { taskPublicId } from '../../../../shared/ids.ts'
import type { ServerContext } from '../../../http/context.ts'
import { acceptImages, nativeWorker, storePreview } from './agentSupport.ts'
import { type NativeApp } from '../common.ts'

const OfFrame = Type.Object({ frameId: Type.Integer() })

export function workerRequestRoutes(app: NativeApp, context: ServerContext): void {
  const { farm } = context
  const previews = new Previews(context.paths.previews)

  app.route({
    ...answerWorkerRequest,
    handler: async (request, reply) => {
      await farm.workers.answerRequest(nativeWorker(request).publicId, request.params.id, request.body)
      return reply.code(204).send(null)
    },
  })

  /** The frame whose preview the request is for. @throws NotFoundError when there is none, or no longer */
  async function requireFrame(workerId: string, requestId: string): Promise<FrameRow> {
    const { name, parameters } = farm.workers.openRequest(workerId, requestId).command
    const frame =
      name === PREVIEW_REQUEST && Value.Check(OfFrame, parameters) ? await findFrame(context.read, parameters.frameId) : undefined
    if (!frame) throw new NotFoundError('request', requestId)
    return frame
  }

  void app.register((images: NativeApp, _options, done) => {
    acceptImages(images)
    images.route({
      ...putRequestedPreview,
      handler: async (request, reply) => {
        const { size } = request.query
        const frame = await requireFrame(nativeWorker(request).publicId, request.params.id)
        const jobId = frame.job_public_id
        const of = { jobId, taskId: taskPublicId(jobId, frame.task_idx), path: frame.path }
        await storePreview(context, previews, of, size, request.body)
        return reply.code(204).send(null)
      },
    })
    done()
  })
}
