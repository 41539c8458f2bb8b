/** Sums over all actors, for administrators. */
import type { ReadDatabase } from '../../../store/connection.ts'
import type { ExecutionTotals } from './executions.ts'

/** By actor's key; only actors that have executions. */
export async function allTotals(db: ReadDatabase): Promise<Map<number, ExecutionTotals>> {
  const rows = await db.all<ExecutionTotals & { actorKey: number }>(
    `select actor_key as actorKey, count(*) as executions, sum(cpu) as cpu, sum(io) as io, sum(runtime) as runtime
     from actor_executions group by actor_key`,
  )
  return new Map(rows.map(({ actorKey, ...totals }) => [actorKey, totals]))
}

/** Also those that were deleted; SQLite remembers the highest key. */
export async function countAllActors(db: ReadDatabase): Promise<number> {
  const row = await db.get<{ seq: number }>(`select seq from sqlite_sequence where name = 'actors'`)
  return row?.seq ?? 0
}
