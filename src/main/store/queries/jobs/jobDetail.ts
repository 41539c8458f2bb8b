/** Reads one job: its keys, and everything about it. */
import { Value } from 'typebox/value'
import type { JobStatus } from '../../../../shared/enums.ts'
import { Policy } from '../../../../shared/policy.ts'
import type { NamedRef } from '../../../../shared/schemas/common.ts'
import type { Job } from '../../../../shared/schemas/jobs/job.ts'
import type { ReadDatabase } from '../../connection.ts'
import { json } from '../format.ts'
import { summariesOf } from './jobs.ts'
import { notificationRules } from '../farm/notifications.ts'

interface JobDetailRow {
  settings: string
  metadata: string
  policy: string
  queue_order: Job['queueOrder']
  max_workers: number | null
  max_tasks: number | null
  output_dir: string | null
  keep_whole: number
  results_root: string | null
}

/** The keys of a job: its internal id and its owner, by label and id. */
export interface JobKey {
  id: number
  owner: string
  ownerId: string
  status: JobStatus
  frameCount: number
}

export function findJobKey(db: ReadDatabase, publicId: string): Promise<JobKey | undefined> {
  return db.get<JobKey>('select id, owner, owner_id as ownerId, status, frame_count as frameCount from jobs where public_id = ?', [
    publicId.toLowerCase(),
  ])
}

/** Everything about one job except its tasks. */
export async function readJob(db: ReadDatabase, id: number, now: number): Promise<Job | undefined> {
  const [summary] = await summariesOf(db, [id], now)
  const [row, limits, dependsOn, blocks, rules] = await Promise.all([
    db.get<JobDetailRow>(
      'select settings, metadata, policy, queue_order, max_workers, max_tasks, output_dir, keep_whole, results_root from jobs where id = ?',
      [id],
    ),
    db.all<{ name: string }>('select l.name from job_limits m join limits l on l.id = m.limit_id where m.job_id = ? order by l.name', [id]),
    db.all<NamedRef>(
      'select d.public_id as id, d.name from job_dependencies m join jobs d on d.id = m.depends_on_id where m.job_id = ? order by d.id',
      [id],
    ),
    db.all<NamedRef & { kind: string }>(
      `select w.public_id as id, w.name, b.kind from job_blocks b join workers w on w.id = b.worker_id
       where b.job_id = ? order by w.name, b.kind`,
      [id],
    ),
    notificationRules(db, id),
  ])
  if (!summary || !row) return undefined
  return {
    ...summary,
    settings: json<Record<string, unknown>>(row.settings, {}),
    metadata: json<Record<string, string>>(row.metadata, {}),
    policy: Value.Parse(Policy, Value.Default(Policy, json<object>(row.policy, {}))),
    queueOrder: row.queue_order,
    maxWorkers: row.max_workers,
    maxTasks: row.max_tasks,
    limits: limits.map((limit) => limit.name),
    dependsOn,
    outputDir: row.output_dir,
    blocklist: blocks.map(({ id: workerId, name, kind }) => ({ worker: { id: workerId, name }, kind })),
    notify: rules,
    keepWholeFrames: row.keep_whole !== 0,
    sendFiles: row.results_root !== null,
  }
}
