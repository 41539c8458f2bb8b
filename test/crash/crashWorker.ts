/**
 * A simulated worker that survives managers: it remembers what was acknowledged to it, sends again what was not, and
 * so can say afterwards what must be found on the manager's disk. Now and then it dies itself, as kill -9 has it: what it
 * was running is gone, and only the reports on its disk are left.
 */
import { randomBytes } from 'node:crypto'
import { Agent, request } from 'undici'

interface Report {
  seq: number
  taskId: string
  attempt: number
  event: Record<string, unknown>
}

interface Running {
  taskId: string
  attempt: number
}

/** What a worker received is on disk. */
export interface Acknowledged {
  /** `task/attempt` → its log text so far. */
  logs: Map<string, string>
  /** `task/attempt` whose end was accepted. */
  finished: Set<string>
}

export class CrashWorker {
  readonly acknowledged: Acknowledged = { logs: new Map(), finished: new Set() }
  private readonly secret = randomBytes(32).toString('hex')
  private id = ''
  private seq = 0
  /** Reports in order that no reply has covered yet. */
  private outbox: Report[] = []
  private readonly running = new Map<string, Running>()
  private readonly stale = new Set<string>()
  private stopping = false
  /** Replies that it got, and how often it died. */
  replies = 0
  deaths = 0
  /** Replaced after each crash: a pool remembers broken connections. */
  private agent = new Agent({ keepAliveTimeout: 30_000 })

  constructor(
    private readonly name: string,
    private readonly url: () => string,
    private readonly random: () => number,
    /** How likely it dies in the middle of a task, 0–1. */
    private readonly mortality = 0,
  ) {}

  async join(): Promise<void> {
    const reply = await this.post('/api/v1/agent/join', { name: this.name, secret: this.secret, platform: 'linux', kinds: ['blender'] })
    this.id = String(reply['workerId'])
  }

  /** Works until stop(), through any number of crashes. */
  async run(): Promise<void> {
    while (!this.stopping) {
      try {
        await this.signOn()
        while (!this.stopping) await this.work()
      } catch {
        // The manager is down, or was killed between our request and its reply. Nothing is known of that request.
        await this.agent.destroy().catch(() => undefined)
        this.agent = new Agent({ keepAliveTimeout: 30_000 })
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }

  async stop(): Promise<void> {
    this.stopping = true
    await this.agent.destroy()
  }

  private async signOn(): Promise<void> {
    const reply = await this.post('/api/v1/agent/sign-on', {
      name: this.name,
      software: 'crash test',
      kinds: ['blender'],
      capacity: 1,
      running: [...this.running.values()],
    })
    const kept = new Set((reply['keep'] as Running[]).map(keyOf))
    for (const [key, fence] of this.running) if (!kept.has(key) && !this.ended(fence)) this.running.delete(key)
    this.acknowledge(Number(reply['reportSeq']))
  }

  private async work(): Promise<void> {
    if (this.outbox.length > 0) return this.flush(0)
    const [current] = this.running.values()
    if (!current) {
      const reply = await this.post('/api/v1/agent/take', { slots: 1, waitMs: 200, running: [] })
      this.accept(reply['assignments'] as Running[])
      return
    }
    const key = keyOf(current)
    if (this.random() < this.mortality) return this.die()
    if (!this.acknowledged.logs.has(key) && this.random() < 0.7) {
      this.say(current, { type: 'log', at: Date.now(), stream: 'stdout', text: `${key} ${this.name} ${randomBytes(12).toString('hex')}\n` })
      return this.flush(0)
    }
    this.say(current, { type: 'log', at: Date.now(), stream: 'stderr', text: `last words of ${key}\n` })
    this.say(current, { type: 'finished', at: Date.now(), outcome: 'success', exitCode: 0, reason: '' })
    return this.flush(1)
  }

  /** Its program is gone with what it ran; the next one signs on with what has ended and is not told yet. */
  private die(): Promise<void> {
    this.deaths++
    for (const [key, fence] of this.running) if (!this.ended(fence)) this.running.delete(key)
    return this.signOn()
  }

  private say(fence: Running, event: Record<string, unknown>): void {
    this.outbox.push({ seq: ++this.seq, taskId: fence.taskId, attempt: fence.attempt, event })
  }

  private async flush(take: number): Promise<void> {
    const reply = await this.post('/api/v1/agent/report', { reports: this.outbox, take })
    for (const fence of reply['stale'] as Running[]) {
      this.stale.add(keyOf(fence))
      this.running.delete(keyOf(fence))
    }
    this.acknowledge(Number(reply['reportSeq']))
    this.accept(reply['assignments'] as Running[])
  }

  /** Everything up to `seq` is promised to be on disk. */
  private acknowledge(seq: number): void {
    const done = this.outbox.filter((report) => report.seq <= seq)
    this.outbox = this.outbox.filter((report) => report.seq > seq)
    for (const { taskId, attempt, event } of done) {
      const key = keyOf({ taskId, attempt })
      if (event['type'] === 'log') this.acknowledged.logs.set(key, (this.acknowledged.logs.get(key) ?? '') + String(event['text']))
      if (event['type'] !== 'finished') continue
      this.running.delete(key)
      if (!this.stale.has(key)) this.acknowledged.finished.add(key)
    }
  }

  private accept(assignments: Running[]): void {
    for (const { taskId, attempt } of assignments) this.running.set(keyOf({ taskId, attempt }), { taskId, attempt })
  }

  /** Its end is in the outbox already: the manager will hear it again. */
  private ended(fence: Running): boolean {
    return this.outbox.some(
      (report) => report.taskId === fence.taskId && report.attempt === fence.attempt && report.event['type'] === 'finished',
    )
  }

  private async post(path: string, body: unknown): Promise<Record<string, unknown>> {
    const { statusCode, body: reply } = await request(this.url() + path, {
      method: 'POST',
      dispatcher: this.agent,
      headersTimeout: 10_000,
      headers: {
        'content-type': 'application/json',
        ...(this.id && { authorization: `Basic ${Buffer.from(`${this.id}:${this.secret}`).toString('base64')}` }),
      },
      body: JSON.stringify(body),
    })
    const text = await reply.text()
    if (statusCode !== 200) throw new Error(`${path}: ${statusCode} ${text}`)
    this.replies++
    return JSON.parse(text)
  }
}

export const keyOf = ({ taskId, attempt }: Running): string => `${taskId}/${attempt}`
