/** Shared by the route files of this dialect. */
import { Readable } from 'node:stream'
import type {
  FastifyInstance,
  FastifyRequest,
  RawServerDefault,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  FastifyBaseLogger,
} from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { NotAllowedError } from '../../engine/base/errors.ts'
import { mayManage } from '../../security/accounts/callers.ts'
import type { ReadDatabase } from '../../store/connection.ts'
import { jobFacts, taskFacts, type JobFacts, type TaskFacts } from './store/queries.ts'
import { WireError } from './errors.ts'
import { ErrorBody, NoBody, Uuid } from './schemas/common.ts'

/** Fastify with handlers typed by their schemas. */
export type TypedApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression<RawServerDefault>,
  RawReplyDefaultExpression<RawServerDefault>,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

export const JobParams = Type.Object({ job_id: Uuid })
export const TaskParams = Type.Object({ task_id: Uuid })
export const WorkerParams = Type.Object({ worker_id: Uuid })
export const TagParams = Type.Object({ tag_id: Uuid })

/** The error replies of an operation, for its schema. */
export function errors<const C extends number>(...codes: C[]) {
  // Object.fromEntries loses the key types.
  return Object.fromEntries(codes.map((code) => [code, ErrorBody])) as Record<C, typeof ErrorBody>
}

/** 204 without a body. */
export const NOTHING = { 204: NoBody } as const

/** Ids are stored in lower case; clients may send either. */
export function id(text: string): string {
  return text.toLowerCase()
}

/** @throws WireError 404 with the original's text */
export async function needJob(db: ReadDatabase, jobId: string): Promise<JobFacts> {
  const job = await jobFacts(db, id(jobId))
  if (!job) throw new WireError(404, 'no such job')
  return job
}

/** @throws WireError 404 with the original's text */
export async function needTask(db: ReadDatabase, taskId: string): Promise<TaskFacts> {
  const task = await taskFacts(db, id(taskId))
  if (!task) throw new WireError(404, 'no such task')
  return task
}

/** Artists may change their own jobs. @throws NotAllowedError */
export function assertMayManage(request: Pick<FastifyRequest, 'caller'>, { owner, ownerId }: { owner: string; ownerId: string }): void {
  if (mayManage(request.caller, ownerId)) return
  throw new NotAllowedError(`${request.caller.actor} may not change a job of ${owner || 'another owner'}`)
}

/** The part of a reply that sends finished text, whatever the route's schema declares for parsed replies. */
interface RawReply {
  header(name: string, value: string): unknown
  send(payload: unknown): unknown
}

/** Sends finished JSON text. */
export function sendJson(reply: RawReply, text: string): void {
  reply.header('content-type', 'application/json; charset=utf-8')
  reply.send(text)
}

/** Sends `open`, the slices separated by commas, then `close`. A single slice is sent whole, several are streamed. */
export async function sendJsonList(reply: RawReply, open: string, slices: AsyncGenerator<string>, close: string): Promise<void> {
  // Errors of the first slices become error replies; after that, the connection can only be cut.
  const first = await slices.next()
  if (first.done) return sendJson(reply, open + close)
  const second = await slices.next()
  if (second.done) return sendJson(reply, open + first.value + close)
  async function* text() {
    yield `${open}${first.value},${second.value}`
    for await (const slice of slices) yield `,${slice}`
    yield close
  }
  reply.header('content-type', 'application/json; charset=utf-8')
  reply.send(Readable.from(text(), { objectMode: false }))
}
