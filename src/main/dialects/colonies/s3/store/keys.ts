/** Rows of access keys. */
import type { Connection, ReadDatabase } from '../../../../store/connection.ts'

export interface KeyRow {
  readonly accessKey: string
  /** Sealed. */
  readonly secret: string
  readonly colonyId: number
  readonly memberId: string
  readonly memberName: string
  readonly createdAt: number
}

export function loadKeys(db: ReadDatabase): Promise<KeyRow[]> {
  return db.all(
    `select access_key as accessKey, secret, colony_id as colonyId, member_id as memberId, member_name as memberName, created_at as createdAt
     from colonies_s3_keys order by created_at, access_key`,
  )
}

export async function insertKey(tx: Connection, key: KeyRow): Promise<void> {
  await tx.run(
    'insert into colonies_s3_keys (access_key, secret, colony_id, member_id, member_name, created_at) values (?, ?, ?, ?, ?, ?)',
    [key.accessKey, key.secret, key.colonyId, key.memberId, key.memberName, key.createdAt],
  )
}

export async function deleteKey(tx: Connection, accessKey: string): Promise<void> {
  await tx.run('delete from colonies_s3_keys where access_key = ?', [accessKey])
}
