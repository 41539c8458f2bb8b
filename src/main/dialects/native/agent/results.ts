/** /agent/results: what workers without shared storage send home, and what they fetch of earlier tasks. */
import { getEarlierResult, getResultState, listEarlierResults, sendResult } from '../../../../shared/operations/agent/results.ts'
import { createReadStream } from 'node:fs'
import type { FastifyRequest } from 'fastify'
import { NotAllowedError, NotFoundError, StaleAttemptError } from '../../../engine/base/errors.ts'
import type { ResultSource } from '../../../files/results/results.ts'
import { placeOf } from '../../../files/results/landing.ts'
import { awaitedEarlier, earlierResults, homeResult, sourceOfAttempt } from '../../../store/queries/jobs/resultFiles.ts'
import type { ServerContext } from '../../../http/context.ts'
import { requireTask, type NativeApp } from '../common.ts'
import { acceptStreams, bodyStream } from '../streams.ts'
import { nativeWorker } from './agentSupport.ts'

/** Files in one reply. */
const PAGE = 1000

export function agentResultRoutes(app: NativeApp, context: ServerContext): void {
  const { read, results } = context

  /**
   * The attempt in the address, if the calling worker holds or held it and no later attempt has begun.
   * @throws NotAllowedError, StaleAttemptError, NotFoundError
   */
  async function requireSource(request: FastifyRequest, params: { taskId: string; attempt: number }): Promise<ResultSource> {
    const worker = nativeWorker(request)
    const task = await requireTask(context, params.taskId)
    const found = await sourceOfAttempt(read, task.id, params.attempt)
    if (found?.workerId !== worker.id) throw new NotAllowedError(`attempt ${params.attempt} of this task does not belong to this worker`)
    if (found.root === null) throw new NotAllowedError('the workers of this job write its results themselves')
    if (!found.isNewest) throw new StaleAttemptError(`attempt ${params.attempt} no longer holds its task`)
    return { jobId: found.jobId, root: found.root, taskId: found.taskId, attemptId: found.attemptId }
  }

  app.route({
    ...getResultState,
    handler: async (request) => {
      const { path, sha256, bytes } = request.query
      return results.stateOf(await requireSource(request, request.params), path, { sha: sha256, size: bytes })
    },
  })

  app.route({
    ...listEarlierResults,
    handler: async (request) => {
      const { taskId } = await requireSource(request, request.params)
      const after = request.query.after ?? 0
      const found = await earlierResults(read, taskId, after, PAGE + 1)
      const items = found.slice(0, PAGE)
      const awaited = await awaitedEarlier(read, taskId)
      return {
        files: items.map(({ path, sha256, bytes }) => ({ path, sha256, bytes })),
        next: items.at(-1)?.seq ?? after,
        more: found.length > PAGE,
        awaited: awaited.map(({ name, files }) => ({ worker: name, files })),
      }
    },
  })

  app.route({
    ...getEarlierResult,
    handler: async (request, reply) => {
      const { jobId, root } = await requireSource(request, request.params)
      const { path } = request.query
      const place = placeOf(root, path)
      const known = await homeResult(read, jobId, path)
      if (known === undefined) throw new NotFoundError('result', path)
      return reply.type('application/octet-stream').header('content-length', known.bytes).send(createReadStream(place))
    },
  })

  void app.register((files: NativeApp, _options, done) => {
    acceptStreams(files)
    files.route({
      ...sendResult,
      handler: async (request, reply) => {
        const source = await requireSource(request, request.params)
        const { path, sha256, bytes, offset = 0 } = request.query
        await results.receive(source, path, { sha: sha256, size: bytes }, offset, bodyStream(request))
        return reply.code(204).send(null)
      },
    })
    done()
  })
}
