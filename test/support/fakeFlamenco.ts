/**
 * A Flamenco 3 Manager for tests of the worker: the worker's part of its API over real HTTP, in memory, with the checks,
 * status codes and order of checks of the original. Every request is kept word for word.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FlamencoCall {
  /** `POST sign-on`, with the task's id replaced by `ID`. */
  call: string
  body: unknown
  bytes: Buffer
  headers: IncomingHttpHeaders
  at: number
}

export interface FlamencoTask {
  uuid: string
  commands: { name: string; parameters: Record<string, unknown>; total_step_count?: number }[]
  workerId: string | undefined
  status: string
  log: string
  activity: string
  steps: number
}

interface FlamencoWorkerRow {
  uuid: string
  secret: string
  name: string
  platform: string
  status: string
  requested: string | undefined
  lazy: boolean
}

type Answer = { status: number; body?: unknown }

export class FakeFlamenco {
  readonly calls: FlamencoCall[] = []
  readonly workers = new Map<string, FlamencoWorkerRow>()
  readonly tasks: FlamencoTask[] = []
  /** Answers instead of the normal ones. */
  intercept: ((call: string) => Answer | undefined) | undefined
  private server: Server | undefined
  private port = 0

  static async start(): Promise<FakeFlamenco> {
    const manager = new FakeFlamenco()
    await manager.open()
    return manager
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`
  }

  async open(): Promise<void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const bytes = Buffer.concat(chunks)
        const { pathname } = new URL(request.url ?? '/', this.url)
        const taskId = /\/task\/([0-9a-f-]{36})/.exec(pathname)?.[1] ?? ''
        const call = `${request.method} ${pathname
          .replace('/api/v3/', '')
          .replace('worker/', '')
          .replace(taskId || 'no task', 'ID')}`
        const isJson = (request.headers['content-type'] ?? '').includes('json')
        const body: unknown = isJson ? JSON.parse(bytes.toString()) : undefined
        this.calls.push({ call, body, bytes, headers: request.headers, at: Date.now() })
        const { status, body: reply } = this.intercept?.(call) ?? this.answer(call, taskId, body, request.headers.authorization ?? '')
        const text = reply === undefined ? '' : JSON.stringify(reply)
        response.writeHead(status, text === '' ? {} : { 'content-type': 'application/json' }).end(text)
      })
      request.on('error', () => {})
    })
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve))
    this.port = (server.address() as AddressInfo).port // A listening TCP server has an AddressInfo.
    this.server = server
  }

  async close(): Promise<void> {
    const { server } = this
    this.server = undefined
    if (server === undefined) return
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }

  submit(...commands: FlamencoTask['commands']): FlamencoTask {
    const task: FlamencoTask = { uuid: randomUUID(), commands, workerId: undefined, status: 'queued', log: '', activity: '', steps: 0 }
    this.tasks.push(task)
    return task
  }

  onlyWorker(): FlamencoWorkerRow {
    const [worker] = this.workers.values()
    if (worker === undefined) throw new Error('no worker has registered')
    return worker
  }

  /** Names of the calls so far, those of a kind only when `only` matches. */
  names(only?: RegExp): string[] {
    return this.calls.map(({ call }) => call).filter((call) => only?.test(call) ?? true)
  }

  bodies(call: string): unknown[] {
    return this.calls.filter((entry) => entry.call === call).map(({ body }) => body)
  }

  private answer(call: string, taskId: string, body: unknown, authorization: string): Answer {
    const fields = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {} // A JSON object has string keys.
    if (call === 'GET version') return { status: 200, body: { version: '3.9', shortversion: '3.9', name: 'fake', git: '' } }
    if (call === 'POST register-worker') return this.register(fields)
    const [user, secret] = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString().split(':')
    const worker = this.workers.get(user ?? '')
    if (call.includes('version')) return { status: 404, body: { message: 'Not Found' } }
    if (worker === undefined || worker.secret !== secret) return { status: 403, body: { message: 'security requirements failed' } }
    switch (call) {
      case 'POST sign-on':
        worker.status = 'starting'
        worker.name = String(fields.name)
        return { status: 200, body: { status_requested: worker.requested ?? 'awake' } }
      case 'POST sign-off':
        worker.status = 'offline'
        return { status: 204 }
      case 'GET state':
        return worker.requested === undefined ? { status: 204 } : { status: 200, body: { status_requested: worker.requested } }
      case 'POST state-changed':
        worker.status = String(fields.status)
        if (worker.status === worker.requested) worker.requested = undefined
        return { status: 204 }
      case 'POST task':
        return this.schedule(worker)
      case 'POST task/ID':
        return this.update(worker, taskId, fields)
      case 'GET task/ID/may-i-run':
        return this.mayIRun(worker, taskId)
      case 'POST task/ID/output-produced':
        return { status: 202 }
      default:
        return { status: 404, body: { message: 'Not Found' } }
    }
  }

  private register(fields: Record<string, unknown>): Answer {
    const uuid = randomUUID()
    const { name, secret, platform } = fields
    this.workers.set(uuid, {
      uuid,
      secret: String(secret),
      name: String(name),
      platform: String(platform),
      status: '',
      requested: undefined,
      lazy: false,
    })
    // The original leaves the status empty.
    const { supported_task_types } = fields
    return { status: 200, body: { uuid, name, address: '127.0.0.1', status: '', platform, software: '', supported_task_types } }
  }

  private schedule(worker: FlamencoWorkerRow): Answer {
    if (worker.requested !== undefined) return { status: 423, body: { status_requested: worker.requested } }
    if (worker.status !== 'awake') return { status: 409, body: { code: 409, message: `worker is in state "${worker.status}"` } }
    const task =
      this.tasks.find(({ workerId, status }) => workerId === worker.uuid && status === 'active') ??
      this.tasks.find(({ status }) => status === 'queued')
    if (task === undefined) return { status: 204 }
    task.workerId = worker.uuid
    task.status = 'active'
    return {
      status: 200,
      body: {
        uuid: task.uuid,
        job: randomUUID(),
        name: 'a task',
        status: 'active',
        priority: 50,
        job_priority: 50,
        job_type: 'test',
        task_type: 'misc',
        commands: task.commands,
        steps_completed: 0,
        steps_total: 0,
      },
    }
  }

  private update(worker: FlamencoWorkerRow, taskId: string, fields: Record<string, unknown>): Answer {
    const task = this.tasks.find(({ uuid }) => uuid === taskId)
    if (task === undefined) return { status: 404, body: { code: 404, message: 'no such task' } }
    if (task.workerId !== worker.uuid) return { status: 409, body: { code: 409, message: 'not assigned to you' } }
    task.log += typeof fields.log === 'string' ? fields.log : ''
    task.activity = typeof fields.activity === 'string' ? fields.activity : task.activity
    task.steps = typeof fields.steps_completed === 'number' ? fields.steps_completed : task.steps
    task.status = typeof fields.taskStatus === 'string' ? fields.taskStatus : task.status
    return { status: 204 }
  }

  private mayIRun(worker: FlamencoWorkerRow, taskId: string): Answer {
    const task = this.tasks.find(({ uuid }) => uuid === taskId)
    const no = (reason: string, statusChangeRequested = false): Answer => ({
      status: 200,
      body: { mayKeepRunning: false, reason, statusChangeRequested },
    })
    if (task === undefined) return no('Task not found')
    if (worker.requested !== undefined && !worker.lazy) return no('worker status change requested', true)
    if (task.workerId !== worker.uuid) return no('task not assigned to this worker')
    if (task.status !== 'active') return no(`task is in non-runnable status "${task.status}"`)
    return { status: 200, body: { mayKeepRunning: true, reason: '', statusChangeRequested: false } }
  }
}
