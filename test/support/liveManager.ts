/** A whole manager in this process, on a folder of its own, and the few calls that tests of its API make again and again. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger, type Logger } from '../../src/shared/logger.ts'
import { Connection } from '../../src/main/store/connection.ts'
import { startManager, type Manager, type ManagerConfig } from '../../src/main/manager.ts'
import type { Report, ReportReply, TakeReply } from '../../src/shared/schemas/agent.ts'
import type { Job, NewJob } from '../../src/shared/schemas/jobs/job.ts'

export interface Reply {
  status: number
  headers: Headers
  text: string
  /** The parsed body; tests look into it as they know it. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any
}

export interface CallOptions {
  body?: unknown
  /** Sent as it is, instead of `body` as JSON. */
  raw?: string | Buffer
  token?: string
  headers?: Record<string, string>
}

export class LiveManager {
  private constructor(
    readonly manager: Manager,
    readonly folder: string,
    /** What was logged as an error: a test that expects none looks here. */
    readonly errors: object[],
    private readonly config: Partial<ManagerConfig>,
    /** What it was started with. */
    readonly startConfig: ManagerConfig,
  ) {}

  static async start(config: Partial<ManagerConfig> = {}): Promise<LiveManager> {
    return LiveManager.startIn(await mkdtemp(join(tmpdir(), 'framehouse-live-')), config)
  }

  private static async startIn(folder: string, config: Partial<ManagerConfig>): Promise<LiveManager> {
    const errors: object[] = []
    const log: Logger = { ...silentLogger, error: (facts, message) => errors.push({ ...facts, message }) }
    const startConfig = {
      dataDir: join(folder, 'data'),
      listen: { host: '127.0.0.1', port: 0 },
      trustLoopback: true,
      log,
      version: '0.0.0-test',
      ...config,
    }
    const manager = await startManager(startConfig)
    return new LiveManager(manager, folder, errors, config, startConfig)
  }

  /** Stops it and starts another one on the same files; this one can no longer be used. `meanwhile`: SQL for the database at rest. */
  async restart(port = 0, meanwhile?: string): Promise<LiveManager> {
    await this.manager.stop()
    if (meanwhile !== undefined) {
      const database = await Connection.open(join(this.folder, 'data', 'framehouse.sqlite'), 'write')
      await database.exec(meanwhile)
      await database.close()
    }
    return LiveManager.startIn(this.folder, port === 0 ? this.config : { ...this.config, listen: { host: '127.0.0.1', port } })
  }

  get url(): string {
    return this.manager.url
  }

  async stop(): Promise<void> {
    await this.manager.stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** @param path below /api/v1 unless it begins with /api or /k */
  async call(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
    const url = /^\/(api|k)\//.test(path) ? path : `/api/v1${path}`
    const response = await fetch(this.url + url, {
      method,
      redirect: 'manual',
      headers: {
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
        ...options.headers,
      },
      ...(options.raw !== undefined ? { body: options.raw } : options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    })
    const text = await response.text()
    let body: unknown
    try {
      body = JSON.parse(text)
    } catch {
      body = undefined
    }
    return { status: response.status, headers: response.headers, text, body }
  }

  get(path: string, options?: CallOptions): Promise<Reply> {
    return this.call('GET', path, options)
  }

  /** A job of one task that echoes. */
  async submit(job: Partial<NewJob> = {}, options?: CallOptions): Promise<Job> {
    const reply = await this.call('POST', '/jobs', {
      body: { name: 'a job', type: 'echo-sleep-test', settings: { message: 'hello', sleep_duration_seconds: 0 }, ...job },
      ...options,
    })
    if (reply.status !== 201) throw new Error(`submission refused: ${reply.status} ${reply.text}`)
    return reply.body
  }

  /** A native worker that has joined and signed on. */
  async worker(
    name = 'worker',
    options: { kinds?: string[]; capacity?: number; headers?: Record<string, string> } = {},
  ): Promise<LiveWorker> {
    const worker = new LiveWorker(this, name, options.kinds ?? ['misc', 'blender', 'ffmpeg', 'file-management'], options.capacity ?? 1)
    await worker.start(options.headers)
    return worker
  }
}

/** A native worker that does what a test says. */
export class LiveWorker {
  id = ''
  readonly secret = randomBytes(24).toString('hex')
  private seq = 0

  constructor(
    private readonly manager: LiveManager,
    readonly name: string,
    readonly kinds: string[],
    readonly capacity: number,
  ) {}

  get headers(): Record<string, string> {
    return { authorization: `Basic ${Buffer.from(`${this.id}:${this.secret}`).toString('base64')}` }
  }

  async start(headers?: Record<string, string>): Promise<void> {
    const joined = await this.manager.call('POST', '/agent/join', {
      body: { name: this.name, secret: this.secret, platform: 'linux', kinds: this.kinds },
      headers,
    })
    if (joined.status !== 200) throw new Error(`join refused: ${joined.status} ${joined.text}`)
    this.id = joined.body.workerId
    await this.signOn()
  }

  /** `more`: members of the request beside what every worker says. */
  async signOn(more: object = {}): Promise<void> {
    const said = { name: this.name, software: 'test', kinds: this.kinds, capacity: this.capacity, running: [] }
    const signedOn = await this.post('sign-on', { ...said, ...more })
    if (signedOn.status !== 200) throw new Error(`sign-on refused: ${signedOn.status} ${signedOn.text}`)
  }

  post(call: string, body: unknown): Promise<Reply> {
    return this.manager.call('POST', `/agent/${call}`, { body, headers: this.headers })
  }

  /** @throws Error when it is refused */
  async take(slots = 1, waitMs = 0): Promise<TakeReply> {
    const reply = await this.post('take', { slots, waitMs, running: [], status: 'awake' })
    if (reply.status !== 200) throw new Error(`take refused: ${reply.status} ${reply.text}`)
    return reply.body
  }

  /** Reports events of one attempt in order. */
  async report(fence: { taskId: string; attempt: number }, ...events: Report['event'][]): Promise<ReportReply> {
    const reports = events.map((event) => ({ seq: ++this.seq, taskId: fence.taskId, attempt: fence.attempt, event }))
    const reply = await this.post('report', { reports })
    if (reply.status !== 200) throw new Error(`report refused: ${reply.status} ${reply.text}`)
    return reply.body
  }

  log(fence: { taskId: string; attempt: number }, text: string, stream: 'stdout' | 'stderr' = 'stdout'): Promise<ReportReply> {
    return this.report(fence, { type: 'log', at: Date.now(), stream, text })
  }

  finish(fence: { taskId: string; attempt: number }, outcome: 'success' | 'exit-code' = 'success'): Promise<ReportReply> {
    return this.report(fence, { type: 'finished', at: Date.now(), outcome, exitCode: outcome === 'success' ? 0 : 1, reason: '' })
  }
}

/** Waits until the check gives something. @throws Error when it has not within `patienceMs` */
export async function until<T>(
  check: () => Promise<T | undefined | false | null> | T | undefined | false | null,
  what = 'condition',
  patienceMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const value = await check()
    if (value !== undefined && value !== false && value !== null) return value
    if (Date.now() > deadline) throw new Error(`${what} did not come true`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
