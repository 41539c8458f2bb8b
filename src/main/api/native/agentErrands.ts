/** /agent/errands: what workers answer to the manager's questions (engine/errands.ts). */
import { Value } from 'typebox/value'
import { Type } from 'typebox'
import { ErrandAnswer, ErrandPreviewQuery, PREVIEW_ERRAND } from '../../../shared/schemas/agent.ts'
import { MAX_LIGHT_BYTES } from '../../../shared/sceneLight.ts'
import { NotFoundError } from '../../engine/errors.ts'
import { Previews } from '../../files/previews.ts'
import { findFrame, type FrameRow } from '../../store/queries/frames.ts'
import { taskPublicId } from '../../../shared/ids.ts'
import type { ServerContext } from '../context.ts'
import { acceptImages, nativeWorker, storePreview } from './agentSupport.ts'
import { IdParams, Nothing, type NativeApp } from './common.ts'

const tags = ['agent']
const OfFrame = Type.Object({ frameId: Type.Integer() })

export function agentErrandRoutes(app: NativeApp, context: ServerContext): void {
  const { farm } = context
  const previews = new Previews(context.paths.previews)

  app.post(
    '/agent/errands/:id',
    {
      config: { access: 'worker', audit: false, anyText: true },
      schema: {
        tags,
        operationId: 'answerErrand',
        summary: 'The answer to a question of the manager',
        params: IdParams,
        body: ErrandAnswer,
        response: Nothing,
      },
    },
    async (request, reply) => {
      await farm.answerErrand(nativeWorker(request).publicId, request.params.id, request.body)
      return reply.code(204).send(null)
    },
  )

  /** The frame whose preview the errand asks for. @throws NotFoundError when it does not, or no longer */
  async function requireFrame(workerId: string, errandId: string): Promise<FrameRow> {
    const { name, parameters } = farm.openErrand(workerId, errandId).command
    const frame =
      name === PREVIEW_ERRAND && Value.Check(OfFrame, parameters) ? await findFrame(context.read, parameters.frameId) : undefined
    if (!frame) throw new NotFoundError('errand', errandId)
    return frame
  }

  void app.register((images: NativeApp, _options, done) => {
    acceptImages(images)
    images.put(
      '/agent/errands/:id/preview',
      {
        bodyLimit: MAX_LIGHT_BYTES,
        config: { access: 'worker', audit: false },
        schema: {
          tags,
          operationId: 'putErrandPreview',
          summary: 'The preview that the manager asked for, JPEG; or its light (size light), packed floats',
          consumes: ['image/jpeg', 'application/octet-stream'],
          params: IdParams,
          querystring: ErrandPreviewQuery,
          response: Nothing,
        },
      },
      async (request, reply) => {
        const { size } = request.query
        const frame = await requireFrame(nativeWorker(request).publicId, request.params.id)
        const jobId = frame.job_public_id
        const of = { jobId, taskId: taskPublicId(jobId, frame.task_idx), path: frame.path }
        await storePreview(context, previews, of, size, request.body)
        return reply.code(204).send(null)
      },
    )
    done()
  })
}
