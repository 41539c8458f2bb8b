/**
 * `/job-files/*`: task logs and last-rendered images at the original's addresses (§7). User content is served with
 * headers that keep browsers from treating it as a page of this server.
 */
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { isUuid } from '../../../shared/ids.ts'
import { LAST_RENDERED_SIZES } from '../../files/lastRendered.ts'
import { isMissing } from '../../files/content/disk.ts'
import { isLivingJob, taskFacts } from './store/queries.ts'
import type { ApiContext } from '../../http/context.ts'
import { WireError } from './errors.ts'
import { errors, type TypedApp } from './routeSupport.ts'

/** Bytes of a log per read. */
const LOG_PIECE = 256 * 1024

/** Where a job's files are: `/job-files/job-<first four>/<job id>`. */
function baseOf(jobId: string): string {
  return `/job-files/job-${jobId.slice(0, 4)}/${jobId}`
}

/** Where clients find a job's newest image. The addresses stay the same when the image changes. */
export function lastRenderedInfo(jobId: string): { base: string; suffixes: string[] } {
  return { base: baseOf(jobId), suffixes: LAST_RENDERED_SIZES.map(({ file }) => file) }
}

/** Where clients find the whole log of a task. */
export function taskLogUrl(jobId: string, taskId: string): string {
  return `${baseOf(jobId)}/task-${taskId}.txt`
}

export function jobFileRoutes(app: TypedApp, context: ApiContext): void {
  const { read, logs, lastRendered } = context

  app.get(
    '/job-files/:folder/:job_id/:file',
    {
      config: { access: 'read', ticket: 'media' },
      schema: {
        operationId: 'jobFile',
        hide: true,
        params: Type.Object({ folder: Type.String(), job_id: Type.String(), file: Type.String() }),
        response: { ...errors(404) },
      },
    },
    async (request, reply) => {
      const { folder, file } = request.params
      const jobId = request.params.job_id.toLowerCase()
      if (!isUuid(jobId) || folder !== `job-${jobId.slice(0, 4)}`) throw new WireError(404, 'no such file')
      reply.header('x-content-type-options', 'nosniff')
      reply.header('content-security-policy', "sandbox; default-src 'none'")
      // Wider than its schema: files are not JSON.
      const plain = reply as unknown as FastifyReply
      const taskId = /^task-([0-9a-fA-F-]{36})\.txt$/.exec(file)?.[1]?.toLowerCase()
      if (taskId !== undefined) return sendLog(plain, jobId, taskId)
      if (LAST_RENDERED_SIZES.some((size) => size.file === file)) return sendImage(plain, jobId, file)
      throw new WireError(404, 'no such file')
    },
  )

  async function sendLog(reply: FastifyReply, jobId: string, taskId: string): Promise<FastifyReply> {
    const task = await taskFacts(read, taskId)
    if (task?.jobPublicId !== jobId) throw new WireError(404, 'no such file')
    const { bytes } = await logs.taskInfo(taskId)
    if (bytes === 0) throw new WireError(404, 'no such file')
    async function* pieces() {
      for (let at = 0; at < bytes; at += LOG_PIECE) yield await logs.readTask(taskId, at, Math.min(LOG_PIECE, bytes - at))
    }
    reply.header('content-length', bytes)
    return reply.type('text/plain; charset=utf-8').send(Readable.from(pieces(), { objectMode: false }))
  }

  async function sendImage(reply: FastifyReply, jobId: string, file: string): Promise<FastifyReply> {
    // The files of a deleted job stay until the undo period is over; they are hidden in the meantime.
    if (!(await isLivingJob(read, jobId))) throw new WireError(404, 'no such file')
    const stream = createReadStream(lastRendered.pathOf(jobId, file))
    await new Promise<void>((resolve, reject) => stream.once('open', () => resolve()).once('error', reject)).catch((error: unknown) => {
      throw isMissing(error) ? new WireError(404, 'no such file') : error
    })
    reply.header('cache-control', 'no-cache')
    return reply.type('image/jpeg').send(stream)
  }
}
