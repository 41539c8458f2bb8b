/** The native API (`/api/v1`) as the command line uses it. The one place here that knows its paths. */
import { Type, type Static } from 'typebox'
import { Role, Scope, type JobStatus } from '../../shared/enums.ts'
import { Id, Time, nullable, pageOf } from '../../shared/schemas/common.ts'
import { Explanation, Frame, Job, JobSummary, Task, TaskSummary } from '../../shared/schemas/job.ts'
import type { JobAction, NewJob, TaskAction } from '../../shared/schemas/job.ts'
import { JobTypeSchema, type JobTypeInfo } from '../../shared/schemas/jobType.ts'
import { Worker } from '../../shared/schemas/worker.ts'
import { act, call, send, type Connection } from './http.ts'

const JobPage = pageOf(JobSummary)
const TaskPage = pageOf(TaskSummary)
const FramePage = pageOf(Frame)
const Workers = Type.Object({ items: Type.Array(Worker) })
const JobTypes = Type.Object({ items: Type.Array(JobTypeSchema) })
const Checked = Type.Object({
  settings: Type.Record(Type.String(), Type.Unknown()),
  taskCount: Type.Integer(),
  tasks: Type.Array(Type.Object({ name: Type.String(), kind: Type.String() })),
})
export const FarmInfo = Type.Object({ version: Type.String(), managerName: Type.String() })
export const Token = Type.Object({
  id: Id,
  kind: Type.String(),
  name: Type.String(),
  prefix: Type.String(),
  role: Role,
  scopes: Type.Array(Scope),
  createdAt: Time,
  expiresAt: nullable(Time),
  lastUsedAt: nullable(Time),
})
export type Token = Static<typeof Token>
const Tokens = Type.Object({ items: Type.Array(Token) })
const CreatedToken = Type.Object({ ...Token.properties, secret: Type.String() })
export type CreatedToken = Static<typeof CreatedToken>

export interface JobFilter {
  status?: string
  /** Text in name, project or owner. */
  q?: string
  type?: string
  limit?: number
  cursor?: string
}

/** A piece of a plain log: its bytes from `from` on, and how long the log is by now. */
export interface LogPiece {
  bytes: Uint8Array
  /** Where the next piece starts. */
  next: number
}

export class Client {
  constructor(readonly connection: Connection) {}

  info(): Promise<Static<typeof FarmInfo>> {
    return call(this.connection, FarmInfo, { method: 'GET', path: '/status' })
  }

  jobs(filter: JobFilter): Promise<Static<typeof JobPage>> {
    return call(this.connection, JobPage, { method: 'GET', path: '/jobs', query: { sort: '-createdAt', ...filter } })
  }

  job(id: string): Promise<Job> {
    return call(this.connection, Job, { method: 'GET', path: `/jobs/${encodeURIComponent(id)}` })
  }

  submit(job: NewJob): Promise<Job> {
    return call(this.connection, Job, { method: 'POST', path: '/jobs', body: job })
  }

  /** What the job would become; nothing is stored. */
  check(job: NewJob): Promise<Static<typeof Checked>> {
    return call(this.connection, Checked, { method: 'POST', path: '/jobs/check', body: job })
  }

  async actOnJob(id: string, action: JobAction): Promise<void> {
    await act(this.connection, { method: 'POST', path: `/jobs/${encodeURIComponent(id)}/actions`, body: { action } })
  }

  tasks(jobId: string, query: { status?: string; limit?: number; cursor?: string }): Promise<Static<typeof TaskPage>> {
    return call(this.connection, TaskPage, { method: 'GET', path: `/jobs/${encodeURIComponent(jobId)}/tasks`, query })
  }

  frames(jobId: string, query: { limit?: number; cursor?: string }): Promise<Static<typeof FramePage>> {
    return call(this.connection, FramePage, { method: 'GET', path: `/jobs/${encodeURIComponent(jobId)}/frames`, query })
  }

  task(id: string): Promise<Task> {
    return call(this.connection, Task, { method: 'GET', path: `/tasks/${encodeURIComponent(id)}` })
  }

  async actOnTask(id: string, action: TaskAction): Promise<void> {
    await act(this.connection, { method: 'POST', path: `/tasks/${encodeURIComponent(id)}/actions`, body: { action } })
  }

  explain(taskId: string): Promise<Explanation> {
    return call(this.connection, Explanation, { method: 'GET', path: `/tasks/${encodeURIComponent(taskId)}/explain` })
  }

  /** Bytes of an attempt's plain log from `from` on; empty when there are none yet. */
  async log(taskId: string, attempt: number, from: number): Promise<LogPiece> {
    const path = `/tasks/${encodeURIComponent(taskId)}/attempts/${attempt}/log`
    const response = await send(this.connection, { method: 'GET', path, query: { from } })
    const bytes = new Uint8Array(await response.arrayBuffer())
    return { bytes, next: from + bytes.length }
  }

  async workers(): Promise<Worker[]> {
    return (await call(this.connection, Workers, { method: 'GET', path: '/workers' })).items
  }

  async approveWorker(id: string): Promise<void> {
    await act(this.connection, { method: 'POST', path: `/workers/${encodeURIComponent(id)}/approve` })
  }

  async jobTypes(): Promise<JobTypeInfo[]> {
    return (await call(this.connection, JobTypes, { method: 'GET', path: '/job-types' })).items
  }

  async tokens(): Promise<Token[]> {
    return (await call(this.connection, Tokens, { method: 'GET', path: '/tokens' })).items
  }

  createToken(token: { name: string; kind: string; role: Role; scopes: Scope[]; expiresAt?: string }): Promise<CreatedToken> {
    return call(this.connection, CreatedToken, { method: 'POST', path: '/tokens', body: token })
  }

  async revokeToken(id: string): Promise<void> {
    await act(this.connection, { method: 'DELETE', path: `/tokens/${encodeURIComponent(id)}` })
  }
}

export type { Frame, Job, JobStatus, JobSummary, JobTypeInfo, Task, TaskSummary, Worker }
