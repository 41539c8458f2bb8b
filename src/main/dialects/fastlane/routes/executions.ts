/** One execution: details, stop, output; the output routes of a job return its last one's (protocol 2.11 to 2.13). */
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { executionsOf, type ExecutionRow } from '../store/queries.ts'
import type { ApiContext } from '../../../http/context.ts'
import { OperationError } from '../errors.ts'
import { outputOf, SEPARATOR, executionId } from '../output.ts'
import type { Routes } from '../paths.ts'
import { errorBytes, executionStatus, exitCodeOf, isFinal } from '../status.ts'
import {
  assertMayManage,
  findJob,
  findRun,
  reference,
  sendJson,
  urlsFor,
  type ExecutionParams,
  type JobParams,
  type Parts,
} from '../support.ts'
import { executionView } from '../views.ts'

type Output = 'stdout' | 'stderr' | 'logs'

export function executionRoutes(routes: Routes, { context, jobs }: Parts): void {
  const path = '/tasks/:task/jobs/:job/executions/:execution/'

  routes.get(path, { operationId: 'getJobExecution' }, async (request, reply) => {
    const params = request.params as ExecutionParams
    const { job, run } = await need(context, params, 'get_job_execution', 'job')
    const urls = urlsFor(request, context)
    return sendJson(reply, {
      execution: await executionView(run, context),
      job: reference(job.clientId, urls.job(job.task, job.clientId)),
      task: reference(job.task, urls.task(job.task)),
    })
  })

  routes.change('POST', `${path}stop/`, { operationId: 'stopJobExecution', access: 'manage' }, async (request, reply) => {
    const params = request.params as ExecutionParams
    const { job, run } = await need(context, params, 'stop_job_execution', 'Job')
    assertMayManage(request, job)
    await jobs.stopExecution(job, run, request.caller.actor)
    const id = executionId(run)
    request.audited = { kind: 'fastlane-execution', id, detail: null }
    const urls = urlsFor(request, context)
    return sendJson(reply, {
      execution: reference(id, urls.execution(job.task, job.clientId, id)),
      job: reference(job.clientId, urls.job(job.task, job.clientId)),
      task: reference(job.task, urls.task(job.task)),
    })
  })

  for (const output of ['stdout', 'stderr', 'logs'] as const) {
    routes.get(`/tasks/:task/jobs/:job/${output}/`, { operationId: `getJob_${output}` }, async (request, reply) =>
      sendOutput(context, await lastRun(context, request.params as JobParams), output, reply),
    )
    routes.get(`${path}${output}/`, { operationId: `getExecution_${output}` }, async (request, reply) =>
      sendOutput(context, await givenRun(context, request.params as ExecutionParams), output, reply),
    )
  }
}

/** @param word how the operation spells "job" in its second message */
async function need(context: ApiContext, params: ExecutionParams, operation: string, word: 'job' | 'Job') {
  const job = await findJob(context, params)
  if (!job) throw new OperationError(404, operation, `Task (${params.task}) or Job (${params.job}) not found.`)
  const run = await findRun(context, job, params.execution)
  if (!run) throw new OperationError(404, operation, `Job Execution (${params.execution}) not found in ${word} (${params.job}).`)
  return { job, run }
}

const OPERATION = 'retrieve_execution_details'

/** The execution that was added last. */
async function lastRun(context: ApiContext, params: JobParams): Promise<ExecutionRow> {
  const job = await findJob(context, params)
  if (!job) throw new OperationError(404, OPERATION, `Task (${params.task}) or Job (${params.job}) not found.`)
  const [run] = await executionsOf(context.read, job.id, context.now(), 0, 1)
  if (!run) throw new OperationError(400, OPERATION, `No executions found in job (${params.job}).`)
  return run
}

async function givenRun(context: ApiContext, params: ExecutionParams): Promise<ExecutionRow> {
  await lastRun(context, params)
  const job = await findJob(context, params)
  const run = job && (await findRun(context, job, params.execution))
  // 400, not 404, as in the original.
  if (!run) throw new OperationError(400, OPERATION, 'No executions found in job with specified arguments.')
  return run
}

/** Streamed, whatever its length. Empty until the end. */
function sendOutput(context: ApiContext, run: ExecutionRow, output: Output, reply: FastifyReply): FastifyReply {
  const status = executionStatus(run, context.now())
  const ended = isFinal(status)
  const code = ended ? exitCodeOf(run) : null
  reply.headers({
    'content-type': 'text/plain; charset=utf-8',
    'content-security-policy': "sandbox; default-src 'none'",
    'fastlane-exit-code': code === null ? 'None' : String(code),
  })
  if (!ended) return reply.send('')
  const { logs } = context
  async function* text(): AsyncGenerator<Buffer | string> {
    if (output !== 'stderr') yield* outputOf(logs, run, 'stdout')
    if (output === 'logs') yield SEPARATOR
    // Includes the farm's own message, where there is one: `error` has it too.
    if (output !== 'stdout') yield* errorBytes(run, status, outputOf(logs, run, 'stderr'))
  }
  return reply.send(Readable.from(text(), { objectMode: false }))
}
