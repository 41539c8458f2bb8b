/** The calls of a Flamenco Worker (Flamenco 3, tag `worker`). Only the parts of a reply that we use are validated. */
import { Type, type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { WorkerStatus } from '../../../../shared/enums.ts'
import { RefusedError, UnreachableError, basicAuth, type HttpClient, type HttpReply } from '../../link/http.ts'

const PREFIX = 'api/v3/worker/'
const SIGN_OFF_TIMEOUT_MS = 3000

const RegisteredWorker = Type.Object({ uuid: Type.String({ minLength: 1 }) })
const WorkerStateChange = Type.Object({ status_requested: WorkerStatus })
const MayKeepRunning = Type.Object({ mayKeepRunning: Type.Boolean(), reason: Type.String(), statusChangeRequested: Type.Boolean() })
export type MayKeepRunning = Static<typeof MayKeepRunning>

/** Managers before 3.8 do not report steps: then each command counts as one. */
export const AssignedTask = Type.Object({
  uuid: Type.String({ minLength: 1 }),
  job: Type.String(),
  name: Type.String(),
  job_type: Type.String(),
  task_type: Type.String(),
  commands: Type.Array(
    Type.Object({
      name: Type.String(),
      parameters: Type.Record(Type.String(), Type.Unknown()),
      total_step_count: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
  ),
})
export type AssignedTask = Static<typeof AssignedTask>

export interface TaskUpdate {
  taskStatus?: 'active' | 'completed' | 'failed'
  activity?: string
  log?: string
  steps_completed?: number
}

/** Reply to a request for a task. */
export type Fetched =
  | { kind: 'task'; task: AssignedTask }
  | { kind: 'nothing' }
  | { kind: 'change-status'; status: WorkerStatus }
  /** 409: the Manager does not count this worker as awake. */
  | { kind: 'not-awake' }

export class FlamencoApi {
  private readonly http: HttpClient
  private headers: Record<string, string> = {}

  constructor(http: HttpClient) {
    this.http = http
  }

  authenticate(workerId: string, secret: string): void {
    this.headers = { authorization: basicAuth(workerId, secret) }
  }

  /** registerWorker; returns the worker's id. */
  async register(
    request: { name: string; secret: string; platform: string; supported_task_types: string[] },
    signal: AbortSignal,
  ): Promise<string> {
    const reply = await this.post('register-worker', request, signal)
    return checked(RegisteredWorker, reply, 'register-worker').uuid
  }

  /** signOn; returns the status that the Manager wants. */
  async signOn(
    request: { name: string; supported_task_types: string[]; software_version: string; can_restart: boolean },
    signal: AbortSignal,
  ): Promise<WorkerStatus> {
    return checked(WorkerStateChange, await this.post('sign-on', request, signal), 'sign-on').status_requested
  }

  /** signOff */
  async signOff(): Promise<void> {
    const { headers } = this
    const reply = await this.http.send({ method: 'POST', path: `${PREFIX}sign-off`, headers, timeoutMs: SIGN_OFF_TIMEOUT_MS })
    throwUnlessOk(reply, 'sign-off')
  }

  /** workerState; undefined when no change is requested. */
  async requestedStatus(signal: AbortSignal): Promise<WorkerStatus | undefined> {
    const reply = await this.http.send({ method: 'GET', path: `${PREFIX}state`, headers: this.headers, signal })
    return reply.status === 204 ? undefined : checked(WorkerStateChange, reply, 'state').status_requested
  }

  /** workerStateChanged */
  async stateChanged(status: WorkerStatus, signal: AbortSignal): Promise<void> {
    throwUnlessOk(await this.post('state-changed', { status }, signal), 'state-changed')
  }

  /** scheduleTask */
  async fetchTask(signal: AbortSignal): Promise<Fetched> {
    const reply = await this.http.send({ method: 'POST', path: `${PREFIX}task`, headers: this.headers, signal })
    switch (reply.status) {
      case 204:
        return { kind: 'nothing' }
      case 409:
        return { kind: 'not-awake' }
      case 423:
        return { kind: 'change-status', status: parsed(WorkerStateChange, reply, 'task').status_requested }
      default:
        return { kind: 'task', task: checked(AssignedTask, reply, 'task') }
    }
  }

  /** taskUpdate. False when the task is not assigned to this worker (409). */
  async update(taskId: string, update: TaskUpdate, signal: AbortSignal): Promise<boolean> {
    const reply = await this.post(`task/${taskId}`, update, signal)
    if (reply.status === 409) return false
    throwUnlessOk(reply, 'task update')
    return true
  }

  /** mayWorkerRun */
  async mayIRun(taskId: string, signal: AbortSignal): Promise<MayKeepRunning> {
    const reply = await this.http.send({ method: 'GET', path: `${PREFIX}task/${taskId}/may-i-run`, headers: this.headers, signal })
    return checked(MayKeepRunning, reply, 'may-i-run')
  }

  /** taskOutputProduced: the last image that the task rendered. False when the Manager's image queue is full (429). */
  async outputProduced(taskId: string, jpeg: Buffer, signal: AbortSignal): Promise<boolean> {
    const reply = await this.http.send({
      method: 'POST',
      path: `${PREFIX}task/${taskId}/output-produced`,
      headers: this.headers,
      body: jpeg,
      contentType: 'image/jpeg',
      signal,
    })
    if (reply.status === 429) return false
    throwUnlessOk(reply, 'output-produced')
    return true
  }

  private post(path: string, body: object, signal: AbortSignal): Promise<HttpReply> {
    return this.http.send({ method: 'POST', path: PREFIX + path, headers: this.headers, body: JSON.stringify(body), signal })
  }
}

/** @throws UnreachableError, RefusedError */
function checked<T extends TSchema>(schema: T, reply: HttpReply, name: string): Static<T> {
  throwUnlessOk(reply, name)
  return parsed(schema, reply, name)
}

function parsed<T extends TSchema>(schema: T, reply: HttpReply, name: string): Static<T> {
  const value = reply.json
  if (Value.Check(schema, value)) return value
  const [first] = Value.Errors(schema, value)
  const what = `${first?.instancePath || '/'} ${first?.message ?? ''}`
  throw new UnreachableError(`the reply to ${name} is not a valid Flamenco Manager reply: ${what}`)
}

/** @throws UnreachableError for temporary failures, RefusedError for all other errors */
function throwUnlessOk(reply: HttpReply, name: string): void {
  if (reply.status >= 200 && reply.status < 300) return
  const said = reply.json
  const message = typeof said === 'object' && said !== null && 'message' in said ? String(said.message) : `HTTP ${reply.status}`
  if ([429, 502, 503, 504, 507].includes(reply.status)) throw new UnreachableError(`${name}: ${message}`, reply.retryAfterMs)
  throw new RefusedError(reply.status, '', `${name}: ${message}`)
}
