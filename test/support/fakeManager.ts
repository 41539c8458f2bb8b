/**
 * A manager for tests of the worker: speaks the agent protocol over real HTTP, in memory, and checks every request with
 * the shared schemas (a request that does not fit is answered 400 and kept in `complaints`). It applies reports exactly
 * once by sequence number, fences stale attempts, holds long polls, and can be away, slow or rude when a test says so.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import type { WorkerStatus } from '../../src/shared/enums.ts'
import {
  JoinReply,
  JoinRequest,
  PreviewQuery,
  ReportReply,
  ReportRequest,
  SignOnReply,
  SignOnRequest,
  TakeReply,
  TakeRequest,
  type Assignment,
  type Fence,
  type Report,
  type ReportEvent,
} from '../../src/shared/schemas/agent.ts'

export interface FakeWorker {
  id: string
  secret: string
  name: string
  status: WorkerStatus
  approved: boolean
  signOns: SignOnRequest[]
  signOffs: number
  reportSeq: number
  statusRequested: WorkerStatus | null
  lazy: boolean
}

/** What the manager knows of one attempt. */
export interface FakeAttempt {
  fence: Fence
  workerId: string
  /** False once it was finished, lost, or given to another worker. */
  active: boolean
  cancelReason: string | undefined
  events: ReportEvent[]
}

export interface Preview {
  fence: Fence
  path: string
  size: string
  bytes: number
}

type Handler = { status: number; body: unknown } | 'hang-up'

export class FakeManager {
  readonly workers = new Map<string, FakeWorker>()
  readonly attempts: FakeAttempt[] = []
  readonly previews: Preview[] = []
  readonly complaints: string[] = []
  /** Every request in the order it came: `POST take`. */
  readonly calls: { call: string; body: unknown; at: number }[] = []
  /** Reports that came again after they were applied. */
  repeatedReports = 0
  approve = true
  leaseSeconds = 60
  /** Answers instead of the normal ones; consulted for each call (`join`, `take`, …). */
  intercept: ((call: string, body: unknown) => Handler | undefined) | undefined
  /** Whether a reply is thrown away after the request took effect: the connection just ends. */
  loseReply: ((call: string, body: unknown) => boolean) | undefined
  private readonly queue: Assignment[] = []
  private readonly pollers = new Set<() => void>()
  private server: Server | undefined
  private port = 0

  static async start(): Promise<FakeManager> {
    const manager = new FakeManager()
    await manager.open()
    return manager
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`
  }

  /** Listens; after `close` on the same port again, with everything it knew (a restarted manager). */
  async open(): Promise<void> {
    const server = createServer((request, response) => void this.serve(request, response))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.port, '127.0.0.1', resolve)
    })
    // A listening TCP server has an AddressInfo.
    this.port = (server.address() as AddressInfo).port
    this.server = server
  }

  /** Gone: connections are cut, nothing listens. */
  async close(): Promise<void> {
    const { server } = this
    if (server === undefined) return
    this.server = undefined
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    this.wakeAll()
    await closed
  }

  /** Adds a task; returns its fence (attempt 1). */
  submit(task: Partial<Assignment> & Pick<Assignment, 'commands'>): Fence {
    const assignment: Assignment = {
      taskId: randomUUID(),
      attempt: 1,
      jobId: randomUUID(),
      jobName: 'a job',
      jobType: 'test',
      taskName: 'a task',
      kind: 'test',
      stepsTotal: task.commands.length,
      maxRunMs: 0,
      maxSilenceMs: 0,
      ...task,
    }
    this.queue.push(assignment)
    this.wakeAll()
    return { taskId: assignment.taskId, attempt: assignment.attempt }
  }

  cancel(fence: Fence, reason: string): void {
    this.attempt(fence).cancelReason = reason
    this.wakeAll()
  }

  /** The task now belongs to another worker: reports of the attempt are stale. */
  takeAway(fence: Fence): void {
    this.attempt(fence).active = false
  }

  requestStatus(worker: FakeWorker, status: WorkerStatus, lazy = false): void {
    worker.statusRequested = status
    worker.lazy = lazy
    this.wakeAll()
  }

  attempt(fence: Fence): FakeAttempt {
    const found = this.attempts.find(({ fence: { taskId, attempt } }) => taskId === fence.taskId && attempt === fence.attempt)
    if (found === undefined) throw new Error(`no worker was given attempt ${fence.attempt} of ${fence.taskId}`)
    return found
  }

  events(fence: Fence): ReportEvent[] {
    const found = this.attempts.find(({ fence: { taskId, attempt } }) => taskId === fence.taskId && attempt === fence.attempt)
    return found?.events ?? []
  }

  finished(fence: Fence): Extract<ReportEvent, { type: 'finished' }> | undefined {
    return this.events(fence).find((event) => event.type === 'finished')
  }

  logText(fence: Fence): string {
    return this.events(fence)
      .map((event) => (event.type === 'log' ? event.text : ''))
      .join('')
  }

  onlyWorker(): FakeWorker {
    const [worker] = this.workers.values()
    if (worker === undefined) throw new Error('no worker has joined')
    return worker
  }

  count(call: string): number {
    return this.calls.filter((entry) => entry.call === call).length
  }

  private wakeAll(): void {
    for (const wake of this.pollers) wake()
    this.pollers.clear()
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url)
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer) // Without an encoding set, chunks are Buffers.
    } catch {
      return
    }
    const bytes = Buffer.concat(chunks)
    // A key in the path is security's business; this manager takes any.
    url.pathname = url.pathname.replace(/^\/k\/[^/]+/, '')
    const call = url.pathname
      .replace('/api/v1/', '')
      .replace('agent/', '')
      .replace(/^preview\/.*/, 'preview')
    const isJson = (request.headers['content-type'] ?? '').includes('json')
    const body: unknown = isJson && bytes.length > 0 ? JSON.parse(bytes.toString('utf8')) : undefined
    this.calls.push({ call, body, at: Date.now() })
    const answer = this.intercept?.(call, body) ?? (await this.answer(call, url, body, bytes, request, response))
    if (answer === 'hang-up' || this.loseReply?.(call, body) === true) {
      response.destroy()
      return
    }
    const text = answer.body === undefined ? '' : JSON.stringify(answer.body)
    response.writeHead(answer.status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text)
  }

  private async answer(
    call: string,
    url: URL,
    body: unknown,
    bytes: Buffer,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Handler> {
    if (call === 'version') return ok({ version: 'test' })
    if (call === 'join') return this.join(this.checked(JoinRequest, body, call))
    const worker = this.authenticate(request)
    if (worker === undefined) return failure(401, 'unauthenticated', 'unknown worker or wrong secret')
    switch (call) {
      case 'sign-on':
        return this.signOn(worker, this.checked(SignOnRequest, body, call))
      case 'take':
        return this.take(worker, this.checked(TakeRequest, body, call), response)
      case 'report':
        return this.report(worker, this.checked(ReportRequest, body, call))
      case 'preview':
        return this.preview(url, bytes)
      case 'sign-off':
        worker.signOffs++
        worker.status = 'offline'
        for (const attempt of this.attempts) if (attempt.workerId === worker.id) attempt.active = false
        return { status: 204, body: undefined }
      default:
        return failure(404, 'not-found', `no route ${call}`)
    }
  }

  private authenticate(request: IncomingMessage): FakeWorker | undefined {
    const text = Buffer.from((request.headers.authorization ?? '').replace('Basic ', ''), 'base64').toString()
    const worker = this.workers.get(text.slice(0, text.indexOf(':')))
    return worker?.secret === text.slice(text.indexOf(':') + 1) ? worker : undefined
  }

  private checked<T extends TSchema>(schema: T, body: unknown, call: string): Static<T> | undefined {
    if (Value.Check(schema, body)) return body
    const [first] = Value.Errors(schema, body)
    this.complaints.push(`${call}: ${first?.instancePath} ${first?.message}`)
    return undefined
  }

  private join(body: JoinRequest | undefined): Handler {
    if (body === undefined) return failure(400, 'invalid-input', 'bad join')
    const id = randomUUID()
    this.workers.set(id, {
      id,
      secret: body.secret,
      name: body.name,
      status: 'offline',
      approved: this.approve,
      signOns: [],
      signOffs: 0,
      reportSeq: 0,
      statusRequested: null,
      lazy: false,
    })
    return ok(Value.Parse(JoinReply, { workerId: id, approved: this.approve, managerName: 'fake' }))
  }

  private signOn(worker: FakeWorker, body: SignOnRequest | undefined): Handler {
    if (body === undefined) return failure(400, 'invalid-input', 'bad sign-on')
    worker.signOns.push(body)
    worker.status = 'starting'
    const mine = this.attempts.filter((attempt) => attempt.active && attempt.workerId === worker.id)
    const isNamed = ({ fence }: FakeAttempt) => body.running.some((named) => sameFence(named, fence))
    const lost = mine.filter((attempt) => !isNamed(attempt))
    for (const attempt of lost) attempt.active = false
    return ok(
      Value.Parse(SignOnReply, {
        status: worker.statusRequested ?? 'awake',
        approved: worker.approved,
        keep: mine.filter(isNamed).map(({ fence }) => fence),
        lost: lost.map(({ fence }) => fence),
        reportSeq: worker.reportSeq,
        leaseSeconds: this.leaseSeconds,
      }),
    )
  }

  private async take(worker: FakeWorker, body: TakeRequest | undefined, response: ServerResponse): Promise<Handler> {
    if (body === undefined) return failure(400, 'invalid-input', 'bad take')
    if (body.status !== undefined) {
      worker.status = body.status
      if (body.status === worker.statusRequested) worker.statusRequested = null
    }
    const deadline = Date.now() + body.waitMs
    for (;;) {
      const assignments = this.assign(worker, body.slots)
      const cancel = this.attempts
        .filter((attempt) => attempt.workerId === worker.id && attempt.active && attempt.cancelReason !== undefined)
        .map(({ fence, cancelReason }) => ({ ...fence, reason: cancelReason }))
      const left = deadline - Date.now()
      if (assignments.length > 0 || cancel.length > 0 || worker.statusRequested !== null || left <= 0 || this.server === undefined) {
        return ok(
          Value.Parse(TakeReply, {
            assignments,
            cancel,
            statusRequested: worker.statusRequested,
            statusRequestLazy: worker.lazy,
            approved: worker.approved,
          }),
        )
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        const wake = () => {
          clearTimeout(timer)
          resolve()
        }
        this.pollers.add(wake)
        response.once('close', wake)
      })
      if (response.destroyed) return 'hang-up'
    }
  }

  private assign(worker: FakeWorker, slots: number): Assignment[] {
    if (!worker.approved || worker.status !== 'awake' || worker.statusRequested !== null) return []
    const given = this.queue.splice(0, slots)
    for (const { taskId, attempt } of given) {
      this.attempts.push({ fence: { taskId, attempt }, workerId: worker.id, active: true, cancelReason: undefined, events: [] })
    }
    return given
  }

  private report(worker: FakeWorker, body: ReportRequest | undefined): Handler {
    if (body === undefined) return failure(400, 'invalid-input', 'bad report')
    const stale: Fence[] = []
    for (const report of body.reports) {
      if (report.seq <= worker.reportSeq) {
        this.repeatedReports++
        continue
      }
      worker.reportSeq = report.seq
      if (!this.apply(worker, report)) stale.push({ taskId: report.taskId, attempt: report.attempt })
    }
    const assignments = this.assign(worker, body.take ?? 0)
    return ok(Value.Parse(ReportReply, { reportSeq: worker.reportSeq, stale, assignments }))
  }

  private apply(worker: FakeWorker, { taskId, attempt: number, event }: Report): boolean {
    const attempt = this.attempts.find(({ fence }) => fence.taskId === taskId && fence.attempt === number)
    if (attempt?.workerId !== worker.id) return false
    if (attempt.active || event.type === 'log') attempt.events.push(event)
    if (!attempt.active) return false
    if (event.type === 'finished') attempt.active = false
    return true
  }

  private preview(url: URL, bytes: Buffer): Handler {
    const [, , , , , taskId = '', attempt = ''] = url.pathname.split('/')
    const query = Object.fromEntries(url.searchParams)
    if (!Value.Check(PreviewQuery, query)) {
      this.complaints.push(`preview: ${url.search}`)
      return failure(400, 'invalid-input', 'bad query')
    }
    const fence = { taskId, attempt: Number(attempt) }
    // Its output must have been reported before.
    if (!this.events(fence).some((event) => event.type === 'output' && event.path === query.path)) {
      this.complaints.push(`preview of ${query.path} before its output`)
    }
    this.previews.push({ fence, path: query.path, size: query.size, bytes: bytes.length })
    return { status: 204, body: undefined }
  }
}

function sameFence(a: Fence, b: Fence): boolean {
  return a.taskId === b.taskId && a.attempt === b.attempt
}

function ok(body: unknown): Handler {
  return { status: 200, body }
}

export function failure(status: number, code: string, message: string): { status: number; body: unknown } {
  return { status, body: { status, code, message } }
}
