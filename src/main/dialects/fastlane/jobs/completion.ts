/** Actions that follow the end of an execution: its automatic retry, then webhooks and email (protocol 5.5, 8). */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Delivered, Delivery, Handler, OutboxEntry } from '../../../notify/deliveries.ts'
import { messageOf, webhookTarget } from '../../../notify/notifier.ts'
import { addDispatch, markSettled } from '../store/rows.ts'
import { fastlaneJobByPublicId, findExecution, type ExecutionRow, type FastlaneJobRow } from '../store/queries.ts'
import type { ApiContext } from '../../../http/context.ts'
import { sortedJson } from '../errors.ts'
import { FastlaneSettings } from '../settings.ts'
import type { FastlaneJobs } from './jobs.ts'
import { executionMail } from '../mail.ts'
import { executionId } from '../output.ts'
import { hooksOf, mailsOf, type Hook } from '../payload.ts'
import { executionStatus, exitCodeOf, isFinal, isRetried, type ExecutionStatus } from '../status.ts'
import { wireTime } from '../values.ts'
import { executionView, urlsOf } from '../views.ts'

const TaskEnded = Type.Object({ jobId: Type.String(), index: Type.Integer(), status: Type.String() })
const HookCall = Type.Object({
  jobId: Type.String(),
  index: Type.Integer(),
  url: Type.String(),
  headers: Type.Record(Type.String(), Type.String()),
  retries: Type.Integer(),
})

/** How long to wait for the exit code of a stopped execution before checking again. */
const LOOK_AGAIN_MS = 300
/** How many failed calls are recorded (protocol 8.1). */
const KEPT_AFTER_FAILURE = 3

type EndEvent = 'succeeds' | 'fails' | 'finishes'

/** The lists that an end addresses. Executions that never ran (expired, stopped in the queue) notify no list. */
export function eventsOf(status: ExecutionStatus): EndEvent[] {
  if (status === 'done') return ['succeeds', 'finishes']
  if (status === 'failed') return ['fails', 'finishes']
  return status === 'timedout' ? ['finishes'] : []
}

/** Outbox handlers for what follows an end: the job's own actions, and its webhooks. */
export function endHandlers(context: ApiContext, jobs: FastlaneJobs): Readonly<Record<string, Handler>> {
  return {
    'fastlane:task-ended': { handle: (delivery) => settle(delivery, context, jobs) },
    'fastlane:webhook': {
      targetOf: (payload) => webhookTarget(Value.Parse(HookCall, payload).url),
      handle: (delivery) => callHook(delivery, context),
    },
  }
}

async function settle({ payload }: Delivery, context: ApiContext, jobs: FastlaneJobs): Promise<Delivered> {
  const { jobId, index } = Value.Parse(TaskEnded, payload)
  const found = await find(context, jobId, index)
  if (!found) return {}
  const { job, execution } = found
  const status = executionStatus(execution, context.now())
  if (status === 'running') return { retryInMs: LOOK_AGAIN_MS }
  if (!isFinal(status)) return {}
  if (isRetried(job, execution, context.now())) await jobs.retryAfter(job, execution)
  const { webhooks, notify } = metadataOf(job)
  const events = eventsOf(status)
  const hooks = events.flatMap((event) => hooksOf(webhooks, event))
  const hookEntries = hooks.map((hook: Hook): OutboxEntry => ({ kind: 'fastlane:webhook', payload: { jobId, index, ...hook } }))
  const mails = events.flatMap((event) => mailsOf(notify, event).map((to) => ({ event, to })))
  const mailEntries: OutboxEntry[] = []
  if (mails.length > 0) {
    const view = await executionView(execution, context)
    const { publicUrl } = context.settings.current()
    const facts = {
      task: job.task,
      jobId: job.clientId,
      exitCode: exitCodeOf(execution),
      view,
      urls: publicUrl === '' ? null : urlsOf(trimSlash(publicUrl)),
    }
    for (const { event, to } of mails) mailEntries.push({ kind: 'mail', payload: { to, ...executionMail(event, facts) } })
  }
  return { entries: [...hookEntries, ...mailEntries], write: (tx) => markSettled(tx, execution.taskId, context.now()) }
}

async function callHook({ payload, tries }: Delivery, context: ApiContext): Promise<Delivered> {
  const { jobId, index, url, headers, retries } = Value.Parse(HookCall, payload)
  const found = await find(context, jobId, index)
  if (!found) return {}
  const { job, execution } = found
  const body = sortedJson(await hookBody(job, execution, context))
  const timestamp = wireTime(context.now())
  const named = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')
  const sent = named ? headers : { ...headers, 'Content-Type': 'application/json' }
  const failed = (error: string, reply: { statusCode: number; body: string; headers: Record<string, string> }): Delivered => ({
    error,
    ...(tries < retries && { retryInMs: backoffMs(tries, context) }),
    write: (tx) => addDispatch(tx, execution.taskId, { timestamp, url, ...reply, error }, KEPT_AFTER_FAILURE),
  })
  try {
    const reply = await context.notifier.call({ url, method: 'POST', headers: sent, body })
    const dispatch = { timestamp, url, statusCode: reply.status, body: reply.body, headers: reply.headers }
    if (reply.status < 400) return { write: (tx) => addDispatch(tx, execution.taskId, dispatch, null) }
    return failed(`${attemptText(url, body)} failed with status code of ${reply.status}.`, {
      statusCode: reply.status,
      body: reply.body,
      headers: reply.headers,
    })
  } catch (error) {
    const name = error instanceof Error ? error.name : 'Error'
    return failed(`${attemptText(url, body)} failed with exception of ${name}: ${messageOf(error)}.`, {
      statusCode: 500,
      body: '',
      headers: {},
    })
  }
}

function attemptText(url: string, body: string): string {
  return `The POST request to ${url} with body of "${body.slice(0, 10)}..."`
}

function backoffMs(tries: number, { settings }: ApiContext): number {
  const { fastlaneWebhookRetryMs, fastlaneWebhookRetryFactor } = settings.of(FastlaneSettings)
  return Math.min(fastlaneWebhookRetryMs * fastlaneWebhookRetryFactor ** tries, 86_400_000)
}

/**
 * The execution with the job's `custom` in its metadata, without the results of other hooks; `job_id` beside it
 * (protocol 8.1).
 */
async function hookBody(job: FastlaneJobRow, execution: ExecutionRow, context: ApiContext): Promise<Record<string, unknown>> {
  const view = await executionView({ ...execution, dispatches: '[]' }, context)
  const { metadata, ...rest } = view
  return {
    ...rest,
    metadata: { ...(metadata as object), custom: metadataOf(job).custom ?? {} },
    job_id: job.clientId,
    executionId: executionId(execution),
  }
}

async function find({ read, now }: ApiContext, jobId: string, index: number) {
  const job = await fastlaneJobByPublicId(read, jobId)
  const execution = job && (await findExecution(read, job.id, index, now()))
  return job && execution && { job, execution }
}

function metadataOf({ metadata }: Pick<FastlaneJobRow, 'metadata'>): {
  retries: number
  webhooks: unknown
  notify: unknown
  custom?: unknown
} {
  // Written by the dialect from a validated payload.
  return JSON.parse(metadata) as { retries: number; webhooks: unknown; notify: unknown; custom?: unknown }
}

function trimSlash(url: string): string {
  return url.replace(/\/$/, '')
}
