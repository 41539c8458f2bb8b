/** /agent: what our workers call (shared/schemas/agent.ts). The busiest routes of all: checked, handed to the engine, no more. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import {
  CheckoutFiles,
  CheckoutQuery,
  JoinReply,
  JoinRequest,
  PreviewMissing,
  PreviewQuery,
  ReportReply,
  ReportRequest,
  SignOnReply,
  SignOnRequest,
  TakeReply,
  TakeRequest,
} from '../../../shared/schemas/agent.ts'
import { NotAllowedError, NotFoundError } from '../../engine/errors.ts'
import type { CancelSignal } from '../../engine/farmEngine.ts'
import type { WorkerState } from '../../engine/model.ts'
import { MAX_LIGHT_BYTES } from '../../../shared/sceneLight.ts'
import { Previews } from '../../files/previews.ts'
import { joinsApproved } from '../../security/callers.ts'
import { hashSecret } from '../../security/secrets.ts'
import type { ServerContext } from '../context.ts'
import { acceptImages, approvedWorker, nativeWorker, storePreview } from './agentSupport.ts'
import { AttemptParams, Nothing, requireTask, type NativeApp } from './common.ts'

const tags = ['agent']
const BlobParams = Type.Object({ sha: Type.String({ pattern: '^[0-9a-f]{64}$' }), size: Type.Integer({ minimum: 0 }) })
/** A thousand reports with their log lines. */
const REPORT_BODY_LIMIT = 16 * 1_048_576

export function agentRoutes(app: NativeApp, context: ServerContext): void {
  const { farm } = context
  const previews = new Previews(context.paths.previews)

  app.post(
    '/agent/join',
    {
      config: { access: 'join', strangersMayAsk: true, auditBody: false },
      schema: {
        tags,
        operationId: 'joinAgent',
        summary: 'Become known; the worker keeps id and secret',
        body: JoinRequest,
        response: { 200: JoinReply },
      },
    },
    async (request) => {
      const { name, secret, platform, kinds, machine } = request.body
      const worker = await farm.registerWorker({
        adapter: 'native',
        name,
        secretHash: await hashSecret(secret),
        platform,
        address: addressOf(request),
        kinds,
        machine: machine ?? null,
        approved: joinsApproved(request.caller),
      })
      request.audited = { kind: 'worker', id: worker.publicId, detail: { name, address: worker.address } }
      return { workerId: worker.publicId, approved: worker.approvedAt !== null, managerName: context.settings.current().managerName }
    },
  )

  app.post(
    '/agent/sign-on',
    {
      config: { access: 'worker' },
      schema: {
        tags,
        operationId: 'signOnAgent',
        summary: 'Start: what it can do, what it still runs',
        body: SignOnRequest,
        response: { 200: SignOnReply },
      },
    },
    (request) =>
      farm.signOn(nativeWorker(request).publicId, {
        ...request.body,
        canRestart: request.body.canRestart ?? false,
        address: addressOf(request),
      }),
  )

  app.post(
    '/agent/take',
    {
      config: { access: 'worker' },
      schema: {
        tags,
        operationId: 'takeTasks',
        summary: 'Long poll: heartbeat, work, cancellations',
        body: TakeRequest,
        response: { 200: TakeReply },
      },
    },
    async (request, reply) => {
      const worker = nativeWorker(request)
      const { status } = request.body
      // It followed a request (or says so again): this is how one of ours confirms.
      if (status !== undefined && status !== worker.status) await farm.workerChangedStatus(worker.publicId, status)
      return farm.take(worker.publicId, request.body, new Vanishing(reply.raw))
    },
  )

  app.post(
    '/agent/report',
    {
      bodyLimit: REPORT_BODY_LIMIT,
      config: { access: 'worker', anyText: true },
      schema: {
        tags,
        operationId: 'reportAttempts',
        summary: 'What happened, in order, exactly once',
        body: ReportRequest,
        response: { 200: ReportReply },
      },
    },
    (request) => farm.report(nativeWorker(request).publicId, request.body.reports, request.body.take ?? 0, request.body),
  )

  app.post(
    '/agent/sign-off',
    {
      config: { access: 'worker' },
      schema: { tags, operationId: 'signOffAgent', summary: 'Leave: what it runs is requeued', response: Nothing },
    },
    async (request, reply) => {
      await farm.signOff(nativeWorker(request).publicId)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/agent/checkout',
    {
      config: { access: 'worker' },
      schema: {
        tags,
        operationId: 'getCheckout',
        summary: 'The files of a checkout',
        querystring: CheckoutQuery,
        response: { 200: CheckoutFiles },
      },
    },
    async (request) => {
      approvedWorker(request)
      return { files: await context.shaman.checkouts.list(request.query.id) }
    },
  )

  app.get(
    '/agent/files/:sha/:size',
    {
      config: { access: 'worker' },
      schema: { tags, operationId: 'getStoredFile', summary: 'A file of the file store by its content', params: BlobParams },
    },
    async (request, reply) => {
      approvedWorker(request)
      const { sha, size } = request.params
      const path = context.shaman.store.pathOf({ sha, size })
      const facts = await stat(path).catch(() => undefined)
      if (!facts?.isFile()) throw new NotFoundError('file', sha)
      return reply.type('application/octet-stream').header('content-length', facts.size).send(createReadStream(path))
    },
  )

  app.post(
    '/agent/preview/:taskId/:attempt/missing',
    {
      config: { access: 'worker', audit: false },
      schema: {
        tags,
        operationId: 'tellPreviewMissing',
        summary: 'There will be no preview of a file, and why',
        params: AttemptParams,
        body: PreviewMissing,
        response: Nothing,
      },
    },
    async (request, reply) => {
      const { path, reason } = request.body
      const task = await requireTask(context, request.params.taskId)
      await requireAttempt(context, nativeWorker(request), task.id, request.params.attempt)
      if (await wasSavedAgain(context, task.id, request.params.attempt, path)) return reply.code(204).send(null)
      await farm.setFramePreview(task.publicId, path, 'failed', { problem: reason })
      return reply.code(204).send(null)
    },
  )

  void app.register((images: NativeApp, _options, done) => {
    acceptImages(images)
    images.put(
      '/agent/preview/:taskId/:attempt',
      {
        bodyLimit: MAX_LIGHT_BYTES,
        config: { access: 'worker' },
        schema: {
          tags,
          operationId: 'putPreview',
          summary: 'A preview of a frame, JPEG; or its light (size light), packed floats',
          consumes: ['image/jpeg', 'application/octet-stream'],
          params: AttemptParams,
          querystring: PreviewQuery,
          response: Nothing,
        },
      },
      async (request, reply) => {
        const { path, size } = request.query
        const worker = nativeWorker(request)
        const task = await requireTask(context, request.params.taskId)
        await requireAttempt(context, worker, task.id, request.params.attempt)
        if (await wasSavedAgain(context, task.id, request.params.attempt, path)) return reply.code(204).send(null)
        const bytes = await storePreview(context, previews, { jobId: task.jobPublicId, taskId: task.publicId, path }, size, request.body)
        if (size === 'large') context.lastRendered.replace(task.jobPublicId, bytes)
        return reply.code(204).send(null)
      },
    )
    done()
  })
}

/**
 * Aborted when the connection closes before the reply is sent: work must not be handed to nobody. It stands for an
 * AbortSignal, which would cost more than the rest of the call; a listener is only there while somebody waits.
 */
class Vanishing implements CancelSignal {
  private listener: (() => void) | undefined

  constructor(private readonly response: ServerResponse) {}

  get aborted(): boolean {
    return this.response.destroyed && !this.response.writableFinished
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.listener = () => {
      if (this.aborted) listener()
    }
    this.response.once('close', this.listener)
  }

  removeEventListener(): void {
    if (this.listener) this.response.off('close', this.listener)
  }
}

/** @throws NotAllowedError when the worker did not run this attempt */
async function requireAttempt({ read }: ServerContext, worker: WorkerState, taskId: number, attempt: number): Promise<void> {
  const row = await read.get<{ worker_id: number }>('select worker_id from attempts where task_id = ? and number = ?', [taskId, attempt])
  if (row?.worker_id !== worker.id) throw new NotAllowedError(`attempt ${attempt} of this task is not one of this worker`)
}

/** Whether a later attempt of the task has saved this file: what comes late is a picture of something that is there no more. */
async function wasSavedAgain({ read }: ServerContext, taskId: number, attempt: number, path: string): Promise<boolean> {
  const later = await read.get(
    `select 1 from frames f join attempts a on a.id = f.attempt_id
     where f.job_id = (select job_id from tasks where id = ?1) and f.path = ?2 and a.task_id = ?1 and a.number > ?3`,
    [taskId, path, attempt],
  )
  return later !== undefined
}

function addressOf(request: FastifyRequest): string {
  return (request.raw.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
}
