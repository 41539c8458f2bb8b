/** Rows of the database ↔ states of the engine: the one room that knows both spellings. Writing: one statement a kind of row, over a JSON array of rows. */
import type { RowStatement } from './rowCommits.ts'
import { SAVE_JOBS, SAVE_JOB_COUNTERS, ADD_WARNINGS, ADD_OUTBOX } from './jobs.ts'
import { ADD_TASK_FILES, ADD_TASKS, SAVE_GROUPS, SAVE_TASKS, ADD_FAILURES, ADD_COMPLETIONS } from './tasks.ts'
import { ADD_ATTEMPTS, SAVE_ATTEMPTS, SAVE_LOG_LENGTHS, ADD_LOG_CHUNKS, SAVE_REPORTED_DONE, SAVE_INPUTS, ADD_RESULTS } from './attempts.ts'
import { ADD_FRAMES, ADD_UNSEEN_FRAMES } from './frames.ts'
import { ANNOUNCE_RESULT_FILES } from './resultFiles.ts'
import { SAVE_WORKERS, SAVE_WORKERS_REPORTED } from './workers.ts'

export * from './jobs.ts'
export * from './tasks.ts'
export * from './attempts.ts'
export * from './frames.ts'
export * from './resultFiles.ts'
export * from './workers.ts'

/** All of them, in the order in which a commit applies them: rows exist before others refer to them. */
const ROW_STATEMENTS: readonly RowStatement[] = [
  SAVE_WORKERS,
  SAVE_WORKERS_REPORTED,
  SAVE_JOBS,
  SAVE_JOB_COUNTERS,
  SAVE_GROUPS,
  ADD_TASKS,
  ADD_TASK_FILES,
  SAVE_TASKS,
  ADD_ATTEMPTS,
  SAVE_ATTEMPTS,
  SAVE_LOG_LENGTHS,
  ADD_LOG_CHUNKS,
  ADD_FRAMES,
  ADD_UNSEEN_FRAMES,
  ANNOUNCE_RESULT_FILES,
  ADD_WARNINGS,
  SAVE_INPUTS,
  ADD_RESULTS,
  SAVE_REPORTED_DONE,
  ADD_FAILURES,
  ADD_COMPLETIONS,
  ADD_OUTBOX,
]

/** With those of dialects, which belong to new tasks. */
export function rowStatements(ofDialects: readonly RowStatement[]): readonly RowStatement[] {
  const after = ROW_STATEMENTS.indexOf(ADD_TASKS) + 1
  return ROW_STATEMENTS.toSpliced(after, 0, ...ofDialects)
}
