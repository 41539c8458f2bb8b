/** Workers, machines, tags, limits and lanes in the database: few rows, changed by people or at sign-on. */
import { ConflictError } from '../engine/base/errors.ts'
import type { LimitState, WarmAppRow, TagState, WorkerState } from '../engine/base/model.ts'
import type { MachineReport, SleepSchedule } from '../../shared/schemas/worker.ts'
import type { JobStatus } from '../../shared/enums.ts'
import type { LaneState, WorkerStore } from '../engine/base/ports.ts'
import type { ReadPool } from './connection.ts'
import * as loads from './loads.ts'
import type { Writer } from './writer.ts'

/** How long load samples of a machine are kept. */
const SAMPLE_DAYS = 7

export class SqliteWorkerStore implements WorkerStore {
  constructor(
    private readonly writer: Writer,
    private readonly read: ReadPool,
  ) {}

  load() {
    return loads.loadWorkers(this.read)
  }

  /** Writes nothing for a job that was purged in the meantime. */
  saveWarmApp(session: WarmAppRow): void {
    const { id, jobKey, workerKey, kind, title, state, openedAt, closedAt, reason, tasks, frames, memoryBytes } = session
    this.writer.statement(
      `insert into sessions (public_id, job_id, worker_id, kind, key, phase, opened_at, closed_at, detail, tasks, frames, memory_bytes)
       select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 where exists (select 1 from jobs where id = ?2)
       on conflict (public_id) do update set phase = ?6, closed_at = ?8, detail = ?9, tasks = ?10, frames = ?11, memory_bytes = ?12`,
      [id, jobKey, workerKey, kind, title, state, openedAt, closedAt, reason, tasks, frames, memoryBytes],
    )
  }

  loadOpenWarmApps(): Promise<WarmAppRow[]> {
    return loads.loadOpenWarmApps(this.read)
  }

  async insert(worker: Omit<WorkerState, 'id'>): Promise<WorkerState> {
    const id = await this.writer.exclusive(async (tx) => {
      const { lastId } = await tx.run(
        `insert into workers (public_id, namespace_id, adapter, machine_id, name, secret_hash, platform, address, software, status, kinds,
           capabilities, folders, allowed_folders, person, capacity, approved_at, created_at, updated_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        [
          worker.publicId,
          worker.namespaceId,
          worker.adapter,
          worker.machineId,
          worker.name,
          worker.secretHash,
          worker.platform,
          worker.address,
          worker.software,
          worker.status,
          JSON.stringify(worker.kinds),
          JSON.stringify(worker.capabilities),
          JSON.stringify(worker.folders),
          JSON.stringify(worker.allowedFolders),
          worker.person,
          worker.capacity,
          worker.approvedAt,
          worker.createdAt,
          worker.updatedAt,
        ],
      )
      return lastId
    })
    // It is long-lived and read by every call of the worker. A spread that runs this rarely would give each worker its
    // own hidden class, and no property access in the engine could be cached.
    return Object.assign({ id }, worker)
  }

  async saveMachine(machine: MachineReport, address: string, at: number): Promise<number> {
    return this.writer.exclusive(async (tx) => {
      await tx.run(
        `insert into machines (public_id, name, platform, arch, address, cpu_count, memory_bytes, gpus, software, created_at, last_seen_at)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)
         on conflict (public_id) do update set platform = ?3, arch = ?4, address = ?5, cpu_count = ?6, memory_bytes = ?7, gpus = ?8, software = ?9, last_seen_at = ?10`,
        [
          machine.id.toLowerCase(),
          machine.name,
          machine.platform,
          machine.arch,
          address,
          machine.cpuCount,
          machine.memoryBytes,
          JSON.stringify(machine.gpus),
          JSON.stringify(machine.software),
          at,
        ],
      )
      const row = await tx.get<{ id: number }>('select id from machines where public_id = ?', [machine.id.toLowerCase()])
      if (!row) throw new Error(`machine ${machine.id} was not stored`)
      return row.id
    })
  }

  saveMachineLoad(
    machineId: number,
    load: string,
    sample: { cpu: number | null; memory: number | null; gpu: number | null } | null,
    at: number,
  ): void {
    this.writer.statement('update machines set load = ?, last_seen_at = ? where id = ?', [load, at, machineId])
    if (!sample) return
    this.writer.statement('insert or replace into machine_samples (machine_id, at, cpu, memory, gpu) values (?, ?, ?, ?, ?)', [
      machineId,
      at,
      sample.cpu,
      sample.memory,
      sample.gpu,
    ])
    this.writer.statement('delete from machine_samples where machine_id = ? and at < ?', [machineId, at - SAMPLE_DAYS * 86_400_000])
  }

  async changeMachine(publicId: string, changes: { name?: string; hourlyRate?: number | null; watts?: number | null }): Promise<boolean> {
    return this.writer.exclusive(async (tx) => {
      const row = await tx.get<{ id: number }>('select id from machines where public_id = ?', [publicId])
      if (!row) return false
      if (changes.name !== undefined) await tx.run('update machines set name = ? where id = ?', [changes.name, row.id])
      if (changes.hourlyRate !== undefined) await tx.run('update machines set hourly_rate = ? where id = ?', [changes.hourlyRate, row.id])
      if (changes.watts !== undefined) await tx.run('update machines set watts = ? where id = ?', [changes.watts, row.id])
      return true
    })
  }

  async setTags(workerId: number, tagIds: number[]): Promise<void> {
    await this.writer.exclusive(async (tx) => {
      await tx.run('delete from worker_tag_members where worker_id = ?', [workerId])
      await tx.run('insert into worker_tag_members (worker_id, tag_id) select ?, value from json_each(?)', [
        workerId,
        JSON.stringify(tagIds),
      ])
    })
  }

  async saveSleepSchedule(workerId: number, schedule: SleepSchedule, nextCheck: number | null): Promise<void> {
    await this.writer.exclusive((tx) =>
      tx.run(
        'insert or replace into sleep_schedules (worker_id, is_active, days, start_time, end_time, next_check) values (?, ?, ?, ?, ?, ?)',
        [workerId, Number(schedule.isActive), schedule.daysOfWeek, schedule.startTime, schedule.endTime, nextCheck],
      ),
    )
  }

  loadTags() {
    return loads.loadTags(this.read)
  }

  async insertTag(tag: Omit<TagState, 'id'>): Promise<TagState> {
    const id = await this.unique(`tag "${tag.name}" already exists`, (tx) =>
      tx.run('insert into worker_tags (public_id, name, description) values (?, ?, ?)', [tag.publicId, tag.name, tag.description]),
    )
    return { ...tag, id }
  }

  async saveTag(tag: TagState): Promise<void> {
    await this.unique(`tag "${tag.name}" already exists`, (tx) =>
      tx.run('update worker_tags set name = ?, description = ? where id = ?', [tag.name, tag.description, tag.id]),
    )
  }

  async deleteTag(tagId: number): Promise<void> {
    await this.writer.exclusive((tx) => tx.run('delete from worker_tags where id = ?', [tagId]))
  }

  loadLimits() {
    return loads.loadLimits(this.read)
  }

  async insertLimit(limit: Omit<LimitState, 'id'>, at: number): Promise<LimitState> {
    const id = await this.unique(`limit "${limit.name}" already exists`, (tx) =>
      tx.run('insert into limits (public_id, name, description, max, scope, created_at) values (?, ?, ?, ?, ?, ?)', [
        limit.publicId,
        limit.name,
        limit.description,
        limit.max,
        limit.scope,
        at,
      ]),
    )
    return { ...limit, id }
  }

  async saveLimit(limit: LimitState): Promise<void> {
    await this.unique(`limit "${limit.name}" already exists`, (tx) =>
      tx.run('update limits set name = ?, description = ?, max = ?, scope = ? where id = ?', [
        limit.name,
        limit.description,
        limit.max,
        limit.scope,
        limit.id,
      ]),
    )
  }

  findLimitUser(limitId: number): Promise<{ name: string; publicId: string } | undefined> {
    return this.read.get(
      `select name, public_id as publicId from jobs
       where id in (select job_id from job_limits where limit_id = ?) and status not in ('completed', 'failed', 'canceled') and deleted_at is null limit 1`,
      [limitId],
    )
  }

  async deleteLimit(limitId: number): Promise<void> {
    await this.writer.exclusive((tx) => tx.run('delete from limits where id = ?', [limitId]))
  }

  async setJobLimits(jobId: number, limitIds: number[]): Promise<void> {
    await this.writer.exclusive(async (tx) => {
      await tx.run('delete from job_limits where job_id = ?', [jobId])
      await tx.run('insert into job_limits (job_id, limit_id) select ?, value from json_each(?)', [jobId, JSON.stringify(limitIds)])
    })
  }

  loadLanes() {
    return loads.loadLanes(this.read)
  }

  async ensureLane({ kind, name, concurrency, ordered }: Parameters<WorkerStore['ensureLane']>[0]): Promise<LaneState> {
    const id = await this.writer.exclusive(async (tx) => {
      await tx.run(
        `insert into lanes (kind, name, concurrency, ordered) values (?, ?, ?, ?)
         on conflict (namespace_id, kind, name) do update set concurrency = excluded.concurrency, ordered = excluded.ordered`,
        [kind, name, concurrency, Number(ordered)],
      )
      const row = await tx.get<{ id: number }>('select id from lanes where namespace_id = 1 and kind = ? and name = ?', [kind, name])
      if (!row) throw new Error(`lane ${kind}/${name} was not stored`)
      return row.id
    })
    return { id, concurrency, ordered }
  }

  findJobIds(publicIds: string[]) {
    return this.read.all<{ id: number; publicId: string; status: JobStatus; deletedAt: number | null }>(
      `select id, public_id as publicId, status, deleted_at as deletedAt from jobs
       where public_id in (select value from json_each(?)) and status <> 'under-construction'`,
      [JSON.stringify(publicIds)],
    )
  }

  /** A duplicate name is the caller's mistake, not an internal error. */
  private async unique(
    message: string,
    change: (tx: Parameters<Parameters<Writer['exclusive']>[0]>[0]) => Promise<{ lastId: number }>,
  ): Promise<number> {
    try {
      return (await this.writer.exclusive(change)).lastId
    } catch (error) {
      if (error instanceof Error && error.message.includes('UNIQUE constraint failed')) throw new ConflictError(message)
      throw error
    }
  }
}
