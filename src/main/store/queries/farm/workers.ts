/** Reads what workers do and what machines report. States of workers come from the engine's memory. */
import { taskPublicId } from '../../../../shared/ids.ts'
import type { Load, Machine, MachineSample, Worker } from '../../../../shared/schemas/worker.ts'
import type { NamedRef } from '../../../../shared/schemas/common.ts'
import type { ReadDatabase } from '../../connection.ts'
import { json, time, timeOrNull } from '../format.ts'

/** What each worker is running now, by internal worker id. */
export async function runningByWorker(db: ReadDatabase, workerId?: number): Promise<Map<number, Worker['running']>> {
  const rows = await db.all<{
    worker_id: number
    idx: number
    task_name: string
    job_public_id: string
    job_name: string
    number: number
    started_at: number
  }>(
    `select a.worker_id, t.idx, t.name as task_name, j.public_id as job_public_id, j.name as job_name, a.number, a.started_at
     from attempts a join tasks t on t.id = a.task_id join jobs j on j.id = a.job_id
     where a.status = 'active'${workerId === undefined ? '' : ' and a.worker_id = ?'} order by a.id`,
    workerId === undefined ? [] : [workerId],
  )
  const running = new Map<number, Worker['running']>()
  for (const row of rows) {
    const list = running.get(row.worker_id) ?? []
    list.push({
      taskId: taskPublicId(row.job_public_id, row.idx),
      taskName: row.task_name,
      jobId: row.job_public_id,
      jobName: row.job_name,
      attempt: row.number,
      startedAt: time(row.started_at),
    })
    running.set(row.worker_id, list)
  }
  return running
}

/** Names of machines by internal id. */
export async function machineRefs(db: ReadDatabase): Promise<Map<number, NamedRef>> {
  const rows = await db.all<{ key: number; id: string; name: string }>('select id as key, public_id as id, name from machines')
  return new Map(rows.map(({ key, id, name }) => [key, { id, name }]))
}

interface MachineRow {
  id: number
  public_id: string
  name: string
  platform: string
  arch: string
  address: string
  cpu_count: number | null
  memory_bytes: number | null
  gpus: string
  software: string
  hourly_rate: number | null
  watts: number | null
  load: string | null
  last_seen_at: number | null
}

const HOSTS_A_WORKER = 'exists (select 1 from workers w where w.machine_id = m.id and w.deleted_at is null)'

/** All machines that host a worker that is not deleted, or the one with this public id. */
export async function readMachines(db: ReadDatabase, publicId?: string): Promise<Machine[]> {
  const [rows, workers] = await Promise.all([
    db.all<MachineRow>(
      `select id, public_id, name, platform, arch, address, cpu_count, memory_bytes, gpus, software, hourly_rate, watts, load, last_seen_at
       from machines m where ${publicId === undefined ? HOSTS_A_WORKER : 'public_id = ?'}
       order by name, id`,
      publicId === undefined ? [] : [publicId.toLowerCase()],
    ),
    db.all<{ machine_id: number; id: string }>(
      'select machine_id, public_id as id from workers where machine_id is not null and deleted_at is null order by name',
    ),
  ])
  const workersOf = new Map<number, string[]>()
  for (const { machine_id, id } of workers) workersOf.set(machine_id, [...(workersOf.get(machine_id) ?? []), id])
  return rows.map((row) => ({
    id: row.public_id,
    name: row.name,
    platform: row.platform,
    arch: row.arch,
    address: row.address,
    cpuCount: row.cpu_count,
    memoryBytes: row.memory_bytes,
    gpus: json<Machine['gpus']>(row.gpus, []),
    software: json<Machine['software']>(row.software, []),
    hourlyRate: row.hourly_rate,
    watts: row.watts,
    load: json<Load | null>(row.load, null),
    lastSeenAt: timeOrNull(row.last_seen_at),
    workerIds: workersOf.get(row.id) ?? [],
  }))
}

/** The most points of a history; a longer one is averaged. */
const MAX_POINTS = 500

/** Load of a machine in a span of time, oldest first. */
export async function machineSamples(db: ReadDatabase, publicId: string, since: number, until: number): Promise<MachineSample[]> {
  const step = Math.max(1, Math.ceil((until - since) / MAX_POINTS))
  const rows = await db.all<{ at: number; cpu: number | null; memory: number | null; gpu: number | null }>(
    `select min(at) as at, avg(cpu) as cpu, avg(memory) as memory, avg(gpu) as gpu from machine_samples
     where machine_id = (select id from machines where public_id = ?) and at >= ? and at < ?
     group by cast((at - ?) / ? as integer) order by 1`,
    [publicId.toLowerCase(), since, until, since, step],
  )
  return rows.map((row) => ({ ...row, at: time(row.at) }))
}
