/** Rows of uploads in parts. */
import type { BlobId } from '../../../../files/content/blobs.ts'
import type { Connection, ReadDatabase } from '../../../../store/connection.ts'
import type { ObjectHeaders } from './objects.ts'

export interface Upload {
  readonly id: number
  readonly publicId: string
  readonly bucketId: number
  readonly key: string
  readonly headers: ObjectHeaders
  /** What the client wants checked; null: nothing. */
  readonly algorithm: string | null
  readonly checksumType: string | null
  readonly createdAt: number
}

export interface Part {
  readonly number: number
  readonly blob: BlobId
  readonly etag: string
  /** Base64, of the upload's algorithm. */
  readonly checksum: string | null
  readonly modifiedAt: number
}

interface UploadRow extends Omit<Upload, 'key' | 'headers'> {
  key: Buffer
  headers: string
}
interface PartRow extends Omit<Part, 'blob'> {
  sha: string
  size: number
}

const UPLOAD = `select id, public_id as publicId, bucket_id as bucketId, key, headers, checksum_algorithm as algorithm,
  checksum_type as checksumType, created_at as createdAt from colonies_s3_uploads`
const PART = 'select number, sha256 as sha, bytes as size, etag, checksum, modified_at as modifiedAt from colonies_s3_parts'

export async function insertUpload(tx: Connection, upload: Omit<Upload, 'id'>): Promise<void> {
  await tx.run(
    `insert into colonies_s3_uploads (public_id, bucket_id, key, headers, checksum_algorithm, checksum_type, created_at)
     values (?, ?, ?, ?, ?, ?, ?)`,
    [
      upload.publicId,
      upload.bucketId,
      Buffer.from(upload.key),
      JSON.stringify(upload.headers),
      upload.algorithm,
      upload.checksumType,
      upload.createdAt,
    ],
  )
}

export async function findUpload(db: ReadDatabase, bucketId: number, key: string, publicId: string): Promise<Upload | undefined> {
  const row = await db.get<UploadRow>(`${UPLOAD} where public_id = ? and bucket_id = ? and key = ?`, [publicId, bucketId, Buffer.from(key)])
  return row && uploadOf(row)
}

/** In the order of their keys, then of their beginnings. */
export async function uploadsFrom(
  db: ReadDatabase,
  bucketId: number,
  { key, id, limit }: { key: string; id: number; limit: number },
): Promise<Upload[]> {
  const rows = await db.all<UploadRow>(`${UPLOAD} where bucket_id = ?1 and (key, id) > (?2, ?3) order by key, id limit ?4`, [
    bucketId,
    Buffer.from(key),
    id,
    limit,
  ])
  return rows.map(uploadOf)
}

/** False: there was none. */
export async function deleteUpload(tx: Connection, id: number): Promise<boolean> {
  return (await tx.run('delete from colonies_s3_uploads where id = ?', [id])).changes > 0
}

/** Uploads that no client completed since then. */
export async function deleteUploadsBefore(tx: Connection, before: number): Promise<number> {
  return (await tx.run('delete from colonies_s3_uploads where created_at < ?', [before])).changes
}

/** Takes the place of a part with this number. False: the upload is gone. */
export async function insertPart(tx: Connection, uploadId: number, part: Part): Promise<boolean> {
  if (!(await tx.get('select 1 from colonies_s3_uploads where id = ?', [uploadId]))) return false
  await tx.run('delete from colonies_s3_parts where upload_id = ? and number = ?', [uploadId, part.number])
  await tx.run(
    'insert into colonies_s3_parts (upload_id, number, sha256, bytes, etag, checksum, modified_at) values (?, ?, ?, ?, ?, ?, ?)',
    [uploadId, part.number, part.blob.sha, part.blob.size, part.etag, part.checksum, part.modifiedAt],
  )
  return true
}

export async function partsOf(db: ReadDatabase, uploadId: number, after = 0, limit = 10_000): Promise<Part[]> {
  const rows = await db.all<PartRow>(`${PART} where upload_id = ? and number > ? order by number limit ?`, [uploadId, after, limit])
  return rows.map(({ sha, size, ...row }) => ({ ...row, blob: { sha, size } }))
}

function uploadOf({ key, headers, ...row }: UploadRow): Upload {
  // Written above.
  return { ...row, key: key.toString('utf8'), headers: JSON.parse(headers) as ObjectHeaders }
}
