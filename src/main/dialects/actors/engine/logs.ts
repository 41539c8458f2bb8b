/** An execution's log: what its container printed, in order, without the farm's own lines. */
import { taskPublicId } from '../../../../shared/ids.ts'
import type { ApiContext } from '../../../http/context.ts'
import type { Actor } from '../model/actor.ts'
import type { ExecutionDetail } from '../store/executions.ts'

/** The worker cuts logs; this bounds what a manager keeps in memory for one, whatever workers send. */
const MAX_BYTES = 5_000_000

export async function logOf({ logs }: Pick<ApiContext, 'logs'>, actor: Actor, row: ExecutionDetail): Promise<string> {
  if (row.attempt === null || row.logExpired > 0) return ''
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of logs.streams(taskPublicId(actor.jobId, row.number), row.attempt, ['stdout', 'stderr'])) {
    pieces.push(piece.bytes)
    bytes += piece.bytes.length
    if (bytes >= MAX_BYTES) break
  }
  return Buffer.concat(pieces).subarray(0, MAX_BYTES).toString('utf8')
}
