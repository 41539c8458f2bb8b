/** A manager with a container worker as a Fastlane client sees it: exact requests over HTTP and WebSocket. */
import { WebSocket } from 'ws'
import type { SettingsChanges } from '../../src/shared/schemas/settings.ts'
import { ContainerFarm } from './containerFarm.ts'
import { containerConfig, importBusybox, type TestImage } from './containers.ts'
import { until } from './liveManager.ts'
import { openHttpReceiver, openMailSink, type HttpReceiver, type MailSink } from './receivers.ts'

export interface FastlaneReply {
  status: number
  headers: Headers
  text: string
  /** The parsed body; tests look into it as they know it. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any
}

export interface Execution {
  status: string
  exitCode: number | null
  log: string | null
  error: string | null
  executionId: string
  metadata: Record<string, unknown>
  url: string
}

/** A container takes its time on a busy machine, and ten seconds more when it does not care for signals. */
const PATIENCE_MS = 40_000

export const FINAL = ['done', 'failed', 'timedout', 'expired', 'stopped']

export class FastlaneFarm {
  private constructor(
    readonly farm: ContainerFarm,
    readonly image: TestImage,
    readonly http: HttpReceiver,
    readonly smtp: MailSink,
  ) {}

  static async start(): Promise<FastlaneFarm> {
    const image = importBusybox()
    const [farm, http, smtp] = await Promise.all([ContainerFarm.start(), openHttpReceiver(), openMailSink()])
    const all = new FastlaneFarm(farm, image, http, smtp)
    await all.change({
      fastlanePull: 'never',
      fastlaneRetryMs: 20,
      fastlaneWebhookRetryMs: 20,
      webhooksToLocal: true,
      smtpHost: '127.0.0.1',
      smtpPort: smtp.port,
      smtpSecurity: 'none',
      mailFrom: 'farm@studio.example',
    })
    await farm.worker(containerConfig(), 4)
    return all
  }

  get url(): string {
    return this.farm.manager.url
  }

  async stop(): Promise<void> {
    await Promise.all([this.farm.stop(), this.http.close(), this.smtp.close()])
    this.image.remove()
  }

  async change(settings: SettingsChanges): Promise<void> {
    await this.farm.call('PATCH', 'settings', settings)
  }

  async request(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<FastlaneReply> {
    const raw = typeof body === 'string' || body === undefined ? body : JSON.stringify(body)
    const response = await fetch(this.url + path, {
      method,
      redirect: 'manual',
      headers: { ...(raw === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(raw === undefined ? {} : { body: raw }),
    })
    const text = await response.text()
    let parsed: unknown
    try {
      parsed = JSON.parse(text)
    } catch {
      parsed = undefined
    }
    return { status: response.status, headers: response.headers, text, body: parsed }
  }

  get(path: string): Promise<FastlaneReply> {
    return this.request('GET', path)
  }

  /** Enqueues a command in the test's image. Answers the job's path. */
  async enqueue(task: string, command: string, more: object = {}): Promise<{ path: string; reply: FastlaneReply }> {
    const reply = await this.request('POST', `/tasks/${task}/`, { image: this.image.name, command, ...more })
    if (reply.status !== 200) throw new Error(`enqueue refused: ${reply.status} ${reply.text}`)
    return { path: `/tasks/${task}/jobs/${reply.body.jobId}/`, reply }
  }

  /** All executions of a job, newest first. */
  async executions(path: string): Promise<Execution[]> {
    return (await this.get(path)).body.job.executions
  }

  /** The job's newest execution when its container runs: a moment after its status says so. */
  async containerRuns(path: string): Promise<Execution> {
    return until(
      async () => {
        const newest = await this.inStatus(path, 'running')
        return 'container_id' in newest.metadata && newest
      },
      `the container of ${path}`,
      PATIENCE_MS,
    )
  }

  /** Any execution of the job whose container runs. */
  async someContainerRuns(path: string): Promise<Execution> {
    return until(
      async () => (await this.executions(path)).find(({ status, metadata }) => status === 'running' && 'container_id' in metadata),
      `a container of ${path}`,
      PATIENCE_MS,
    )
  }

  /** The job's newest execution when so many have ended. */
  async ended(path: string, count = 1): Promise<Execution> {
    return until(
      async () => {
        const executions = await this.executions(path)
        return executions.filter(({ status }) => FINAL.includes(status)).length >= count && executions[0]
      },
      `${count} executions of ${path}`,
      PATIENCE_MS,
    )
  }

  /** The job's newest execution once it has this status. */
  async inStatus(path: string, status: string): Promise<Execution> {
    return until(
      async () => {
        const [newest] = await this.executions(path)
        return newest?.status === status && newest
      },
      `${path} ${status}`,
      PATIENCE_MS,
    )
  }

  /** All frames of a log socket, and how it was closed. */
  listen(path: string): { frames: string[]; closed: Promise<{ code: number; reason: string }> } {
    const socket = new WebSocket(this.url.replace('http', 'ws') + path)
    const frames: string[] = []
    socket.on('message', (data: Buffer) => frames.push(data.toString()))
    const closed = new Promise<{ code: number; reason: string }>((resolve, reject) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
      socket.on('error', reject)
    })
    return { frames, closed }
  }
}
