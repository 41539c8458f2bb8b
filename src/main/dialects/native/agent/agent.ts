/**
 * /agent: the calls of our workers (shared/schemas/agent.ts). The busiest routes of all: they validate and pass to the
 * engine, no more.
 */
import {
  getAgentFarm,
  getFarmAuthority,
  joinAgent,
  getSignIn,
  signOnAgent,
  takeTasks,
  reportAttempts,
  signOffAgent,
  certifyGateway,
  getCheckout,
  getStoredFile,
  tellPreviewMissing,
  putPreview,
} from '../../../../shared/operations/agent/agent.ts'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { FastifyRequest } from 'fastify'
import { NotAllowedError, NotFoundError, TooManyError, UnavailableError } from '../../../engine/base/errors.ts'
import type { CancelSignal } from '../../../engine/base/cancelSignal.ts'
import type { WorkerState } from '../../../engine/base/model.ts'
import { Previews } from '../../../files/previews.ts'
import { joinsApproved } from '../../../security/accounts/callers.ts'
import { hashSecret } from '../../../security/tokens/secrets.ts'
import { proofOf, workerKeyOf } from '../../../system/farmProof.ts'
import type { ServerContext } from '../../../http/context.ts'
import { acceptImages, approvedWorker, callingWorker, instanceOf, nativeWorker, storePreview } from './agentSupport.ts'
import { requireTask, type NativeApp } from '../common.ts'

/** The name under which wrong join codes count as wrong passwords do. */
const JOIN_CODES = ' join codes'

export function agentRoutes(app: NativeApp, context: ServerContext): void {
  const { farm } = context
  const previews = new Previews(context.paths.previews)

  const knownAt = (workerId: string) => ({ farmId: context.identity.id, key: workerKeyOf(context.identity.key, workerId) })

  /** @throws NotAllowedError, TooManyError; nothing is registered then */
  async function byJoinCode(request: FastifyRequest, code: string, secret: string, register: () => Promise<WorkerState>) {
    const address = addressOf(request)
    // Everyone on the way could have read it, and used it first.
    if (!(request.raw.socket instanceof TLSSocket)) throw new NotAllowedError('a join code counts only over TLS')
    const { logins, joinCodes } = context.security
    const waitMs = logins.waitMs(JOIN_CODES, address)
    if (waitMs > 0) throw new TooManyError(`too many wrong join codes; try again in ${Math.ceil(waitMs / 1000)} s`)
    return joinCodes.letInBy(code, secret, register).catch((error: unknown) => {
      if (error instanceof NotAllowedError) logins.failed(JOIN_CODES, address)
      throw error
    })
  }

  app.route({
    ...getAgentFarm,
    handler: async ({ query: { worker, question } }) => ({
      farmId: context.identity.id,
      managerName: context.settings.current().managerName,
      proof: worker === undefined || question === undefined ? null : proofOf(knownAt(worker).key, question),
    }),
  })

  app.route({
    ...getFarmAuthority,
    handler: () => {
      const authority = context.farmAuthority()
      if (authority === undefined) throw new UnavailableError("the farm's certificate authority is not usable; see the manager's log")
      return { ...authority, endorsements: [...authority.endorsements] }
    },
  })

  app.route({
    ...joinAgent,
    handler: async (request) => {
      const { name, secret, platform, kinds, machine, folders, joinCode, person = '' } = request.body
      const secretHash = await hashSecret(secret)
      const register = (approved: boolean) =>
        farm.workers.register({
          adapter: 'native',
          name,
          secretHash,
          platform,
          address: addressOf(request),
          kinds,
          machine: machine ?? null,
          person,
          approved,
          ...(folders && request.caller.scopes.has('admin') && { allowedFolders: folders }),
        })
      const worker = await (joinCode === undefined
        ? register(joinsApproved(request.caller))
        : byJoinCode(request, joinCode, secret, () => register(true)))
      request.audited = { kind: 'worker', id: worker.publicId, detail: { name, address: worker.address, person } }
      return {
        workerId: worker.publicId,
        approved: worker.approvedAt !== null,
        managerName: context.settings.current().managerName,
        knownAt: knownAt(worker.publicId),
      }
    },
  })

  app.route({
    ...signOnAgent,
    handler: async (request) => {
      const { publicId } = nativeWorker(request)
      const { signIn, ...told } = request.body
      const instance = instanceOf(request)
      if (instance !== undefined) await farm.workers.instanceBegins(publicId, instance)
      // The token that it would make valid comes over the same way.
      if (signIn !== undefined && request.raw.socket instanceof TLSSocket) await context.security.signIns.ask(publicId, signIn)
      const reply = await farm.workers.signOn(publicId, {
        ...told,
        canRestart: told.canRestart ?? false,
        address: addressOf(request),
      })
      return { ...reply, knownAt: knownAt(publicId) }
    },
  })

  app.route({
    ...getSignIn,
    handler: ({ query: { key } }) => {
      const { state, workerId } = context.security.signIns.stateOf(key)
      const worker = workerId === undefined ? undefined : farm.workers.find(workerId)
      return { state, approved: worker !== undefined && worker.approvedAt !== null && worker.deletedAt === null }
    },
  })

  app.route({
    ...takeTasks,
    handler: async (request, reply) => {
      const worker = callingWorker(context, request)
      const { status } = request.body
      // It followed a request, or confirms it again: this is how our workers confirm.
      if (status !== undefined && status !== worker.status) await farm.workers.changedStatus(worker.publicId, status)
      return farm.native.take(worker.publicId, request.body, new Vanishing(reply.raw))
    },
  })

  app.route({
    ...reportAttempts,
    handler: (request) =>
      farm.native.report(callingWorker(context, request).publicId, request.body.reports, request.body.take ?? 0, request.body),
  })

  app.route({
    ...signOffAgent,
    handler: async (request, reply) => {
      await farm.workers.signOff(callingWorker(context, request).publicId)
      return reply.code(204).send(null)
    },
  })

  app.route({
    ...getCheckout,
    handler: async (request) => {
      approvedWorker(request)
      return { files: await context.inputs.list(request.query.id) }
    },
  })

  app.route({
    ...certifyGateway,
    handler: async (request) => {
      approvedWorker(request)
      const { domain, publicKey } = request.body
      return { certificate: await context.certifyGateway(domain, publicKey) }
    },
  })

  app.route({
    ...getStoredFile,
    handler: async (request, reply) => {
      approvedWorker(request)
      const { sha, size } = request.params
      const path = context.shaman.store.pathOf({ sha, size })
      const facts = await stat(path).catch(() => undefined)
      if (!facts?.isFile()) throw new NotFoundError('file', sha)
      return reply.type('application/octet-stream').header('content-length', facts.size).send(createReadStream(path))
    },
  })

  app.route({
    ...tellPreviewMissing,
    handler: async (request, reply) => {
      const { path, reason } = request.body
      const task = await requireTask(context, request.params.taskId)
      await requireAttempt(context, nativeWorker(request), task.id, request.params.attempt)
      if (await wasSavedAgain(context, task.id, request.params.attempt, path)) return reply.code(204).send(null)
      await farm.results.setFramePreview(task.publicId, path, 'failed', { problem: reason })
      return reply.code(204).send(null)
    },
  })

  void app.register((images: NativeApp, _options, done) => {
    acceptImages(images)
    images.route({
      ...putPreview,
      handler: async (request, reply) => {
        const { path, size } = request.query
        const worker = nativeWorker(request)
        const task = await requireTask(context, request.params.taskId)
        await requireAttempt(context, worker, task.id, request.params.attempt)
        if (await wasSavedAgain(context, task.id, request.params.attempt, path)) return reply.code(204).send(null)
        const bytes = await storePreview(context, previews, { jobId: task.jobPublicId, taskId: task.publicId, path }, size, request.body)
        if (size === 'large') context.lastRendered.replace(task.jobPublicId, bytes)
        return reply.code(204).send(null)
      },
    })
    done()
  })
}

/**
 * Aborts when the connection closes before the reply is sent: work must not be assigned to a client that is gone.
 * Replaces an AbortSignal, which would cost more than the rest of the call; the listener only exists while a call
 * waits.
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
  if (row?.worker_id !== worker.id) throw new NotAllowedError(`attempt ${attempt} of this task does not belong to this worker`)
}

/** Whether a later attempt of the task has saved this file: a late preview would show something that no longer exists. */
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
