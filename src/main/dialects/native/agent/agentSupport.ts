/** Shared by the workers' routes. */
import type { FastifyRequest } from 'fastify'
import { INSTANCE_HEADER, type PreviewSize } from '../../../../shared/schemas/agent.ts'
import { MAX_LIGHT_BYTES } from '../../../../shared/pictures/sceneLight.ts'
import { NotAllowedError } from '../../../engine/base/errors.ts'
import type { WorkerState } from '../../../engine/base/model.ts'
import { MAX_PREVIEW_BYTES, type Previews } from '../../../files/previews.ts'
import { TooLargeError } from '../../../http/errors.ts'
import type { ServerContext } from '../../../http/context.ts'
import type { NativeApp } from '../common.ts'

/** @throws NotAllowedError for a Flamenco worker: it has no leases */
export function nativeWorker({ worker }: FastifyRequest): WorkerState {
  if (worker?.adapter !== 'native') throw new NotAllowedError('this worker registered through another API and cannot use this one')
  return worker
}

/** The same for a call that identifies the run of the program. @throws ClonedError when another run has the identity */
export function callingWorker({ farm }: Pick<ServerContext, 'farm'>, request: FastifyRequest): WorkerState {
  const worker = nativeWorker(request)
  const instance = instanceOf(request)
  if (instance !== undefined) farm.workers.instanceCalls(worker.publicId, instance)
  return worker
}

export function instanceOf({ headers }: FastifyRequest): string | undefined {
  const value = headers[INSTANCE_HEADER]
  return typeof value === 'string' && value.length <= 100 ? value : undefined
}

/** @throws NotAllowedError for a worker that waits for approval: it gets no data of the farm */
export function approvedWorker(request: FastifyRequest): WorkerState {
  const worker = nativeWorker(request)
  if (worker.approvedAt === null) throw new NotAllowedError('this worker waits for approval')
  return worker
}

/**
 * Stores one size of a frame's preview; returns its bytes. All sizes are there when the large one is: workers send it
 * last, and the frame is shown from then on. `body`: from the parsers of `acceptImages`, a buffer unless it was empty.
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
  if (size === 'large') await farm.results.setFramePreview(taskId, path, 'ready', undefined, await previews.has(jobId, path, 'light'))
  return bytes
}

/** Accepts JPEGs and linear light as buffers; nothing else. Routes set `bodyLimit` to MAX_LIGHT_BYTES. */
export function acceptImages(images: NativeApp): void {
  images.removeAllContentTypeParsers()
  for (const [type, limit] of [
    ['image/jpeg', MAX_PREVIEW_BYTES],
    ['application/octet-stream', MAX_LIGHT_BYTES],
  ] as const) {
    // The route's limit is the larger of the two, and takes precedence over a parser's.
    images.addContentTypeParser(type, { parseAs: 'buffer' }, (_request, body, parsed) => {
      if (body.length <= limit) parsed(null, body)
      else parsed(new TooLargeError(`the body is larger than the ${limit} bytes that are allowed here`))
    })
  }
}
