/** Rows that are stored together with a job or its new tasks, by kind: a submitter's notifications, a dialect's own tables. */
import type { Companion, CompiledJob } from '../engine/compiledJob.ts'
import type { Connection } from './connection.ts'
import { writeFastlaneRun } from './fastlaneRows.ts'
import type { FastlaneRun } from './fastlaneRows.ts'

/** Where the companion belongs: internal keys of the job and of the first of its (new) tasks. `at`: milliseconds since the epoch. */
export interface CompanionPlace {
  jobId: number
  firstTaskId: number
  at: number
}

/** Runs inside the transaction; what it throws undoes the submission. */
type CompanionWriter = (tx: Connection, place: CompanionPlace, values: unknown) => Promise<void>

// Who makes a companion and who writes it agree on its values; nothing of a client's comes here unchecked.
const WRITERS: Record<string, CompanionWriter> = {
  notifications: async (tx, { jobId }, values) => {
    await tx.run('insert into job_notifications (job_id, rules) values (?, ?)', [jobId, JSON.stringify(values)])
  },
  fastlane: (tx, place, values) => writeFastlaneRun(tx, place, values as FastlaneRun),
}

export async function writeCompanions(tx: Connection, { companions = [] }: CompiledJob, place: CompanionPlace): Promise<void> {
  for (const { kind, values } of companions) await writerOf(kind)(tx, place, values)
}

function writerOf(kind: Companion['kind']): CompanionWriter {
  const writer = WRITERS[kind]
  if (!writer) throw new Error(`nobody knows how to store a companion of kind "${kind}"`)
  return writer
}
