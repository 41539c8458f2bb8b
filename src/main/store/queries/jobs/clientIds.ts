/** Jobs by the ids that their clients chose. */
import type { ReadDatabase } from '../../connection.ts'

/** The job that is not deleted and whose client id starts with the text, which ends in `:`. */
export function jobOfClientId(
  db: ReadDatabase,
  origin: string,
  prefix: string,
): Promise<{ publicId: string; clientId: string } | undefined> {
  const end = `${prefix.slice(0, -1)};`
  return db.get(
    `select public_id as publicId, client_id as clientId from jobs
     where namespace_id = 1 and origin = ? and client_id >= ? and client_id < ? and client_id is not null and deleted_at is null
       and status <> 'under-construction'`,
    [origin, prefix, end],
  )
}
