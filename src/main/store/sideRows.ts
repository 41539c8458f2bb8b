/** Rows that are stored together with a job or its new tasks, by kind: a submitter's notifications, a dialect's own tables. */
import type { SideRow, CompiledJob } from '../engine/base/compiledJob.ts'
import type { StoredClaim } from '../engine/rules/outputClaims.ts'
import type { Connection } from './connection.ts'
import { writeOutputClaim } from './outputClaims.ts'
import type { RowStatement } from './rows/rowCommits.ts'

/**
 * What a side row belongs to: internal keys of the job and of the first of its (new) tasks. `at`: milliseconds since
 * the epoch.
 */
export interface SideRowPlace {
  jobId: number
  firstTaskId: number
  at: number
}

/** Values of a `task-input`: a file of the file store. `index`: of the task among the new ones, from 0. */
export interface TaskInput {
  index: number
  sha: string
  size: number
}

/** Runs inside the transaction; an exception undoes the submission. */
export type SideRowWriter = (tx: Connection, place: SideRowPlace, values: unknown) => Promise<void>
export type SideRowWriters = Readonly<Record<SideRow['kind'], SideRowWriter>>

/**
 * How a dialect's rows beside appended tasks are written, by kind: SQL that reads a JSON array of
 * [task id, job id, …values] from `jsonb_each(:rows)`. The tasks exist by then.
 */
export type AppendedRows = ReadonlyMap<string, RowStatement>

/** @param sql by kind */
export function appendedRowsOf(sql: Readonly<Record<string, string>>): AppendedRows {
  return new Map(Object.entries(sql).map(([kind, text]) => [kind, { name: `row_${kind.replaceAll('-', '_')}`, sql: text }]))
}

/** The store's own kinds. The creator and the writer of a side row share its format; no client input arrives here unchecked. */
export const SIDE_ROWS: SideRowWriters = {
  notifications: async (tx, { jobId }, values) => {
    await tx.run('insert into job_notifications (job_id, rules) values (?, ?)', [jobId, JSON.stringify(values)])
  },
  'task-input': async (tx, { firstTaskId }, values) => {
    // Written by the creator of the side row, as the format demands.
    const { index, sha, size } = values as TaskInput
    await tx.run('insert into task_inputs (task_id, sha, size) values (?, ?, ?)', [firstTaskId + index, sha, size])
  },
  'output-claim': (tx, place, values) => writeOutputClaim(tx, place, values as StoredClaim),
}

export async function writeSideRows(
  tx: Connection,
  { sideRows = [] }: CompiledJob,
  place: SideRowPlace,
  writers: SideRowWriters,
): Promise<void> {
  for (const { kind, values } of sideRows) {
    const writer = writers[kind]
    if (!writer) throw new Error(`no writer for side rows of kind "${kind}"`)
    await writer(tx, place, values)
  }
}
