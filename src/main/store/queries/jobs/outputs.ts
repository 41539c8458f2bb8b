/** Output folders of a job, for opening one of its files. */
import { expandCommands } from '../../../engine/compile/commandTemplates.ts'
import type { Command } from '../../../../shared/schemas/jobs/task.ts'
import type { ReadDatabase } from '../../connection.ts'

export interface JobOutputs {
  /** In the manager's notation; null when unknown. */
  folder: string | null
  /** The folder at submission with links resolved, as folderKey creates it; null when unknown. */
  folderKey: string | null
  /** Commands of the task that saved the file, with variables. */
  commands: Command[]
}

/** @param jobId public @param taskIndex of the task that saved the file, from 1 */
export async function outputsOfTask(db: ReadDatabase, jobId: string, taskIndex: number): Promise<JobOutputs | undefined> {
  const row = await db.get<{ folder: string | null; folderKey: string | null; body: string; params: string | null }>(
    `select j.output_dir as folder, o.folder_key as folderKey, c.body, t.params from jobs j
     join tasks t on t.job_id = j.id and t.idx = ?
     join command_templates c on c.id = t.template_id
     left join output_claims o on o.job_id = j.id
     where j.public_id = ?`,
    [taskIndex, jobId],
  )
  return row && { folder: row.folder, folderKey: row.folderKey, commands: expandCommands(row.body, row.params) }
}

/** The worker that saved a frame. `pathIsIts`: the frame's path is in its notation, not in the manager's. */
export async function saverOfFrame(
  db: ReadDatabase,
  frameId: number,
): Promise<{ publicId: string; platform: string; pathIsIts: boolean } | undefined> {
  const row = await db.get<{ publicId: string; platform: string; adapter: string }>(
    `select w.public_id as publicId, w.platform, w.adapter from frames f
     join attempts a on a.id = f.attempt_id join workers w on w.id = a.worker_id where f.id = ?`,
    [frameId],
  )
  return row && { publicId: row.publicId, platform: row.platform, pathIsIts: row.adapter === 'native' }
}
