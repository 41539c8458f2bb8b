/** Rows of registered functions. Waits and runs are seconds. */
import type { Connection, ReadDatabase } from '../../../store/connection.ts'

export interface FunctionRow {
  id: string
  executorName: string
  executorType: string
  name: string
  description: string
  /** JSON list. */
  args: string
  location: string
  counter: number
  minWait: number
  maxWait: number
  minExec: number
  maxExec: number
  avgWait: number
  avgExec: number
}

const FUNCTION = `select id, executor_name as executorName, executor_type as executorType, name, description, args, location, counter,
    min_wait as minWait, max_wait as maxWait, min_exec as minExec, max_exec as maxExec, avg_wait as avgWait, avg_exec as avgExec from colonies_functions`

export function executorsWithFunctions(db: ReadDatabase): Promise<{ colonyId: number; executorName: string }[]> {
  return db.all('select distinct colony_id as colonyId, executor_name as executorName from colonies_functions')
}

export function listFunctions(db: ReadDatabase, colonyId: number, executorName: string | undefined): Promise<FunctionRow[]> {
  return db.all(`${FUNCTION} where colony_id = ?1 and (?2 is null or executor_name = ?2) order by executor_name, name`, [
    colonyId,
    executorName ?? null,
  ])
}

export function findFunction(db: ReadDatabase, id: string): Promise<{ colonyId: number; executorName: string } | undefined> {
  return db.get('select colony_id as colonyId, executor_name as executorName from colonies_functions where id = ?', [id])
}

export async function saveFunction(
  tx: Connection,
  colonyId: number,
  added: Pick<FunctionRow, 'id' | 'executorName' | 'executorType' | 'name' | 'description' | 'args' | 'location'>,
): Promise<void> {
  await tx.run(
    `insert into colonies_functions (id, colony_id, executor_name, executor_type, name, description, args, location) values (?, ?, ?, ?, ?, ?, ?, ?)
     on conflict (colony_id, executor_name, name) do update
       set executor_type = excluded.executor_type, description = excluded.description, args = excluded.args, location = excluded.location`,
    [added.id, colonyId, added.executorName, added.executorType, added.name, added.description, added.args, added.location],
  )
}

export async function deleteFunction(tx: Connection, id: string): Promise<void> {
  await tx.run('delete from colonies_functions where id = ?', [id])
}

/** The average moves half way to each new value, as in the original; the first value is it. */
export async function countRun(
  tx: Connection,
  colonyId: number,
  executorName: string,
  name: string,
  waited: number,
  took: number,
): Promise<void> {
  await tx.run(
    `update colonies_functions set counter = counter + 1,
       min_wait = iif(counter = 0, ?4, min(min_wait, ?4)), max_wait = max(max_wait, ?4), avg_wait = iif(counter = 0, ?4, (avg_wait + ?4) / 2),
       min_exec = iif(counter = 0, ?5, min(min_exec, ?5)), max_exec = max(max_exec, ?5), avg_exec = iif(counter = 0, ?5, (avg_exec + ?5) / 2)
     where colony_id = ?1 and executor_name = ?2 and name = ?3`,
    [colonyId, executorName, name, waited, took],
  )
}
