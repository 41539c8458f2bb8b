/** Workers: rows of the database ↔ states of the engine. */
import type { WorkerStatus } from '../../../shared/enums.ts'
import type { WorkerState } from '../../engine/base/model.ts'
import type { RowStatement } from './rowCommits.ts'

export interface WorkerRow {
  id: number
  public_id: string
  namespace_id: number
  adapter: string
  machine_id: number | null
  name: string
  secret_hash: string
  platform: string
  address: string
  software: string
  status: WorkerStatus
  status_requested: WorkerStatus | null
  status_request_lazy: number
  can_restart: number
  kinds: string
  capabilities: string
  folders: string
  allowed_folders: string
  person: string
  is_renamed: number
  capacity: number
  approved_at: number | null
  last_seen_at: number | null
  report_seq: number
  last_task_id: number | null
  created_at: number
  updated_at: number
  deleted_at: number | null
  tag_ids: string | null
  schedule: string | null
}

export function workerFromRow(row: WorkerRow): WorkerState {
  return {
    id: row.id,
    publicId: row.public_id,
    namespaceId: row.namespace_id,
    adapter: row.adapter,
    secretHash: row.secret_hash,
    machineId: row.machine_id,
    name: row.name,
    platform: row.platform,
    address: row.address,
    software: row.software,
    status: row.status,
    statusRequested: row.status_requested,
    statusRequestLazy: row.status_request_lazy !== 0,
    canRestart: row.can_restart !== 0,
    kinds: JSON.parse(row.kinds), // written by workerRow
    capabilities: JSON.parse(row.capabilities), // written by workerRow
    folders: JSON.parse(row.folders), // written by workerRow
    allowedFolders: JSON.parse(row.allowed_folders), // written by workerRow
    person: row.person,
    isRenamed: row.is_renamed === 1,
    capacity: row.capacity,
    approvedAt: row.approved_at,
    lastSeenAt: row.last_seen_at,
    reportSeq: row.report_seq,
    lastTaskId: row.last_task_id,
    tagIds: new Set<number>(JSON.parse(row.tag_ids ?? '[]')),
    sleepSchedule: row.schedule ? JSON.parse(row.schedule) : null, // made by the query in loads.ts
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deletedAt: row.deleted_at,
  }
}

export const SAVE_WORKERS: RowStatement = {
  name: 'workers',
  sql: `update workers set machine_id = v->>1, name = v->>2, platform = v->>3, address = v->>4, software = v->>5, status = v->>6,
          status_requested = v->>7, status_request_lazy = v->>8, can_restart = v->>9, kinds = v->>10, capabilities = v->>11,
          capacity = v->>12, approved_at = v->>13, last_seen_at = v->>14, report_seq = v->>15, last_task_id = v->>16,
          updated_at = v->>17, deleted_at = v->>18, folders = v->>19, allowed_folders = v->>20, is_renamed = v->>21
        from (select value as v from jsonb_each(:rows)) where workers.id = v->>0`,
}

export const workerRow = (w: WorkerState) => [
  w.id,
  w.machineId,
  w.name,
  w.platform,
  w.address,
  w.software,
  w.status,
  w.statusRequested,
  Number(w.statusRequestLazy),
  Number(w.canRestart),
  JSON.stringify(w.kinds),
  JSON.stringify(w.capabilities),
  w.capacity,
  w.approvedAt,
  w.lastSeenAt,
  w.reportSeq,
  w.lastTaskId,
  w.updatedAt,
  w.deletedAt,
  JSON.stringify(w.folders),
  JSON.stringify(w.allowedFolders),
  Number(w.isRenamed),
]

/** Reports arrive with every task; a worker's properties and capabilities hardly ever change. */
export const SAVE_WORKERS_REPORTED: RowStatement = {
  name: 'workersReported',
  sql: `update workers set report_seq = v->>1, last_seen_at = v->>2, last_task_id = v->>3
        from (select value as v from jsonb_each(:rows)) where workers.id = v->>0`,
}

export const workerReportedRow = (w: WorkerState) => [w.id, w.reportSeq, w.lastSeenAt, w.lastTaskId]
