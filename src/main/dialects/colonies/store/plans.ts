/** Rows of crons and generators. What one submits and that it did are one transaction: a crash submits nothing twice. */
import type { Connection, ReadDatabase } from '../../../store/connection.ts'
import type { SideRowPlace } from '../../../store/sideRows.ts'

export interface CronRow {
  id: number
  publicId: string
  colonyId: number
  initiatorId: string
  initiatorName: string
  name: string
  expression: string
  interval: number
  random: number
  /** JSON of the workflow, as the client sent it. */
  workflow: string
  waitForPrevious: number
  nextAt: number | null
  lastAt: number | null
  /** Public id of the job of its last run. */
  previousJob: string | null
}

const CRON = `select id, public_id as publicId, colony_id as colonyId, initiator_id as initiatorId, initiator_name as initiatorName, name, expression,
    interval, random, workflow, wait_for_previous as waitForPrevious, next_at as nextAt, last_at as lastAt, previous_job as previousJob from colonies_crons`

export function loadCrons(db: ReadDatabase): Promise<CronRow[]> {
  return db.all(`${CRON} order by id`)
}

/** Undefined: the name is taken. */
export async function insertCron(tx: Connection, cron: Omit<CronRow, 'id'>): Promise<number | undefined> {
  const { changes, lastId } = await tx.run(
    `insert or ignore into colonies_crons (public_id, colony_id, initiator_id, initiator_name, name, expression, interval, random, workflow,
       wait_for_previous, next_at, last_at, previous_job) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      cron.publicId,
      cron.colonyId,
      cron.initiatorId,
      cron.initiatorName,
      cron.name,
      cron.expression,
      cron.interval,
      cron.random,
      cron.workflow,
      cron.waitForPrevious,
      cron.nextAt,
      cron.lastAt,
      cron.previousJob,
    ],
  )
  return changes > 0 ? lastId : undefined
}

export async function saveNextTime(tx: Connection, { id, nextAt }: Pick<CronRow, 'id' | 'nextAt'>): Promise<void> {
  await tx.run('update colonies_crons set next_at = ? where id = ?', [nextAt, id])
}

/** A side row: a cron submits this job. */
export interface CronRun {
  cronId: number
  nextAt: number | null
  lastAt: number
}

/** @throws Error when the cron was removed meanwhile; nothing is submitted then */
export async function recordCronRun(tx: Connection, { jobId }: SideRowPlace, { cronId, nextAt, lastAt }: CronRun): Promise<void> {
  const { changes } = await tx.run(
    'update colonies_crons set next_at = ?, last_at = ?, previous_job = (select public_id from jobs where id = ?) where id = ?',
    [nextAt, lastAt, jobId, cronId],
  )
  if (changes === 0) throw new Error('the cron was removed')
}

export async function deleteCron(tx: Connection, id: number): Promise<void> {
  await tx.run('delete from colonies_crons where id = ?', [id])
}

export interface GeneratorRow {
  id: number
  publicId: string
  colonyId: number
  initiatorId: string
  initiatorName: string
  name: string
  workflow: string
  trigger: number
  timeout: number
  firstPackAt: number | null
  lastAt: number | null
  queued: number
}

const GENERATOR = `select g.id, g.public_id as publicId, g.colony_id as colonyId, g.initiator_id as initiatorId, g.initiator_name as initiatorName, g.name,
    g.workflow, g.trigger, g.timeout, g.first_pack_at as firstPackAt, g.last_at as lastAt,
    (select count(*) from colonies_packs p where p.generator_id = g.id) as queued from colonies_generators g`

export function loadGenerators(db: ReadDatabase, colonyId: number | null = null): Promise<GeneratorRow[]> {
  return db.all(`${GENERATOR} where ?1 is null or g.colony_id = ?1 order by g.id`, [colonyId])
}

export function findGenerator(db: ReadDatabase, publicId: string): Promise<GeneratorRow | undefined> {
  return db.get(`${GENERATOR} where g.public_id = ?`, [publicId])
}

/** Those with packed arguments. */
export function waitingGenerators(db: ReadDatabase): Promise<GeneratorRow[]> {
  return db.all(`${GENERATOR} where exists (select 1 from colonies_packs p where p.generator_id = g.id) order by g.id`)
}

/** False: the name is taken. */
export async function insertGenerator(
  tx: Connection,
  row: Omit<GeneratorRow, 'id' | 'queued' | 'firstPackAt' | 'lastAt'>,
): Promise<boolean> {
  const { changes } = await tx.run(
    `insert or ignore into colonies_generators (public_id, colony_id, initiator_id, initiator_name, name, workflow, trigger, timeout)
     values (?, ?, ?, ?, ?, ?, ?, ?)`,
    [row.publicId, row.colonyId, row.initiatorId, row.initiatorName, row.name, row.workflow, row.trigger, row.timeout],
  )
  return changes > 0
}

export async function insertPack(tx: Connection, generatorId: number, arg: string, at: number): Promise<void> {
  await tx.run('insert into colonies_packs (generator_id, arg) values (?, ?)', [generatorId, arg])
  await tx.run('update colonies_generators set first_pack_at = coalesce(first_pack_at, ?) where id = ?', [at, generatorId])
}

export function oldestPacks(db: ReadDatabase, generatorId: number, count: number): Promise<{ id: number; arg: string }[]> {
  return db.all('select id, arg from colonies_packs where generator_id = ? order by id limit ?', [generatorId, count])
}

/** A side row: a generator submits its oldest arguments, up to this one. */
export interface UsedPacks {
  generatorId: number
  lastId: number
  at: number
}

/** @throws Error when the generator was removed meanwhile; nothing is submitted then */
export async function recordUsedPacks(tx: Connection, { generatorId, lastId, at }: UsedPacks): Promise<void> {
  await tx.run('delete from colonies_packs where generator_id = ? and id <= ?', [generatorId, lastId])
  const { changes } = await tx.run('update colonies_generators set last_at = ? where id = ?', [at, generatorId])
  if (changes === 0) throw new Error('the generator was removed')
}

export async function deleteGenerator(tx: Connection, id: number): Promise<void> {
  await tx.run('delete from colonies_generators where id = ?', [id])
}
