/** Rows of buckets and objects. */
import type { BlobId } from '../../../../files/content/blobs.ts'
import type { Connection, ReadDatabase } from '../../../../store/connection.ts'

export interface Bucket {
  readonly id: number
  readonly name: string
  readonly createdAt: number
}

/** Headers that a reader gets an object with, by lower-case name. */
export type ObjectHeaders = Readonly<Record<string, string>>

export interface Checksum {
  /** As in `x-amz-checksum-<algorithm>`. */
  readonly algorithm: string
  /** Base64; of parts with `-<number of parts>`. */
  readonly value: string
  readonly type: 'FULL_OBJECT' | 'COMPOSITE'
}

export interface NewObject {
  readonly key: string
  readonly size: number
  readonly etag: string
  readonly headers: ObjectHeaders
  readonly checksum: Checksum | undefined
  readonly modifiedAt: number
}

export interface StoredObject extends NewObject {
  readonly id: number
}

interface ObjectRow {
  id: number
  key: Buffer
  size: number
  etag: string
  headers: string
  checksum: string | null
  modifiedAt: number
}

const OBJECT = 'select id, key, size, etag, headers, checksum, modified_at as modifiedAt from colonies_s3_objects'

export function bucketsOf(db: ReadDatabase, colonyId: number): Promise<Bucket[]> {
  return db.all('select id, name, created_at as createdAt from colonies_s3_buckets where colony_id = ? order by name', [colonyId])
}

export function findBucket(db: ReadDatabase, colonyId: number, name: string): Promise<Bucket | undefined> {
  return db.get('select id, name, created_at as createdAt from colonies_s3_buckets where colony_id = ? and name = ?', [colonyId, name])
}

/** False: there is one of this name. */
export async function insertBucket(tx: Connection, colonyId: number, name: string, createdAt: number): Promise<boolean> {
  const { changes } = await tx.run('insert or ignore into colonies_s3_buckets (colony_id, name, created_at) values (?, ?, ?)', [
    colonyId,
    name,
    createdAt,
  ])
  return changes > 0
}

/** False: it holds objects. Uploads that were not completed go with it. */
export async function deleteBucket(tx: Connection, id: number): Promise<boolean> {
  const { changes } = await tx.run(
    'delete from colonies_s3_buckets where id = ?1 and not exists (select 1 from colonies_s3_objects where bucket_id = ?1)',
    [id],
  )
  return changes > 0
}

export async function findObject(db: ReadDatabase, bucketId: number, key: string): Promise<StoredObject | undefined> {
  const row = await db.get<ObjectRow>(`${OBJECT} where bucket_id = ? and key = ?`, [bucketId, Buffer.from(key)])
  return row && objectOf(row)
}

/** Objects in the order of their keys, from the first key on, up to another one. */
export async function objectsBetween(
  db: ReadDatabase,
  bucketId: number,
  { from, isAfter, to, limit }: { from: Buffer; isAfter: boolean; to: Buffer | undefined; limit: number },
): Promise<StoredObject[]> {
  const first = isAfter ? 'key > ?2' : 'key >= ?2'
  const rows =
    to === undefined
      ? await db.all<ObjectRow>(`${OBJECT} where bucket_id = ?1 and ${first} order by key limit ?3`, [bucketId, from, limit])
      : await db.all<ObjectRow>(`${OBJECT} where bucket_id = ?1 and ${first} and key < ?4 order by key limit ?3`, [
          bucketId,
          from,
          limit,
          to,
        ])
  return rows.map(objectOf)
}

export function piecesOf(db: ReadDatabase, objectId: number): Promise<BlobId[]> {
  return db.all('select sha256 as sha, bytes as size from colonies_s3_pieces where object_id = ? order by position', [objectId])
}

/** Takes the place of an object with this key. The bucket may be gone. @returns whether it is there */
export async function insertObject(tx: Connection, bucketId: number, object: NewObject, pieces: readonly BlobId[]): Promise<boolean> {
  if (!(await tx.get('select 1 from colonies_s3_buckets where id = ?', [bucketId]))) return false
  const key = Buffer.from(object.key)
  await deleteObject(tx, bucketId, object.key)
  const { lastId } = await tx.run(
    'insert into colonies_s3_objects (bucket_id, key, size, etag, headers, checksum, modified_at) values (?, ?, ?, ?, ?, ?, ?)',
    [
      bucketId,
      key,
      object.size,
      object.etag,
      JSON.stringify(object.headers),
      object.checksum ? JSON.stringify(object.checksum) : null,
      object.modifiedAt,
    ],
  )
  await tx.run(
    `insert into colonies_s3_pieces (object_id, position, sha256, bytes)
     select ?1, key + 1, value->>0, value->>1 from json_each(?2)`,
    [lastId, JSON.stringify(pieces.map(({ sha, size }) => [sha, size]))],
  )
  return true
}

export async function deleteObject(tx: Connection, bucketId: number, key: string): Promise<void> {
  await tx.run('delete from colonies_s3_objects where bucket_id = ? and key = ?', [bucketId, Buffer.from(key)])
}

export async function deleteObjects(tx: Connection, bucketId: number, keys: readonly string[]): Promise<void> {
  for (const key of keys) await deleteObject(tx, bucketId, key)
}

function objectOf({ key, headers, checksum, ...row }: ObjectRow): StoredObject {
  // Both were written above.
  return {
    ...row,
    key: key.toString('utf8'),
    headers: JSON.parse(headers) as ObjectHeaders,
    checksum: checksum === null ? undefined : (JSON.parse(checksum) as Checksum),
  }
}
