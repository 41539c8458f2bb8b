/** A real farm on a real SQLite file in a temporary folder, with a clock that the test sets. No HTTP. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Value } from 'typebox/value'
import type { Outcome } from '../../src/shared/enums.ts'
import { Policy } from '../../src/shared/policy.ts'
import { createFrameLooks } from '../../src/main/files/looks/frameLooks.ts'
import { goPlatform } from '../../src/shared/paths/crosspath.ts'
import type { Assignment, Fence, ReportEvent } from '../../src/shared/schemas/agent.ts'
import { FarmSettings } from '../../src/shared/schemas/settings.ts'
import type { MachineReport } from '../../src/shared/schemas/worker.ts'
import { taskPublicId } from '../../src/shared/ids.ts'
import { compileTasks } from '../../src/main/engine/compile/compileTasks.ts'
import type { AuthoredTask } from '../../src/main/engine/base/compiledJob.ts'
import { Farm } from '../../src/main/engine/farm.ts'
import type { NewJobRecord, WorkerSignOn } from '../../src/main/engine/base/farmRecords.ts'
import type { ClockJump } from '../../src/main/engine/base/watchedClock.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import type { FramehouseEvent } from '../../src/shared/events.ts'
import type { JobState, WorkerState } from '../../src/main/engine/base/model.ts'
import type { LogSegments } from '../../src/main/logs/segments.ts'
import { deferred } from '../../src/shared/async.ts'
import type { Connection } from '../../src/main/store/connection.ts'
import { openStore, type OpenedStore } from '../../src/main/store/openStore.ts'
import { SegmentLogReader } from '../../src/main/logs/segmentLogReader.ts'

export const START = Date.UTC(2026, 0, 5, 12)
/** Real files, but in memory where there is such a place: these tests are about states, not about the platter. */
const TEMP = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

export interface WorkerOptions extends Partial<WorkerSignOn> {
  approved?: boolean
  /** Number of the machine it runs on. */
  onMachine?: number
}

export class TestFarm {
  time = START
  /** Jobs whose files were to be deleted. */
  purged: { publicId: string; checkoutId: string | null }[] = []
  /** Public id of a job whose files cannot be deleted. */
  undeletable: string | undefined
  settings: FarmSettings = Value.Parse(FarmSettings, Value.Default(FarmSettings, { timeoutGraceMs: 0 }))

  /**
   * Files are looked at before what made them counts; the shared storage is a folder of the farm's. `pictures`: there are no files, and what
   * is known of a job's frames is compared.
   */
  looksAtFiles: boolean | 'pictures' = false

  private tellJump: (jump: ClockJump) => void = () => undefined

  private constructor(
    readonly folder: string,
    public opened: OpenedStore,
    public farm: Farm,
  ) {}

  static async open(settings: Partial<FarmSettings> = {}, looksAtFiles: TestFarm['looksAtFiles'] = false): Promise<TestFarm> {
    const folder = await mkdtemp(join(TEMP, 'framehouse-farm-'))
    const test: TestFarm = Object.create(TestFarm.prototype)
    Object.assign(test, { folder, time: START, purged: [], looksAtFiles })
    test.settings = Value.Parse(FarmSettings, Value.Default(FarmSettings, { timeoutGraceMs: 0, ...settings }))
    await test.boot()
    return test
  }

  get logs(): SegmentLogReader {
    return new SegmentLogReader(this.opened.read, this.opened.logFolder)
  }

  /** Everything the farm tells from now on. */
  events(): FramehouseEvent[] {
    const events: FramehouseEvent[] = []
    this.farm.onAny((event) => events.push(event))
    return events
  }

  /** Lets time pass; nothing happens by the clock unless a check is called. */
  pass(ms: number): void {
    this.time += ms
  }

  /** The clock is set by so much, or (`stopped`) the program stands still for that long. */
  jump(ms: number, stopped = false): void {
    this.time += ms
    this.tellJump({ now: this.time, shiftMs: ms, steppedMs: stopped ? 0 : ms, stoppedMs: stopped ? ms : 0 })
  }

  /**
   * The manager dies: of what it writes from now on, `transactions` more reach the disk, and a caller that waits for more waits
   * for ever. Resolves when it is dead. `revive` starts a new engine on what the disk has.
   */
  dieAfter(transactions: number): Promise<void> {
    // The writer's connection concerns only the writer, and a crash.
    const connection: Connection = Reflect.get(this.opened.writer, 'connection')
    const run = connection.run.bind(connection)
    let left = transactions
    let inside = false
    let dead = false
    const died = deferred<void>()
    connection.run = (sql, values) => {
      const begins = sql === 'begin immediate'
      if (!dead && !inside && left-- <= 0) {
        dead = true
        died.resolve()
      }
      if (dead) return new Promise(() => undefined)
      if (begins) inside = true
      else if (sql === 'commit' || sql === 'rollback') inside = false
      return run(sql, values)
    }
    return died.promise
  }

  async revive(): Promise<void> {
    const connection: Connection = Reflect.get(this.opened.writer, 'connection')
    const segments: LogSegments = Reflect.get(Reflect.get(this.opened.store, 'logs'), 'segments')
    // The dead one asks nothing any more; what it asked is answered before the file is closed.
    const { read } = this.opened
    await read.all('select 1')
    read.all = read.get = () => deferred<never>().promise
    await new Promise((resolve) => setImmediate(resolve))
    await read.close()
    await connection.close()
    await segments.close()
    await this.boot()
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
  async worker(name: string, { approved = true, onMachine, ...signOn }: WorkerOptions = {}): Promise<WorkerState> {
    const machine = onMachine === undefined ? null : machineReport(onMachine)
    const worker = await this.farm.workers.register({
      adapter: 'native',
      name,
      secretHash: 'x',
      platform: 'linux',
      address: '127.0.0.1',
      kinds: ['misc'],
      machine,
      approved,
    })
    await this.farm.workers.signOn(worker.publicId, { ...SIGN_ON, name, ...signOn })
    return worker
  }

  /** The worker as the engine of now knows it: after a restart the old object is history. */
  again(worker: WorkerState): WorkerState {
    const found = this.farm.workers.find(worker.publicId)
    if (!found) throw new Error(`worker ${worker.name} is not there`)
    return found
  }

  async foreignWorker(name: string, kinds = ['misc'], approved = true): Promise<WorkerState> {
    const worker = await this.farm.workers.register({
      adapter: 'flamenco',
      name,
      secretHash: 'x',
      platform: 'linux',
      address: '127.0.0.1',
      kinds,
      machine: null,
      approved,
    })
    await this.farm.workers.signOn(worker.publicId, { ...SIGN_ON, name, kinds })
    if (approved) await this.farm.workers.changedStatus(worker.publicId, 'awake')
    return worker
  }

  submit(tasks: Partial<AuthoredTask>[], record: Partial<NewJobRecord> & { policyChanges?: Partial<Policy> } = {}): Promise<JobState> {
    const compiled = { ...compileTasks(authored(tasks)), settings: {}, metadata: {} }
    return this.farm.jobs.submit(this.record({ createdAt: this.time++, ...record }), compiled)
  }

  record({ policyChanges, ...record }: Partial<NewJobRecord> & { policyChanges?: Partial<Policy> }): NewJobRecord {
    return {
      publicId: randomUUID(),
      origin: 'native',
      owner: 'tester',
      ownerId: 'user:tester',
      adminRights: false,
      submittedWith: '',
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
      createdAt: this.time,
      ...record,
    }
  }

  taskId(job: JobState, index: number): string {
    return taskPublicId(job.publicId, index)
  }

  /** Takes without waiting; `index` is the task's number in its job. */
  async take(worker: WorkerState, slots = 1) {
    const reply = await this.farm.native.take(worker.publicId, { slots, waitMs: 0, running: [] })
    return reply.assignments
  }

  /** Takes one task, which must be there. */
  async takeOne(worker: WorkerState): Promise<Assignment> {
    const [assignment] = await this.take(worker)
    if (!assignment) throw new Error(`there is no task for ${worker.name}`)
    return assignment
  }

  /** One event of an attempt. The seq follows the worker's last one. */
  say(worker: WorkerState, fence: Fence, event: ReportEvent, take = 0) {
    return this.farm.native.report(
      worker.publicId,
      [{ seq: worker.reportSeq + 1, taskId: fence.taskId, attempt: fence.attempt, event }],
      take,
    )
  }

  async finish(worker: WorkerState, assignment: Fence, outcome: Outcome = 'success', exitCode: number | null = 0) {
    const reason = outcome === 'success' ? '' : `ended with ${outcome}`
    return this.say(worker, assignment, { type: 'finished', at: this.time, outcome, exitCode, reason })
  }

  fail(worker: WorkerState, assignment: Fence, exitCode = 1) {
    return this.finish(worker, assignment, 'exit-code', exitCode)
  }

  /** Takes and finishes until nothing is left for these workers, waiting for what completions release. */
  async work(...workers: WorkerState[]): Promise<string[]> {
    const done: string[] = []
    for (let idle = 0; idle < 3;) {
      let took = 0
      for (const worker of workers) {
        for (const assignment of await this.take(worker, worker.capacity)) {
          took++
          done.push(assignment.taskId)
          await this.finish(worker, assignment)
        }
      }
      idle = took === 0 ? idle + 1 : 0
      if (took === 0) await this.settled()
    }
    return done
  }

  /** Resolves when every recorded change is on disk and what it set off is done. */
  async settled(): Promise<void> {
    const { transitions, book: jobs } = this.farm.parts
    let busy = true
    for (let quiet = 0; quiet < 3; quiet = busy ? 0 : quiet + 1) {
      await this.opened.store.durable()
      busy = await transitions.released()
      // The tasks of a job that ended early are changed all at once, after its own status.
      for (const { busy: update } of jobs.all()) {
        busy ||= update !== undefined
        await update
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Resolves when the dependents that completions released so far are loaded, whether or not the disk takes writes. */
  async released(): Promise<void> {
    await this.farm.parts.transitions.released()
  }

  /** The farm's own lines and the worker's, of one attempt. */
  async log(taskId: string, attempt = 1): Promise<string> {
    return (await this.logs.read(taskId, attempt, 0, 1_000_000)).toString()
  }

  /** Status of every task of a job on disk, in order of index. */
  async statuses(job: JobState): Promise<string[]> {
    const rows = await this.opened.read.all<{ status: string }>('select status from tasks where job_id = ? order by idx', [job.id])
    return rows.map((row) => row.status)
  }

  /** Status, from memory, of the job. */
  async status(job: JobState): Promise<string | undefined> {
    return (await this.farm.jobs.find(job.publicId))?.status
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
    const started = deferred<Farm>()
    const host = () => ({ platform: goPlatform(process.platform), storagePath: join(this.folder, 'storage'), dataFolder: this.folder })
    this.farm = await Farm.start({
      ...(this.looksAtFiles && {
        looks: {
          ...createFrameLooks(started.promise, { settings: () => this.settings, host, read: this.opened.read, log: silentLogger }),
          ...(this.looksAtFiles === 'pictures' && { promises: () => false, job: () => Promise.resolve({ ok: true }) }),
        },
      }),
      store: this.opened.store,
      log: silentLogger,
      now: () => this.time,
      onClockJump: (listener) => {
        this.tellJump = listener
      },
      newId: randomUUID,
      settings: () => this.settings,
      expandFor: () => (commands) => commands,
      pathFor: (path) => path,
      pathOn: (path) => path,
      checkoutFolder: (id) => `/storage/jobs/${id}`,
      // The test moves the clock and calls the checks itself.
      every: () => () => undefined,
      onPurge: async (job) => {
        if (job.publicId === this.undeletable) throw new Error('EBUSY')
        this.purged.push(job)
      },
    })
    started.resolve(this.farm)
    this.farm.schedules.start(
      async (job, { owner, origin }) => ({
        record: this.record({ name: job.name, type: job.type, owner, origin, createdAt: this.time }),
        compiled: { ...compileTasks(authored([{}])), settings: {}, metadata: {} },
      }),
      () => () => undefined,
    )
  }
}

/** Tasks with what a test does not care about filled in. */
export function authored(tasks: Partial<AuthoredTask>[]): AuthoredTask[] {
  return tasks.map((task, at) => ({
    name: `task ${at + 1}`,
    kind: 'misc',
    priority: 50,
    commands: [{ name: 'echo', parameters: { message: `message ${at + 1}` }, totalStepCount: 0 }],
    dependsOn: [],
    ...task,
  }))
}

function machineReport(number: number): MachineReport {
  const id = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
  return { id, name: `machine ${number}`, platform: 'linux', arch: 'x64', cpuCount: 8, memoryBytes: 1, gpus: [], software: [] }
}

const SIGN_ON: WorkerSignOn = {
  name: '',
  software: 'test',
  address: '127.0.0.1',
  kinds: ['misc'],
  canRestart: false,
  capacity: 1,
  running: [],
}
