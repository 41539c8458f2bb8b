/** Checkouts of the file store, by the jobs that read from them. */
import type { ReadDatabase } from '../../connection.ts'

/** True while a job that is not purged uses this checkout, or one inside it; `exceptJob` does not count. */
export async function isCheckoutUsed(db: ReadDatabase, checkoutId: string, exceptJob: string): Promise<boolean> {
  const row = await db.get(
    `select 1 from jobs where public_id <> ?1 and (checkout_id = ?2 or substr(checkout_id, 1, length(?2) + 1) = ?2 || '/') limit 1`,
    [exceptJob, checkoutId],
  )
  return row !== undefined
}
