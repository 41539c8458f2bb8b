/** The command line's calls of the native API, by its table of operations. */
import { randomUUID } from 'node:crypto'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import type { Role, Scope } from '../../../shared/enums.ts'
import type { Policy } from '../../../shared/policy.ts'
import * as tokens from '../../../shared/operations/admin/tokens.ts'
import * as farm from '../../../shared/operations/farm/farm.ts'
import * as schedules from '../../../shared/operations/farm/schedules.ts'
import { changeListeners, getListeners } from '../../../shared/operations/farm/listeners.ts'
import { inspectBlend } from '../../../shared/operations/jobs/inspections.ts'
import * as contents from '../../../shared/operations/jobs/jobContents.ts'
import * as jobs from '../../../shared/operations/jobs/jobs.ts'
import { listJobTypes } from '../../../shared/operations/jobs/jobTypes.ts'
import * as logs from '../../../shared/operations/jobs/logs.ts'
import * as tasks from '../../../shared/operations/jobs/tasks.ts'
import type { ReplyOf } from '../../../shared/operations/operation.ts'
import * as s3Keys from '../../../shared/operations/colonies/s3Keys.ts'
import type { NewS3Key, S3Key } from '../../../shared/schemas/colonies/s3Keys.ts'
import { makeDialectKey } from '../../../shared/operations/admin/dialects.ts'
import * as joinCodes from '../../../shared/operations/workers/joinCodes.ts'
import { listTags } from '../../../shared/operations/workers/tagsAndLimits.ts'
import * as workers from '../../../shared/operations/workers/workers.ts'
import type { Ending, CreatedToken, Token } from '../../../shared/schemas/account.ts'
import type { DialectKey } from '../../../shared/schemas/dialect.ts'
import type { Status } from '../../../shared/schemas/farm.ts'
import type { Frame } from '../../../shared/schemas/jobs/frame.ts'
import type { DryRun, Job, JobAction, JobActionInput, JobExplanation, NewJob } from '../../../shared/schemas/jobs/job.ts'
import type { JobTypeInfo } from '../../../shared/schemas/jobs/jobType.ts'
import type { LogLines } from '../../../shared/schemas/jobs/log.ts'
import type { Explanation, Task, TaskAction, TaskActionInput, TaskSummary } from '../../../shared/schemas/jobs/task.ts'
import type { JobWarnings } from '../../../shared/schemas/jobs/warning.ts'
import type { CreatedJoinCode, JoinCode } from '../../../shared/schemas/joinCodes.ts'
import type { Listener, Listeners } from '../../../shared/schemas/listeners.ts'
import type { Firing, NewSchedule, Schedule } from '../../../shared/schemas/schedule.ts'
import type { Inspection } from '../../../shared/schemas/storage.ts'
import type { SignInRole, Tag, Worker, WorkerAction } from '../../../shared/schemas/worker.ts'
import { CliError, EXIT, UnreachableError } from '../errors.ts'
import { act, call, failure, reasonOf, send, type Connection } from './http.ts'
import { decodeRaw, rawByteLength } from '../../system/rawText.ts'
import { wholeCharacters } from '../../../shared/text/utf8.ts'
import { isAway } from './patience.ts'
import { pause } from './pause.ts'
import { serverEvents } from './serverEvents.ts'

/** Maximum attempts to send a submission while the connection keeps breaking. */
const SUBMIT_TRIES = 4
const SUBMIT_PAUSE_MS = 1_000

export interface JobFilter {
  status?: string
  /** Text in the name, type, owner or project. */
  q?: string
  type?: string
  /** `true`: only jobs that have warnings. */
  warnings?: string
  /** `true`: only deleted jobs that can be restored, instead of all others. */
  deleted?: string
  limit?: number
  cursor?: string
}

/** The states that a worker can be requested to enter. */
export type WorkerStatusRequest = Static<typeof WorkerAction>['status']

const LogPiece = Type.Object({ position: Type.Integer(), text: Type.String() })

/** A restarting manager is back within this many attempts; each waits a little longer than the previous one. */
const MAX_RECONNECTS = 20
const RECONNECT_MS = 250

export class Client {
  constructor(readonly connection: Connection) {}

  status(): Promise<Status> {
    return call(this.connection, farm.getStatus)
  }

  jobs(filter: JobFilter): Promise<ReplyOf<typeof jobs.listJobs>> {
    return call(this.connection, jobs.listJobs, { query: { sort: '-createdAt', ...filter } })
  }

  job(id: string): Promise<Job> {
    return call(this.connection, jobs.getJob, { params: { jobId: id } })
  }

  /** Retried when the connection breaks before the reply. The idempotency key makes the manager create one job however many requests arrive. */
  async submit(job: NewJob): Promise<Job> {
    const request = { body: job, headers: { 'idempotency-key': randomUUID() } }
    for (let tries = 1; ; tries++) {
      try {
        return await call(this.connection, jobs.submitJob, request)
      } catch (error) {
        const isWorthIt = tries > 1 ? error instanceof UnreachableError : error instanceof UnreachableError && error.brokenOff
        if (!isWorthIt || tries === SUBMIT_TRIES) throw error
        await pause(SUBMIT_PAUSE_MS * tries, this.connection.signal)
      }
    }
  }

  /** Previews the job without storing anything. */
  check(job: NewJob): Promise<DryRun> {
    return call(this.connection, jobs.checkJob, { body: job })
  }

  async actOnJob(id: string, action: JobAction, choices: Omit<JobActionInput, 'action'> = {}): Promise<void> {
    await act(this.connection, jobs.actOnJob, { params: { jobId: id }, body: { action, ...choices } })
  }

  /** Changes rules of a job; those that are not named stay. @param id of the job, or of one of its tasks */
  async changePolicy(id: string, policy: Partial<Policy>): Promise<void> {
    const change = (jobId: string) => act(this.connection, jobs.changeJob, { params: { jobId }, body: { policy } })
    await change(id).catch(async (error: unknown) => {
      if (!(error instanceof CliError) || error.exitCode !== EXIT.notFound) throw error
      await change((await this.task(id)).jobId)
    })
  }

  /** Has a worker with Blender inspect a .blend, and returns the values that the job type asks for. */
  inspect(type: string, blendfile: string): Promise<Inspection> {
    return call(this.connection, inspectBlend, { body: { type, blendfile } })
  }

  /** The first `limit` warnings about a job's result. */
  warnings(jobId: string, limit: number): Promise<JobWarnings> {
    return call(this.connection, contents.listJobWarnings, { params: { jobId }, query: { limit } })
  }

  tasks(jobId: string, query: { status?: string; limit?: number; cursor?: string }): Promise<ReplyOf<typeof contents.listTasks>> {
    return call(this.connection, contents.listTasks, { params: { jobId }, query })
  }

  frames(jobId: string, query: { limit?: number; cursor?: string }): Promise<ReplyOf<typeof contents.listFrames>> {
    return call(this.connection, contents.listFrames, { params: { jobId }, query })
  }

  task(id: string): Promise<Task> {
    return call(this.connection, tasks.getTask, { params: { taskId: id } })
  }

  async actOnTask(id: string, action: TaskAction, choices: Omit<TaskActionInput, 'action'> = {}): Promise<void> {
    await act(this.connection, tasks.actOnTask, { params: { taskId: id }, body: { action, ...choices } })
  }

  explain(taskId: string): Promise<Explanation> {
    return call(this.connection, tasks.explainTask, { params: { taskId } })
  }

  explainJob(jobId: string): Promise<JobExplanation> {
    return call(this.connection, contents.explainJob, { params: { jobId } })
  }

  /** Streams an attempt's plain log as it is now. */
  async *log(taskId: string, attempt: number): AsyncGenerator<string> {
    yield* this.body(await send(this.connection, logs.getLog, { params: { taskId, attempt } }))
  }

  /** Streams the log from its start and follows it until the attempt ends. */
  async *followLog(taskId: string, attempt: number): AsyncGenerator<string> {
    let from = 0
    for (let failures = 0; ;) {
      try {
        const response = await send(this.connection, logs.followLog, { params: { taskId, attempt }, query: { from } })
        for await (const event of serverEvents(this.body(response))) {
          failures = 0
          if (event.type === 'end') return
          const piece = Value.Parse(LogPiece, JSON.parse(event.data))
          from = event.id === '' ? piece.position + rawByteLength(piece.text) : Number(event.id)
          yield piece.text
        }
        // The stream ended before the attempt did: the manager stopped, or a proxy closed the connection.
        throw failure(this.connection, 'the connection was closed')
      } catch (error) {
        if (!isAway(error) || ++failures > MAX_RECONNECTS) throw error
        await pause(RECONNECT_MS * failures, this.connection.signal)
      }
    }
  }

  /** Lines of an attempt's log with time and stream. */
  logLines(taskId: string, attempt: number, from: number): Promise<LogLines> {
    return call(this.connection, logs.getLogLines, { params: { taskId, attempt }, query: { from } })
  }

  private async *body(response: Response): AsyncGenerator<string> {
    if (!response.body) return
    let rest: Buffer = Buffer.alloc(0)
    try {
      for await (const bytes of response.body) {
        const all = Buffer.concat([rest, bytes])
        // A piece may end in the middle of a character.
        const end = wholeCharacters(all)
        rest = all.subarray(end)
        if (end > 0) yield decodeRaw(all.subarray(0, end))
      }
    } catch (error) {
      throw failure(this.connection, reasonOf(error))
    }
    if (rest.length > 0) yield decodeRaw(rest)
  }

  async tags(): Promise<Tag[]> {
    return (await call(this.connection, listTags)).items
  }

  async workers(): Promise<Worker[]> {
    return (await call(this.connection, workers.listWorkers)).items
  }

  async grantSignIn(id: string, role: SignInRole): Promise<void> {
    await act(this.connection, workers.grantSignIn, { params: { workerId: id }, body: { role } })
  }

  async approveWorker(id: string): Promise<void> {
    await act(this.connection, workers.approveWorker, { params: { workerId: id } })
  }

  actOnWorker(id: string, status: WorkerStatusRequest, lazy: boolean): Promise<Worker> {
    return call(this.connection, workers.actOnWorker, { params: { workerId: id }, body: { status, lazy } })
  }

  async jobTypes(): Promise<JobTypeInfo[]> {
    return (await call(this.connection, listJobTypes)).items
  }

  async schedules(): Promise<Schedule[]> {
    return (await call(this.connection, schedules.listSchedules)).items
  }

  schedule(id: string): Promise<Schedule> {
    return call(this.connection, schedules.getSchedule, { params: { scheduleId: id } })
  }

  createSchedule(schedule: NewSchedule): Promise<Schedule> {
    return call(this.connection, schedules.createSchedule, { body: schedule })
  }

  actOnSchedule(id: string, action: 'pause' | 'resume'): Promise<Schedule> {
    return call(this.connection, action === 'pause' ? schedules.pauseSchedule : schedules.resumeSchedule, { params: { scheduleId: id } })
  }

  runSchedule(id: string): Promise<Firing> {
    return call(this.connection, schedules.runSchedule, { params: { scheduleId: id } })
  }

  async deleteSchedule(id: string): Promise<void> {
    await act(this.connection, schedules.deleteSchedule, { params: { scheduleId: id } })
  }

  async nextFirings(id: string, count: number): Promise<string[]> {
    return (await call(this.connection, schedules.listNextFirings, { params: { scheduleId: id }, query: { count } })).items
  }

  async firings(id: string, limit: number): Promise<Firing[]> {
    return (await call(this.connection, schedules.listFirings, { params: { scheduleId: id }, query: { limit } })).items
  }

  async tokens(): Promise<Token[]> {
    return (await call(this.connection, tokens.listTokens)).items
  }

  async joinCodes(): Promise<JoinCode[]> {
    return (await call(this.connection, joinCodes.listJoinCodes)).items
  }

  createJoinCode(wanted: { label?: string; maxUses: number; validMs: number }): Promise<CreatedJoinCode> {
    return call(this.connection, joinCodes.createJoinCode, { body: wanted })
  }

  async revokeJoinCode(id: string): Promise<void> {
    await act(this.connection, joinCodes.revokeJoinCode, { params: { joinCodeId: id } })
  }

  /** A new key of the owner of an API family. @throws CliError for one that has no such key */
  makeDialectKey(dialect: string): Promise<DialectKey> {
    return call(this.connection, makeDialectKey, { params: { dialect } })
  }

  async s3Keys(colony: string): Promise<S3Key[]> {
    return (await call(this.connection, s3Keys.listS3Keys, { params: { colony } })).items
  }

  makeS3Key(colony: string, member: string): Promise<NewS3Key> {
    return call(this.connection, s3Keys.makeS3Key, { params: { colony }, body: { member } })
  }

  async removeS3Key(colony: string, accessKey: string): Promise<void> {
    await act(this.connection, s3Keys.removeS3Key, { params: { colony, accessKey } })
  }

  listeners(): Promise<Listeners> {
    return call(this.connection, getListeners)
  }

  changeListeners(listeners: readonly Listener[]): Promise<Listeners> {
    return call(this.connection, changeListeners, { body: { listeners: [...listeners] } })
  }

  createToken(token: { name: string; kind: 'token' | 'key'; role: Role; scopes: Scope[]; expiresAt?: string }): Promise<CreatedToken> {
    return call(this.connection, tokens.createToken, { body: token })
  }

  /** The tokens and jobs that revoking a token affects. */
  tokenEnding(id: string): Promise<Ending> {
    return call(this.connection, tokens.previewTokenEnd, { params: { id } })
  }

  async revokeToken(id: string, jobs: 'keep' | 'cancel'): Promise<void> {
    await act(this.connection, tokens.revokeToken, { params: { id }, query: { jobs } })
  }
}

export type { Firing, Frame, Job, Schedule, JobTypeInfo, Task, TaskSummary, Worker }
