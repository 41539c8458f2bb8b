/** Rows of file metadata and snapshots. Each upload of a name is a version of its own. */
import type { Connection, ReadDatabase } from '../../../store/connection.ts'

export interface FileRow {
  publicId: string
  label: string
  name: string
  size: number
  sequence: number
  checksum: string
  checksumAlgorithm: string
  /** JSON: where the bytes are. */
  reference: string
  addedAt: number
}

const FILE = `select public_id as publicId, label, name, size, sequence, checksum, checksum_algorithm as checksumAlgorithm, reference, added_at as addedAt
  from colonies_files f`
const NEWEST = `f.sequence = (select max(sequence) from colonies_files n where n.colony_id = f.colony_id and n.label = f.label and n.name = f.name)`

export async function insertFile(tx: Connection, colonyId: number, file: Omit<FileRow, 'sequence'>): Promise<number> {
  const last = await tx.get<{ sequence: number }>(
    'select coalesce(max(sequence), 0) as sequence from colonies_files where colony_id = ? and label = ? and name = ?',
    [colonyId, file.label, file.name],
  )
  const sequence = (last?.sequence ?? 0) + 1
  await tx.run(
    `insert into colonies_files (public_id, colony_id, label, name, size, sequence, checksum, checksum_algorithm, reference, added_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      file.publicId,
      colonyId,
      file.label,
      file.name,
      file.size,
      sequence,
      file.checksum,
      file.checksumAlgorithm,
      file.reference,
      file.addedAt,
    ],
  )
  return sequence
}

export function fileById(db: ReadDatabase, colonyId: number, publicId: string): Promise<FileRow | undefined> {
  return db.get(`${FILE} where f.colony_id = ? and f.public_id = ?`, [colonyId, publicId])
}

/** The newest first. */
export function versionsOf(db: ReadDatabase, colonyId: number, label: string, name: string): Promise<FileRow[]> {
  return db.all(`${FILE} where f.colony_id = ? and f.label = ? and f.name = ? order by f.sequence desc`, [colonyId, label, name])
}

/** The newest version of each name with exactly this label. */
export function filesOf(db: ReadDatabase, colonyId: number, label: string): Promise<FileRow[]> {
  return db.all(`${FILE} where f.colony_id = ? and f.label = ? and ${NEWEST} order by f.name`, [colonyId, label])
}

/** The newest version of each name under a label and what is below it. */
export function filesUnder(db: ReadDatabase, colonyId: number, label: string): Promise<FileRow[]> {
  return db.all(
    `${FILE} where f.colony_id = ?1 and (f.label = ?2 or substr(f.label, 1, length(?2) + 1) = ?2 || '/') and ${NEWEST} order by f.label, f.name`,
    [colonyId, label],
  )
}

/** Labels with how many files they have, all versions counted. */
export function labelsOf(db: ReadDatabase, colonyId: number): Promise<{ name: string; files: number }[]> {
  return db.all('select label as name, count(*) as files from colonies_files where colony_id = ? group by label order by label', [colonyId])
}

export async function deleteFile(
  tx: Connection,
  colonyId: number,
  which: { publicId: string } | { label: string; name: string },
): Promise<void> {
  if ('publicId' in which) await tx.run('delete from colonies_files where colony_id = ? and public_id = ?', [colonyId, which.publicId])
  else await tx.run('delete from colonies_files where colony_id = ? and label = ? and name = ?', [colonyId, which.label, which.name])
}

export interface SnapshotRow {
  publicId: string
  label: string
  name: string
  /** JSON list. */
  fileIds: string
  addedAt: number
}

const SNAPSHOT = 'select public_id as publicId, label, name, file_ids as fileIds, added_at as addedAt from colonies_snapshots'

/** False: the name is taken. */
export async function insertSnapshot(tx: Connection, colonyId: number, row: SnapshotRow): Promise<boolean> {
  const { changes } = await tx.run(
    'insert or ignore into colonies_snapshots (public_id, colony_id, label, name, file_ids, added_at) values (?, ?, ?, ?, ?, ?)',
    [row.publicId, colonyId, row.label, row.name, row.fileIds, row.addedAt],
  )
  return changes > 0
}

/** The newest first. */
export function listSnapshots(db: ReadDatabase, colonyId: number): Promise<SnapshotRow[]> {
  return db.all(`${SNAPSHOT} where colony_id = ? order by added_at desc, id desc`, [colonyId])
}

/** By id, else by name. */
export function findSnapshot(db: ReadDatabase, colonyId: number, publicId: string, name: string): Promise<SnapshotRow | undefined> {
  return db.get(`${SNAPSHOT} where colony_id = ?1 and iif(?2 <> '', public_id = ?2, name = ?3)`, [colonyId, publicId, name])
}

/** All of them when neither is given. */
export async function deleteSnapshots(tx: Connection, colonyId: number, publicId = '', name = ''): Promise<void> {
  await tx.run(`delete from colonies_snapshots where colony_id = ?1 and iif(?2 <> '', public_id = ?2, ?3 = '' or name = ?3)`, [
    colonyId,
    publicId,
    name,
  ])
}
