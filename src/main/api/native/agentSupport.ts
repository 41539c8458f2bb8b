/** What the routes of workers share. */
import type { FastifyRequest } from 'fastify'
import type { PreviewSize } from '../../../shared/schemas/agent.ts'
import { MAX_LIGHT_BYTES } from '../../../shared/sceneLight.ts'
import { NotAllowedError } from '../../engine/errors.ts'
import type { WorkerState } from '../../engine/model.ts'
import { MAX_PREVIEW_BYTES, type Previews } from '../../files/previews.ts'
import { TooLargeError } from '../errors.ts'
import type { ServerContext } from '../context.ts'
import type { NativeApp } from './common.ts'

/** @throws NotAllowedError for a Flamenco worker: it has no leases */
export function nativeWorker({ worker }: FastifyRequest): WorkerState {
  if (worker?.adapter !== 'native') throw new NotAllowedError('this worker registered through another API and cannot use this one')
  return worker
}

/** @throws NotAllowedError for one that waits for approval: it gets nothing of the farm's */
export function approvedWorker(request: FastifyRequest): WorkerState {
  const worker = nativeWorker(request)
  if (worker.approvedAt === null) throw new NotAllowedError('this worker waits for approval')
  return worker
}

/**
 * Stores one size of a frame's preview; returns its bytes. All are there when the large one is: workers send it last, and the
 * frame is shown from then on. `body`: what the parsers of `acceptImages` made, a buffer unless there was none.
 */
export async function storePreview(
  { farm }: Pick<ServerContext, 'farm'>,
  previews: Previews,
  frame: { jobId: string; taskId: string; path: string },
  size: PreviewSize,
  body: unknown,
): Promise<Buffer> {
  const { jobId, taskId, path } = frame
  const bytes = body instanceof Buffer ? body : Buffer.alloc(0)
  await previews.save(jobId, path, size, bytes)
  if (size === 'large') await farm.setFramePreview(taskId, path, 'ready', undefined, await previews.has(jobId, path, 'light'))
  return bytes
}

/** Bodies are JPEGs or the light of pictures, as buffers; nothing else is taken. Routes set `bodyLimit` to MAX_LIGHT_BYTES. */
export function acceptImages(images: NativeApp): void {
  images.removeAllContentTypeParsers()
  for (const [type, limit] of [
    ['image/jpeg', MAX_PREVIEW_BYTES],
    ['application/octet-stream', MAX_LIGHT_BYTES],
  ] as const) {
    // The route's limit is the larger one of the two, and goes before a parser's.
    images.addContentTypeParser(type, { parseAs: 'buffer' }, (_request, body, parsed) => {
      if (body.length <= limit) parsed(null, body)
      else parsed(new TooLargeError(`the body is larger than the ${limit} bytes that are allowed here`))
    })
  }
}
