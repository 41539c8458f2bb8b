/** Schedules and their firings on disk. Few and rarely written, so each change is its own transaction. */
import { ConflictError } from '../engine/base/errors.ts'
import type { ScheduleStore } from '../engine/base/ports.ts'
import type { FiringCommit, FiringRecord, ScheduleState } from '../engine/base/scheduleEngine.ts'
import type { Connection, ReadPool } from './connection.ts'
import type { Writer } from './writer.ts'

/** Firings kept in a schedule's history. */
const KEPT_FIRINGS = 1_000

export class SqliteScheduleStore implements ScheduleStore {
  constructor(
    private readonly writer: Writer,
    private readonly read: ReadPool,
  ) {}

  async load(): Promise<ScheduleState[]> {
    const rows = await this.read.all<ScheduleRow>(
      `select s.*, (select count(*) from schedule_firings f where f.schedule_id = s.id and f.outcome = 'waiting') as waiting
       from schedules s where s.deleted_at is null order by s.id`,
    )
    return rows.map(stateOf)
  }

  async insert(schedule: Omit<ScheduleState, 'id'>): Promise<ScheduleState> {
    const id = await this.writer.exclusive(async (tx) => {
      const { clientId, namespaceId, origin } = schedule
      const taken =
        clientId !== null &&
        (await tx.get('select 1 from schedules where namespace_id = ? and origin = ? and client_id = ? and deleted_at is null', [
          namespaceId,
          origin,
          clientId,
        ]))
      if (taken) throw new ConflictError(`a schedule "${clientId}" already exists`)
      const { lastId } = await tx.run(
        `insert into schedules (public_id, namespace_id, origin, owner, client_id, name, trigger, template, missed_policy, missed_limit,
           overlap_policy, state, next_at, last_at, fired, created_at, updated_at, owner_id, admin_rights, hold_reason)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        [
          schedule.publicId,
          namespaceId,
          origin,
          schedule.owner,
          clientId,
          schedule.name,
          JSON.stringify(schedule.trigger),
          JSON.stringify(schedule.template),
          schedule.missed,
          schedule.missedLimit,
          schedule.overlap,
          schedule.state,
          schedule.nextAt,
          schedule.lastAt,
          schedule.fired,
          schedule.createdAt,
          schedule.updatedAt,
          schedule.ownerId,
          Number(schedule.adminRights),
          schedule.holdReason,
        ],
      )
      return lastId
    })
    return { ...schedule, id }
  }

  async save(schedule: ScheduleState): Promise<void> {
    await this.writer.exclusive((tx) =>
      tx.run(
        `update schedules set name = ?, trigger = ?, template = ?, missed_policy = ?, missed_limit = ?, overlap_policy = ?, state = ?,
           next_at = ?, updated_at = ?, owner = ?, owner_id = ?, admin_rights = ?, hold_reason = ? where id = ?`,
        [
          schedule.name,
          JSON.stringify(schedule.trigger),
          JSON.stringify(schedule.template),
          schedule.missed,
          schedule.missedLimit,
          schedule.overlap,
          schedule.state,
          schedule.nextAt,
          schedule.updatedAt,
          schedule.owner,
          schedule.ownerId,
          Number(schedule.adminRights),
          schedule.holdReason,
          schedule.id,
        ],
      ),
    )
  }

  async delete(scheduleId: number, at: number): Promise<void> {
    await this.writer.exclusive(async (tx) => {
      await tx.run('update schedules set deleted_at = ?, next_at = null where id = ?', [at, scheduleId])
      await tx.run(`delete from schedule_firings where schedule_id = ? and outcome = 'waiting'`, [scheduleId])
    })
  }

  async commitFirings(commit: FiringCommit): Promise<void> {
    await this.writer.exclusive((tx) => writeFirings(tx, commit, null))
  }

  loadWaiting(scheduleId: number): Promise<FiringRecord | undefined> {
    return this.read.get<FiringRecord>(
      `select id, number, due_at as dueAt, fired_at as firedAt, cause, outcome, reason, count
       from schedule_firings where schedule_id = ? and outcome = 'waiting' order by id limit 1`,
      [scheduleId],
    )
  }

  async loadUnfinished(scheduleId: number): Promise<{ jobId: string; task: number | null }[]> {
    return this.read.all(
      `select j.public_id as jobId, null as task from schedule_firings f join jobs j on j.id = f.job_id
       where f.schedule_id = ?1 and f.outcome = 'submitted' and j.deleted_at is null and j.status not in ('completed', 'failed', 'canceled', 'cancel-requested')
       union all
       select j.public_id, t.idx from schedule_firings f join jobs j on j.id = f.job_id
         join tasks t on t.job_id = j.id and t.idx between f.first_task and f.last_task
       where f.schedule_id = ?1 and f.outcome = 'grown' and j.deleted_at is null and t.status in ('queued', 'active', 'soft-failed', 'paused')`,
      [scheduleId],
    )
  }

  async purge(deletedBefore: number): Promise<void> {
    const surplus = `select f.id from (select id, outcome, row_number() over (partition by schedule_id order by id desc) as place from schedule_firings) f
      where f.place > ? and f.outcome <> 'waiting' limit 2000`
    const due = await this.read.get(
      `select 1 where exists (select 1 from schedules where deleted_at <= ?) or exists (select 1 from schedule_firings group by schedule_id having count(*) > ?)`,
      [deletedBefore, KEPT_FIRINGS],
    )
    if (!due) return
    await this.writer.exclusive(async (tx) => {
      await tx.run('delete from schedules where deleted_at <= ?', [deletedBefore])
      await tx.run(`delete from schedule_firings where id in (${surplus})`, [KEPT_FIRINGS])
    })
  }
}

/** @param jobId the job that the last of the firings submitted, or added tasks to */
export async function writeFirings(
  tx: Connection,
  { scheduleId, firings, progress, grown }: FiringCommit,
  jobId: number | null,
): Promise<void> {
  await tx.run('update schedules set state = ?, next_at = ?, last_at = ?, fired = ?, updated_at = ? where id = ?', [
    progress.state,
    progress.nextAt,
    progress.lastAt,
    progress.fired,
    progress.updatedAt,
    scheduleId,
  ])
  for (const [index, firing] of firings.entries()) {
    const isLast = index === firings.length - 1
    await tx.run(
      `insert or replace into schedule_firings (id, schedule_id, number, due_at, fired_at, cause, outcome, reason, count, job_id, first_task, last_task)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      [
        firing.id,
        scheduleId,
        firing.number,
        firing.dueAt,
        firing.firedAt,
        firing.cause,
        firing.outcome,
        firing.reason,
        firing.count,
        isLast ? jobId : null,
        isLast ? (grown?.first ?? null) : null,
        isLast ? (grown?.last ?? null) : null,
      ],
    )
  }
}

interface ScheduleRow {
  id: number
  public_id: string
  namespace_id: number
  origin: ScheduleState['origin']
  owner: string
  owner_id: string
  admin_rights: number
  hold_reason: string
  client_id: string | null
  name: string
  trigger: string
  template: string
  missed_policy: ScheduleState['missed']
  missed_limit: number
  overlap_policy: ScheduleState['overlap']
  state: ScheduleState['state']
  next_at: number | null
  last_at: number | null
  fired: number
  waiting: number
  created_at: number
  updated_at: number
}

function stateOf(row: ScheduleRow): ScheduleState {
  return {
    id: row.id,
    publicId: row.public_id,
    namespaceId: row.namespace_id,
    origin: row.origin,
    clientId: row.client_id,
    owner: row.owner,
    ownerId: row.owner_id,
    adminRights: row.admin_rights === 1,
    holdReason: row.hold_reason,
    name: row.name,
    state: row.state,
    // Both were written by `insert` and `save`.
    trigger: JSON.parse(row.trigger) as ScheduleState['trigger'],
    template: JSON.parse(row.template) as ScheduleState['template'],
    missed: row.missed_policy,
    missedLimit: row.missed_limit,
    overlap: row.overlap_policy,
    nextAt: row.next_at,
    lastAt: row.last_at,
    fired: row.fired,
    waiting: row.waiting,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
