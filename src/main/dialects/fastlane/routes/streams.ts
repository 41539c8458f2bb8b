/** Watching a run: the log sockets (protocol 7) and the pages that show them (2.14). */
import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { WebSocket } from 'ws'
import { pause } from '../../../../shared/async.ts'
import { executionsOf, findExecution, type ExecutionRow } from '../store/queries.ts'
import type { ApiContext, ServerContext } from '../../../http/context.ts'
import { assertStreamRoom, holdSocket } from '../../../http/streams.ts'
import { escapeHtml } from '../mail.ts'
import { executionId, outputOf, outputText, SEPARATOR } from '../output.ts'
import { spellings, type Routes } from '../paths.ts'
import { errorText, executionStatus, exitCodeOf, isFinal } from '../status.ts'
import { findJob, findRun, type ExecutionParams, type JobParams } from '../support.ts'

const PATHS = ['/tasks/:task/jobs/:job/', '/tasks/:task/jobs/:job/executions/:execution/'] as const
/** Sending pauses while a client has this much unread. */
const MAX_UNSENT_BYTES = 1_048_576
/** How long to wait for lines that arrive after the end of their attempt. */
const LINGER_MS = 500

/** Close codes and reasons of the original. */
const FINISHED = [1010, 'wsdone'] as const
const STREAMED = [1000, 'wsdone'] as const
const TRY_AGAIN = [1010, 'wsretry'] as const
const NOT_YET = [1000, 'wsretry'] as const
const UNKNOWN_JOB = [1000, ''] as const

export function pageRoutes(routes: Routes): void {
  for (const path of PATHS) {
    routes.get(`${path}stream/`, { operationId: path.includes('execution') ? 'streamExecution' : 'streamJob' }, (request, reply) => {
      const { task, job, execution } = request.params as JobParams & Partial<ExecutionParams>
      const nonce = randomBytes(16).toString('base64url')
      reply.headers({
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'`,
        'referrer-policy': 'no-referrer',
      })
      return reply.send(page([task, job, execution].filter((part) => part !== undefined).join(' - '), nonce))
    })
  }
}

/** Register it where @fastify/websocket is. */
export function socketRoutes(app: FastifyInstance, context: ServerContext): void {
  for (const path of PATHS.flatMap(spellings).flatMap((each) => [`${each}ws/`, `${each}ws`])) {
    app.get(
      path,
      {
        websocket: true,
        config: { access: 'read', ticket: 'events', basic: true },
        schema: { hide: true },
        preValidation: assertStreamRoom(context),
      },
      (socket, request) => {
        const params = request.params as JobParams & Partial<ExecutionParams>
        socket.on('error', () => socket.terminate())
        holdSocket(context, request, socket)
        void serve(socket, context, params).then(
          ([code, reason]) => socket.close(code, reason),
          (error: unknown) => {
            context.log.warn({ err: error, ...params }, 'streaming a log failed')
            socket.close(...NOT_YET)
          },
        )
      },
    )
  }
}

type Ending = readonly [code: number, reason: string]

/** Sends the output; the result says how to close. */
async function serve(socket: WebSocket, context: ApiContext, params: JobParams & Partial<ExecutionParams>): Promise<Ending> {
  const { read, now, logs } = context
  const job = await findJob(context, params)
  if (!job) return UNKNOWN_JOB
  const run =
    params.execution === undefined ? (await executionsOf(read, job.id, now(), 0, 1))[0] : await findRun(context, job, params.execution)
  if (!run) return NOT_YET
  const status = executionStatus(run, now())
  if (isFinal(status)) {
    const code = exitCodeOf(run)
    socket.send(`EXIT CODE: ${code === null ? 'None' : code}\n`)
    const decoder = new TextDecoder()
    for await (const bytes of outputOf(logs, run, 'stdout')) await send(socket, decoder.decode(bytes, { stream: true }))
    await send(socket, decoder.decode())
    socket.send(SEPARATOR)
    const error = errorText(run, status, await outputText(logs, run, 'stderr'))
    if (error !== '') socket.send(error)
    return FINISHED
  }
  if (status !== 'running' || run.attempt === null) return TRY_AGAIN
  return follow(socket, context, job.id, run)
}

/** Sends both streams as they grow, from the beginning to the end of the attempt. */
async function follow(socket: WebSocket, { farm, logs, read, now }: ApiContext, jobId: number, run: ExecutionRow): Promise<Ending> {
  const taskId = executionId(run)
  const attempt = run.attempt ?? 0
  let wake = (): void => undefined
  let changed = false
  const nudge = (): void => {
    changed = true
    wake()
  }
  const stops = [
    farm.on('log', (event) => event.taskId === taskId && nudge()),
    farm.on('task', (event) => event.taskId === taskId && nudge()),
    // A mass update emits an event for the job only.
    farm.on('job', (event) => event.jobId === run.jobPublicId && nudge()),
  ]
  socket.on('close', nudge)
  const decoder = new TextDecoder()
  let position = 0
  let lingered = false
  try {
    while (socket.readyState === socket.OPEN) {
      changed = false
      // Read before the lines: if it has ended by now, the lines read next are complete.
      const current = await findExecution(read, jobId, run.index, now())
      const isRunning = current?.attempt === attempt && executionStatus(current, now()) === 'running'
      for await (const { bytes, next } of logs.streams(taskId, attempt, ['stdout', 'stderr'], position)) {
        position = next
        await send(socket, decoder.decode(bytes, { stream: true }))
      }
      if (!isRunning && lingered) return STREAMED
      if (!isRunning) lingered = true
      if (!changed)
        await new Promise<void>((resolve) => {
          // Polls as well: the output of a stopped container arrives without an event.
          const timer = setTimeout(resolve, isRunning ? 2_000 : LINGER_MS)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
    }
    return NOT_YET
  } finally {
    for (const stop of stops) stop()
  }
}

/** Waits while the client is too slow. */
async function send(socket: WebSocket, text: string): Promise<void> {
  if (text === '') return
  socket.send(text)
  while (socket.bufferedAmount > MAX_UNSENT_BYTES && socket.readyState === socket.OPEN) await pause(20)
}

/** Text is inserted as text; `wsdone` (or the documentation's `done`) ends the stream. */
function page(title: string, nonce: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)} - Fastlane</title>
<style nonce="${nonce}">body{margin:0;background:#111;color:#ddd}pre{margin:0;padding:1rem;white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.5 monospace}</style>
</head><body><pre><code id="log"></code></pre>
<script nonce="${nonce}">
const log = document.getElementById('log')
const address = new URL('../ws/', location.href.replace(/[?#].*$/, '').replace(/\\/?$/, '/'))
address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
const watch = () => {
  const socket = new WebSocket(address)
  socket.onopen = () => log.replaceChildren()
  socket.onmessage = ({ data }) => {
    const atEnd = innerHeight + scrollY >= document.body.scrollHeight - 40
    log.append(document.createTextNode(data))
    if (atEnd) scrollTo(0, document.body.scrollHeight)
  }
  socket.onclose = ({ reason }) => {
    if (reason !== 'wsdone' && reason !== 'done') setTimeout(watch, 5000)
  }
}
watch()
</script></body></html>
`
}
