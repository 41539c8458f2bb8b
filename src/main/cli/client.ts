/** The native API (`/api/v1`) as the command line uses it. The one place here that knows its paths. */
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import type { Role, Scope } from '../../shared/enums.ts'
import { CreatedToken, Token } from '../../shared/schemas/account.ts'
import { pageOf } from '../../shared/schemas/common.ts'
import { Status } from '../../shared/schemas/farm.ts'
import { DryRun, Explanation, Frame, Job, JobExplanation, JobSummary, Task, TaskSummary } from '../../shared/schemas/job.ts'
import type { JobAction, NewJob, TaskAction } from '../../shared/schemas/job.ts'
import { JobTypeSchema, type JobTypeInfo } from '../../shared/schemas/jobType.ts'
import type { WorkerAction } from '../../shared/schemas/worker.ts'
import { Tag, Worker } from '../../shared/schemas/worker.ts'
import { Firing, FiringPage, NextFirings, Schedule, type NewSchedule } from '../../shared/schemas/schedule.ts'
import { LogLines } from '../../shared/schemas/log.ts'
import { Inspection } from '../../shared/schemas/storage.ts'
import { act, call, failure, reasonOf, send, type Connection } from './http.ts'
import { isAway } from './patience.ts'
import { pause } from './pause.ts'
import { serverEvents } from './serverEvents.ts'

const JobPage = pageOf(JobSummary)
const TaskPage = pageOf(TaskSummary)
const FramePage = pageOf(Frame)
const Tags = Type.Object({ items: Type.Array(Tag) })
const Workers = Type.Object({ items: Type.Array(Worker) })
const JobTypes = Type.Object({ items: Type.Array(JobTypeSchema) })
const Schedules = Type.Object({ items: Type.Array(Schedule) })
const Tokens = Type.Object({ items: Type.Array(Token) })

export interface JobFilter {
  status?: string
  /** Text in name, type, owner or project. */
  q?: string
  type?: string
  /** `true`: those that can be brought back, instead of the others. */
  deleted?: string
  limit?: number
  cursor?: string
}

/** What a worker can be asked to become. */
export type WorkerRequest = Static<typeof WorkerAction>['status']

const LogPiece = Type.Object({ position: Type.Integer(), text: Type.String() })

/** A manager that is started again is back within this many tries, each a little later than the one before. */
const MAX_RECONNECTS = 20
const RECONNECT_MS = 250

function logPath(taskId: string, attempt: number): string {
  return `/tasks/${encodeURIComponent(taskId)}/attempts/${attempt}/log`
}

export class Client {
  constructor(readonly connection: Connection) {}

  status(): Promise<Status> {
    return call(this.connection, Status, { method: 'GET', path: '/status' })
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
  check(job: NewJob): Promise<DryRun> {
    return call(this.connection, DryRun, { method: 'POST', path: '/jobs/check', body: job })
  }

  async actOnJob(id: string, action: JobAction): Promise<void> {
    await act(this.connection, { method: 'POST', path: `/jobs/${encodeURIComponent(id)}/actions`, body: { action } })
  }

  /** What a worker with Blender finds in a .blend: the values that the job type wants to know of it. */
  inspect(type: string, blendfile: string): Promise<Inspection> {
    return call(this.connection, Inspection, { method: 'POST', path: '/inspections', body: { type, blendfile } })
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

  explainJob(jobId: string): Promise<JobExplanation> {
    return call(this.connection, JobExplanation, { method: 'GET', path: `/jobs/${encodeURIComponent(jobId)}/explain` })
  }

  /** An attempt's plain log as it is now, piece by piece. */
  async *log(taskId: string, attempt: number): AsyncGenerator<string> {
    yield* this.body(await send(this.connection, { method: 'GET', path: logPath(taskId, attempt) }))
  }

  /** The same from its start, and what is added until the attempt ends. */
  async *followLog(taskId: string, attempt: number): AsyncGenerator<string> {
    let from = 0
    for (let failures = 0; ;) {
      try {
        const response = await send(this.connection, { method: 'GET', path: `${logPath(taskId, attempt)}/follow`, query: { from } })
        for await (const event of serverEvents(this.body(response))) {
          failures = 0
          if (event.type === 'end') return
          const piece = Value.Parse(LogPiece, JSON.parse(event.data))
          from = event.id === '' ? piece.position + Buffer.byteLength(piece.text) : Number(event.id)
          yield piece.text
        }
        // The stream ended without the word that the attempt did: the manager stopped, or a proxy cut it.
        throw failure(this.connection, 'the connection was closed')
      } catch (error) {
        if (!isAway(error) || ++failures > MAX_RECONNECTS) throw error
        await pause(RECONNECT_MS * failures, this.connection.signal)
      }
    }
  }

  /** Lines of an attempt's log with their times and streams. */
  logLines(taskId: string, attempt: number, from: number): Promise<LogLines> {
    return call(this.connection, LogLines, { method: 'GET', path: `${logPath(taskId, attempt)}/lines`, query: { from } })
  }

  private async *body(response: Response): AsyncGenerator<string> {
    if (!response.body) return
    const decoder = new TextDecoder()
    try {
      // A piece may end in the middle of a character; the decoder keeps the rest for the next one.
      for await (const bytes of response.body) yield decoder.decode(bytes, { stream: true })
    } catch (error) {
      throw failure(this.connection, reasonOf(error))
    }
    const rest = decoder.decode()
    if (rest) yield rest
  }

  async tags(): Promise<Tag[]> {
    return (await call(this.connection, Tags, { method: 'GET', path: '/tags' })).items
  }

  async workers(): Promise<Worker[]> {
    return (await call(this.connection, Workers, { method: 'GET', path: '/workers' })).items
  }

  async approveWorker(id: string): Promise<void> {
    await act(this.connection, { method: 'POST', path: `/workers/${encodeURIComponent(id)}/approve` })
  }

  actOnWorker(id: string, status: WorkerRequest, lazy: boolean): Promise<Worker> {
    return call(this.connection, Worker, { method: 'POST', path: `/workers/${encodeURIComponent(id)}/actions`, body: { status, lazy } })
  }

  async jobTypes(): Promise<JobTypeInfo[]> {
    return (await call(this.connection, JobTypes, { method: 'GET', path: '/job-types' })).items
  }

  async schedules(): Promise<Schedule[]> {
    return (await call(this.connection, Schedules, { method: 'GET', path: '/schedules' })).items
  }

  schedule(id: string): Promise<Schedule> {
    return call(this.connection, Schedule, { method: 'GET', path: `/schedules/${encodeURIComponent(id)}` })
  }

  createSchedule(schedule: NewSchedule): Promise<Schedule> {
    return call(this.connection, Schedule, { method: 'POST', path: '/schedules', body: schedule })
  }

  actOnSchedule(id: string, action: 'pause' | 'resume'): Promise<Schedule> {
    return call(this.connection, Schedule, { method: 'POST', path: `/schedules/${encodeURIComponent(id)}/${action}` })
  }

  runSchedule(id: string): Promise<Firing> {
    return call(this.connection, Firing, { method: 'POST', path: `/schedules/${encodeURIComponent(id)}/run` })
  }

  async deleteSchedule(id: string): Promise<void> {
    await act(this.connection, { method: 'DELETE', path: `/schedules/${encodeURIComponent(id)}` })
  }

  async nextFirings(id: string, count: number): Promise<string[]> {
    return (
      await call(this.connection, NextFirings, { method: 'GET', path: `/schedules/${encodeURIComponent(id)}/next`, query: { count } })
    ).items
  }

  async firings(id: string, limit: number): Promise<Firing[]> {
    return (
      await call(this.connection, FiringPage, { method: 'GET', path: `/schedules/${encodeURIComponent(id)}/firings`, query: { limit } })
    ).items
  }

  async tokens(): Promise<Token[]> {
    return (await call(this.connection, Tokens, { method: 'GET', path: '/tokens' })).items
  }

  createToken(token: { name: string; kind: 'token' | 'key'; role: Role; scopes: Scope[]; expiresAt?: string }): Promise<CreatedToken> {
    return call(this.connection, CreatedToken, { method: 'POST', path: '/tokens', body: token })
  }

  async revokeToken(id: string): Promise<void> {
    await act(this.connection, { method: 'DELETE', path: `/tokens/${encodeURIComponent(id)}` })
  }
}

export type { Firing, Frame, Job, Schedule, JobSummary, JobTypeInfo, Task, TaskSummary, Worker }
