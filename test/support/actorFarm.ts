/** A manager with a small dialect whose tasks are messages of actors, and a worker for containers: the worker's side without the actors API. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Value } from 'typebox/value'
import { compileTasks } from '../../src/main/engine/compile/compileTasks.ts'
import type { ContainerConfig } from '../../src/main/docker/config.ts'
import type { Dialect } from '../../src/main/http/dialect.ts'
import { nativeReply } from '../../src/main/http/errors.ts'
import { DIALECTS, startManager, type Manager } from '../../src/main/manager.ts'
import { resultsOf } from '../../src/main/store/queries/jobs/attemptResults.ts'
import { startWorker, type RunningWorker } from '../../src/main/worker/index.ts'
import { workerParts } from '../../src/main/worker/parts.ts'
import { taskPublicId } from '../../src/shared/ids.ts'
import { Policy } from '../../src/shared/policy.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { ACTOR_KIND, type ActorGrant, type ActorRunParameters, type ActorRunResult } from '../../src/shared/schemas/actorRun.ts'
import type { TaskInput } from '../../src/main/store/sideRows.ts'
import { RecordingLogger } from './workerParts.ts'

/** What a test gives as a message; the environment is added as the task is handed out. */
export interface Message extends Partial<ActorRunParameters> {
  image: string
  env?: ActorGrant['env']
  /** False: the execution has no token. */
  token?: boolean
  blob?: { sha: string; size: number }
  policy?: Partial<Policy>
}

export interface Execution {
  taskId: string
  status: string
  outcome: string | null
  exitCode: number | null
  reason: string
  result: ActorRunResult | null
  log: string
  results: Buffer[]
}

export class ActorFarm {
  readonly log = new RecordingLogger()
  /** Paths and credentials of the calls that came from containers. */
  readonly calls: { path: string; caller: string; attempt: number | undefined; forwardedFor: unknown }[] = []
  private readonly messages = new Map<string, Message>()
  private readonly workers: RunningWorker[] = []

  private constructor(
    readonly folder: string,
    public manager: Manager,
  ) {}

  static async start(): Promise<ActorFarm> {
    const folder = await mkdtemp(join(tmpdir(), 'framehouse-actors-'))
    const farm: ActorFarm = Object.create(ActorFarm.prototype)
    Object.assign(farm, { folder, log: new RecordingLogger(), calls: [], messages: new Map(), workers: [] })
    farm.manager = await startManager({
      dataDir: join(folder, 'manager'),
      listen: { host: '127.0.0.1', port: 0 },
      trustLoopback: true,
      log: silentLogger,
      version: '0.0.0-test',
      dialects: [...DIALECTS.filter(({ name }) => name !== 'actors'), farm.dialect()],
    })
    return farm
  }

  async worker(containers: ContainerConfig, name = 'actors', slots = 4): Promise<RunningWorker> {
    const config = { managerUrl: this.manager.url, dataDir: join(this.folder, name), name, slots, containers }
    const worker = await startWorker(config, { ...workerParts(), log: this.log, version: '0.0.0-test' })
    this.workers.push(worker)
    return worker
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.splice(0).map((worker) => worker.stop()))
    await this.manager.stop()
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  /** Submits one message; resolves to its task. */
  async send({ policy = {}, ...message }: Message, kind = ACTOR_KIND): Promise<string> {
    const publicId = randomUUID()
    const commands = [{ name: 'actor-run', parameters: {}, totalStepCount: 0 }]
    const compiled = compileTasks([{ name: 'message', kind, priority: 50, commands, dependsOn: [] }])
    const sideRows = message.blob ? [{ kind: 'task-input', values: { index: 0, ...message.blob } satisfies TaskInput }] : []
    const record = {
      ...RECORD,
      publicId,
      policy: Value.Parse(Policy, Value.Default(Policy, { ...ACTOR_POLICY, ...policy })),
      createdAt: Date.now(),
    }
    this.messages.set(publicId, message)
    await this.manager.context.farm.jobs.submit(record, { ...compiled, sideRows, settings: {}, metadata: {} })
    return taskPublicId(publicId, 1)
  }

  async run(message: Message): Promise<Execution> {
    const taskId = await this.send(message)
    return this.end(taskId)
  }

  /** Waits for the end of a task and of what it reports. */
  async end(taskId: string): Promise<Execution> {
    await this.until(taskId, ({ status }) => ['completed', 'failed', 'canceled'].includes(status))
    return this.execution(taskId)
  }

  async until(taskId: string, isThere: (task: { status: string; activity: string; attempts: number }) => boolean): Promise<void> {
    for (let tries = 0; tries < 1200; tries++) {
      const row = await this.row(taskId)
      if (isThere(row)) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`${taskId} did not get there: ${JSON.stringify(await this.row(taskId))}`)
  }

  private async row(taskId: string): Promise<{ id: number; status: string; activity: string; attempts: number }> {
    const { farm, read } = this.manager.context
    const job = await farm.jobs.find(taskJob(this.messages.keys(), taskId))
    const row = await read.get<{ id: number; status: string; activity: string; attempts: number }>(
      'select id, status, activity, attempts from tasks where job_id = ? and idx = 1',
      [job?.id ?? 0],
    )
    if (!row) throw new Error(`no task ${taskId}`)
    return row
  }

  async execution(taskId: string): Promise<Execution> {
    const { read } = this.manager.context
    const { id, status, attempts } = await this.row(taskId)
    const attempt = await read.get<{ outcome: string | null; exit_code: number | null; reason: string; result: string | null }>(
      'select outcome, exit_code, reason, result from attempts where task_id = ? and number = ?',
      [id, attempts],
    )
    const reply = await fetch(new URL(`api/v1/tasks/${taskId}/attempts/${attempts}/log`, this.manager.url))
    return {
      taskId,
      status,
      outcome: attempt?.outcome ?? null,
      exitCode: attempt?.exit_code ?? null,
      reason: attempt?.reason ?? '',
      // Written by the worker in this form.
      result: attempt?.result == null ? null : (JSON.parse(attempt.result) as ActorRunResult),
      log: await reply.text(),
      results: (await resultsOf(read, id, 100_000)).map(({ body }) => body),
    }
  }

  /** Everything that is decided as a message is handed out, and the one route that containers call. */
  private dialect(): Dialect {
    return {
      name: 'actors',
      owns: (url) => url.startsWith('/actors'),
      error: (_error, _facts, failure) => nativeReply(failure),
      open: ({ security }) => ({
        handOut: {
          [ACTOR_KIND]: ({ jobId, taskId, attempt }) => {
            const { env = [], token: hasToken = true, blob, ...parameters } = this.messages.get(jobId) ?? { image: 'none' }
            const token = hasToken ? security.attemptTokens.mint(taskId, attempt, 'local', 'tester') : null
            const given: ActorGrant['env'] = [['_abaco_api_server', 'https://public.example'], ['_abaco_access_token', token ?? ''], ...env]
            const commands = [{ name: 'actor-run', parameters: { ...parameters, ...(blob && { binaryMessage: blob }) }, totalStepCount: 0 }]
            return { commands, actor: { env: given, token } }
          },
        },
        register: (app) => {
          app.route({
            method: ['GET', 'POST'],
            url: '/actors/*',
            config: { access: 'public' },
            handler: ({ url, caller, headers }) => {
              const call = { path: url, caller: caller.via, attempt: caller.attempt?.attempt, forwardedFor: headers['x-forwarded-for'] }
              this.calls.push(call)
              return { status: 'success', result: call, version: 'test', message: '' }
            },
          })
        },
      }),
    }
  }
}

const ACTOR_POLICY = { failAfterWorkers: 1, failJobAtPercent: 101, successOutcomes: ['exit-code', 'timed-out'] }

const RECORD = {
  origin: 'actors',
  owner: 'tester',
  ownerId: 'local',
  adminRights: false,
  submittedWith: '',
  name: 'an actor',
  type: 'actor',
  project: '',
  priority: 50,
  queueOrder: 'priority' as const,
  initialStatus: 'queued' as const,
  tag: null,
  maxWorkers: null,
  startAfter: null,
  dependsOn: [],
  limits: [],
  checkoutId: null,
  outputDir: null,
  clientId: null,
}

function taskJob(jobs: Iterable<string>, taskId: string): string {
  for (const job of jobs) if (taskPublicId(job, 1) === taskId) return job
  throw new Error(`no job of ${taskId}`)
}
