/** A real farm on a real SQLite file in a temporary folder, with a clock that the test sets. No HTTP. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Value } from 'typebox/value'
import { Policy } from '../../src/shared/policy.ts'
import { FarmSettings } from '../../src/shared/schemas/settings.ts'
import { taskPublicId } from '../../src/shared/ids.ts'
import { compileTasks } from '../../src/main/engine/compileTasks.ts'
import type { AuthoredTask } from '../../src/main/engine/compiledJob.ts'
import { Farm } from '../../src/main/engine/farm.ts'
import type { NewJobRecord, WorkerSignOn } from '../../src/main/engine/farmEngine.ts'
import { silentLogger } from '../../src/main/engine/logger.ts'
import type { JobState, WorkerState } from '../../src/main/engine/model.ts'
import { openStore, type OpenedStore } from '../../src/main/store/farmStore.ts'
import { SegmentLogReader } from '../../src/main/store/segmentLogReader.ts'

export const START = Date.UTC(2026, 0, 5, 12)

export class TestFarm {
  time = START
  settings: FarmSettings = Value.Parse(FarmSettings, Value.Default(FarmSettings, { timeoutGraceMs: 0 }))

  private constructor(
    readonly folder: string,
    public opened: OpenedStore,
    public farm: Farm,
  ) {}

  static async open(settings: Partial<FarmSettings> = {}): Promise<TestFarm> {
    const folder = await mkdtemp(join(tmpdir(), 'framehouse-farm-'))
    const test: TestFarm = Object.create(TestFarm.prototype)
    Object.assign(test, { folder, time: START })
    test.settings = Value.Parse(FarmSettings, Value.Default(FarmSettings, { timeoutGraceMs: 0, ...settings }))
    await test.boot()
    return test
  }

  get logs(): SegmentLogReader {
    return new SegmentLogReader(this.opened.read, this.opened.logFolder)
  }

  /** Stops and starts the engine on the same files, as a restart of the manager does. */
  async restart(): Promise<void> {
    await this.farm.stop()
    await this.opened.close()
    await this.boot()
  }

  async close(): Promise<void> {
    await this.farm.stop()
    await this.opened.close()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** An approved, awake native worker. */
  async worker(name: string, signOn: Partial<WorkerSignOn> = {}): Promise<WorkerState> {
    const worker = await this.farm.registerWorker({
      adapter: 'native',
      name,
      secretHash: 'x',
      platform: 'linux',
      address: '127.0.0.1',
      kinds: ['misc'],
      machine: null,
      approved: true,
    })
    await this.farm.signOn(worker.publicId, { ...SIGN_ON, name, ...signOn })
    return worker
  }

  async foreignWorker(name: string, kinds = ['misc']): Promise<WorkerState> {
    const worker = await this.farm.registerWorker({
      adapter: 'flamenco',
      name,
      secretHash: 'x',
      platform: 'linux',
      address: '127.0.0.1',
      kinds,
      machine: null,
      approved: true,
    })
    await this.farm.signOn(worker.publicId, { ...SIGN_ON, name, kinds })
    await this.farm.workerChangedStatus(worker.publicId, 'awake')
    return worker
  }

  submit(tasks: Partial<AuthoredTask>[], record: Partial<NewJobRecord> & { policyChanges?: Partial<Policy> } = {}): Promise<JobState> {
    const authored = tasks.map((task, at): AuthoredTask => ({
      name: `task ${at + 1}`,
      kind: 'misc',
      priority: 50,
      commands: [{ name: 'echo', parameters: { message: `message ${at + 1}` }, totalStepCount: 0 }],
      dependsOn: [],
      ...task,
    }))
    const { policyChanges, ...rest } = record
    return this.farm.submitJob(
      {
        publicId: randomUUID(),
        origin: 'native',
        owner: 'tester',
        name: 'job',
        type: 'test',
        project: '',
        priority: 50,
        policy: { ...Value.Parse(Policy, Value.Default(Policy, {})), ...policyChanges },
        queueOrder: 'priority',
        initialStatus: 'queued',
        tag: null,
        maxWorkers: null,
        startAfter: null,
        dependsOn: [],
        limits: [],
        checkoutId: null,
        outputDir: null,
        clientId: null,
        createdAt: this.time++,
        ...rest,
      },
      { ...compileTasks(authored), settings: {}, metadata: {} },
    )
  }

  taskId(job: JobState, index: number): string {
    return taskPublicId(job.publicId, index)
  }

  /** Takes without waiting; `index` is the task's number in its job. */
  async take(worker: WorkerState, slots = 1) {
    const reply = await this.farm.take(worker.publicId, { slots, waitMs: 0, running: [], signal: new AbortController().signal })
    return reply.assignments
  }

  async finish(worker: WorkerState, assignment: { taskId: string; attempt: number }, outcome: 'success' | 'exit-code' = 'success', exitCode = 0) {
    return this.farm.report(
      worker.publicId,
      [
        {
          seq: worker.reportSeq + 1,
          taskId: assignment.taskId,
          attempt: assignment.attempt,
          event: { type: 'finished', at: this.time, outcome, exitCode, reason: outcome === 'success' ? '' : `exit code ${exitCode}` },
        },
      ],
      0,
    )
  }

  /** Status of every task of a job on disk, in order of index. */
  async statuses(job: JobState): Promise<string[]> {
    const rows = await this.opened.read.all<{ status: string }>('select status from tasks where job_id = ? order by idx', [job.id])
    return rows.map((row) => row.status)
  }

  async jobRow(job: JobState) {
    const row = await this.opened.read.get<Record<string, unknown>>('select * from jobs where id = ?', [job.id])
    if (!row) throw new Error('the job is not in the database')
    return row
  }

  private async boot(): Promise<void> {
    this.opened = await openStore({
      dataDir: this.folder,
      readConnections: 1,
      onFailure: (error) => {
        throw error
      },
    })
    this.farm = await Farm.start({
      store: this.opened.store,
      log: silentLogger,
      now: () => this.time,
      newId: randomUUID,
      settings: () => this.settings,
      expandFor: () => (commands) => commands,
      // The test moves the clock and calls the checks itself.
      every: () => () => undefined,
      onPurge: async () => undefined,
    })
  }
}

const SIGN_ON: WorkerSignOn = { name: '', software: 'test', address: '127.0.0.1', kinds: ['misc'], canRestart: false, capacity: 1, running: [] }
