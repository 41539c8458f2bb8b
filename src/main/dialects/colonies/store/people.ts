/** Rows of colonies, users and executors. */
import type { Connection, ReadDatabase } from '../../../store/connection.ts'
import type { Executor, ExecutorStatus, NewExecutor, User } from '../people/registry.ts'

interface ColonyRow {
  id: number
  name: string
  ownerId: string
  paused: number
  builtIn: number
  createdAt: number
}

export async function loadColonies(db: ReadDatabase) {
  const rows = await db.all<ColonyRow>(
    'select id, name, owner_id as ownerId, paused, built_in as builtIn, created_at as createdAt from colonies_colonies order by id',
  )
  return rows.map((row) => ({ ...row, paused: row.paused !== 0, builtIn: row.builtIn !== 0 }))
}

export function loadUsers(db: ReadDatabase): Promise<(User & { colonyId: number })[]> {
  return db.all('select id as rowId, colony_id as colonyId, user_id as userId, name, email, phone from colonies_users order by id')
}

export async function loadExecutors(db: ReadDatabase): Promise<(Omit<Executor, 'colony' | 'heardAt'> & { colonyId: number })[]> {
  const rows = await db.all<Omit<Executor, 'colony' | 'heardAt' | 'requiresFunctions'> & { colonyId: number; requiresFunctions: number }>(
    `select id as rowId, colony_id as colonyId, executor_id as executorId, name, type, state as status, worker_id as workerId, location,
       requires_functions as requiresFunctions, capabilities, allocations, blueprint_id as blueprintId,
       blueprint_generation as blueprintGeneration, commissioned_at as commissionedAt
     from colonies_executors where replaced = 0 order by id`,
  )
  return rows.map((row) => ({ ...row, requiresFunctions: row.requiresFunctions !== 0 }))
}

export async function insertColony(tx: Connection, colony: { name: string; ownerId: string; createdAt: number }): Promise<number> {
  const { lastId } = await tx.run('insert into colonies_colonies (name, owner_id, created_at) values (?, ?, ?)', [
    colony.name,
    colony.ownerId,
    colony.createdAt,
  ])
  return lastId
}

export async function saveColony(
  tx: Connection,
  { id, ownerId, paused, builtIn }: { id: number; ownerId: string; paused: boolean; builtIn: boolean },
): Promise<void> {
  await tx.run('update colonies_colonies set owner_id = ?, paused = ?, built_in = ? where id = ?', [
    ownerId,
    Number(paused),
    Number(builtIn),
    id,
  ])
}

export async function deleteColony(tx: Connection, id: number): Promise<void> {
  await tx.run('delete from colonies_colonies where id = ?', [id])
  await tx.run('delete from colonies_logs where colony_id = ?', [id])
  await tx.run('delete from colonies_graphs where colony_id = ?', [id])
  await tx.run('delete from colonies_processes where colony_id = ?', [id])
  await tx.run('delete from colonies_counts where colony_id = ?', [id])
}

export async function insertUser(tx: Connection, colonyId: number, user: Omit<User, 'rowId'>): Promise<number> {
  const { lastId } = await tx.run('insert into colonies_users (colony_id, user_id, name, email, phone) values (?, ?, ?, ?, ?)', [
    colonyId,
    user.userId,
    user.name,
    user.email,
    user.phone,
  ])
  return lastId
}

export async function saveUserId(tx: Connection, rowId: number, userId: string): Promise<void> {
  await tx.run('update colonies_users set user_id = ? where id = ?', [userId, rowId])
}

export async function deleteUser(tx: Connection, rowId: number): Promise<void> {
  await tx.run('delete from colonies_users where id = ?', [rowId])
}

/** The executor that has the name keeps its row, as a replaced one; its functions are gone. */
export async function insertExecutor(
  tx: Connection,
  colonyId: number,
  executor: NewExecutor & { commissionedAt: number },
): Promise<number> {
  await tx.run('update colonies_executors set replaced = 1, state = 3 where colony_id = ? and name = ? and replaced = 0', [
    colonyId,
    executor.name,
  ])
  await deleteFunctionsOf(tx, colonyId, executor.name)
  const { lastId } = await tx.run(
    `insert into colonies_executors (colony_id, executor_id, name, type, state, worker_id, location, requires_functions, capabilities, allocations,
       blueprint_id, blueprint_generation, commissioned_at) values (?, ?, ?, ?, 0, '', ?, ?, ?, ?, ?, ?, ?)`,
    [
      colonyId,
      executor.executorId,
      executor.name,
      executor.type,
      executor.location,
      Number(executor.requiresFunctions),
      executor.capabilities,
      executor.allocations,
      executor.blueprintId,
      executor.blueprintGeneration,
      executor.commissionedAt,
    ],
  )
  return lastId
}

/** Functions of an executor that is unregistered disappear with it. */
export async function saveExecutor(tx: Connection, executor: Executor & { status: ExecutorStatus }): Promise<void> {
  await tx.run(
    `update colonies_executors set executor_id = ?, type = ?, state = ?, worker_id = ?, location = ?, capabilities = ?, allocations = ? where id = ?`,
    [
      executor.executorId,
      executor.type,
      executor.status,
      executor.workerId,
      executor.location,
      executor.capabilities,
      executor.allocations,
      executor.rowId,
    ],
  )
  if (executor.status === 3) await deleteFunctionsOf(tx, executor.colony.id, executor.name)
}

async function deleteFunctionsOf(tx: Connection, colonyId: number, executorName: string): Promise<void> {
  await tx.run('delete from colonies_functions where colony_id = ? and executor_name = ?', [colonyId, executorName])
}
