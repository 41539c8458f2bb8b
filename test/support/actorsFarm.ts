/** A manager as a client of the actors API sees it, and a worker that does what a test says in the place of containers. */
import { LiveManager, until, type LiveWorker } from './liveManager.ts'
import type { ManagerConfig } from '../../src/main/manager.ts'
import type { Assignment } from '../../src/shared/schemas/agent.ts'

export interface ActorsReply {
  status: number
  headers: Headers
  text: string
  /** The parsed envelope and what is in it; tests look into them as they know them. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  result: any
}

export interface SendOptions {
  /** Sent as JSON. */
  json?: unknown
  /** Sent as a form. */
  form?: Record<string, string> | [string, string][]
  raw?: string | Buffer
  type?: string
  token?: string
  headers?: Record<string, string>
}

export class ActorsFarm {
  worker: LiveWorker | undefined

  private constructor(public farm: LiveManager) {}

  static async start(config: Partial<ManagerConfig> = {}): Promise<ActorsFarm> {
    return new ActorsFarm(await LiveManager.start(config))
  }

  stop(): Promise<void> {
    return this.farm.stop()
  }

  async send(method: string, path: string, { json, form, raw, type, token, headers }: SendOptions = {}): Promise<ActorsReply> {
    const body = json !== undefined ? JSON.stringify(json) : form !== undefined ? new URLSearchParams(form) : raw
    const contentType = type ?? (json !== undefined ? 'application/json' : undefined)
    const response = await fetch(this.farm.url + path, {
      method,
      headers: {
        ...(contentType !== undefined && { 'content-type': contentType }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body !== undefined && { body }),
    })
    const text = await response.text()
    let parsed: unknown
    try {
      parsed = JSON.parse(text)
    } catch {
      parsed = undefined
    }
    const result = typeof parsed === 'object' && parsed !== null && 'result' in parsed ? parsed.result : undefined
    return { status: response.status, headers: response.headers, text, body: parsed, result }
  }

  get(path: string, options?: SendOptions): Promise<ActorsReply> {
    return this.send('GET', path, options)
  }

  /** An actor's id. */
  async actor(description: object = {}, options: SendOptions = {}): Promise<string> {
    const reply = await this.send('POST', '/actors/v2', { json: { image: 'abacosamples/test', ...description }, ...options })
    if (reply.status !== 200) throw new Error(`no actor: ${reply.status} ${reply.text}`)
    return reply.result.id
  }

  /** An actor whose image a worker has found. */
  async readyActor(description: object = {}, options: SendOptions = {}): Promise<string> {
    const id = await this.actor(description, options)
    await this.pulled(options)
    await until(async () => (await this.get(`/actors/${id}`, options)).result.status === 'READY', 'the actor is ready')
    return id
  }

  /** The worker finds an image. */
  async pulled(_options: SendOptions = {}): Promise<void> {
    const assignment = await this.take()
    if (assignment.commands[0]?.name !== 'actor-pull') throw new Error(`not a pull: ${JSON.stringify(assignment.commands)}`)
    await this.theWorker.finish(assignment)
  }

  get theWorker(): LiveWorker {
    if (!this.worker) throw new Error('the test has no worker')
    return this.worker
  }

  async startWorker(capacity = 50): Promise<LiveWorker> {
    this.worker = await this.farm.worker('box', { kinds: ['actor', 'actor-privileged'], capacity })
    return this.worker
  }

  /** The next task, within a while. */
  async take(): Promise<Assignment> {
    return until(async () => (await this.theWorker.take(1, 200)).assignments[0], 'work')
  }

  /** The environment that an assignment brings. */
  static env(assignment: Assignment): Record<string, string | null> {
    return Object.fromEntries(assignment.actor?.env ?? [])
  }

  /** Id of the execution of a message. */
  async message(actor: string, message: unknown = 'hello', options: SendOptions = {}): Promise<string> {
    const reply = await this.send('POST', `/actors/${actor}/messages`, { json: { message }, ...options })
    if (reply.status !== 200) throw new Error(`no message: ${reply.status} ${reply.text}`)
    return reply.result.executionId
  }

  /** A user's token. */
  async user(name: string, role: 'artist' | 'viewer' | 'admin' = 'artist'): Promise<string> {
    const password = 'a long enough password'
    const made = await this.farm.call('POST', '/users', { body: { name, role, password } })
    if (made.status >= 300) throw new Error(`no user: ${made.status} ${made.text}`)
    const login = await this.farm.call('POST', '/login', { body: { name, password } })
    if (login.status >= 300) throw new Error(`no login: ${login.status} ${login.text}`)
    return login.body.token
  }

  async change(settings: object): Promise<void> {
    const reply = await this.farm.call('PATCH', '/settings', { body: settings })
    if (reply.status !== 200) throw new Error(`no settings: ${reply.status} ${reply.text}`)
  }
}
