/** Reads the warnings of a job or of one task. */
import { taskPublicId } from '../../../../shared/ids.ts'
import { MAX_WARNING_FRAMES, type JobWarning, type JobWarnings, type TaskWarning } from '../../../../shared/schemas/jobs/warning.ts'
import type { ReadDatabase } from '../../connection.ts'
import { json, time } from '../format.ts'

interface WarningRow {
  code: string
  text: string
  count: number
  frames: string | null
  at: number
}

interface JobWarningRow extends WarningRow {
  tasks: number
  idx: number | null
}

function toWarning({ code, text, count, frames, at }: WarningRow): TaskWarning {
  return { code, text, count, frames: frames === null ? [] : json<number[]>(frames, []), at: time(at) }
}

/** The warnings of a task, in order of arrival. */
export async function warningsOfTask(db: ReadDatabase, taskId: number): Promise<TaskWarning[]> {
  return (await db.all<WarningRow>('select code, text, count, frames, at from warnings where task_id = ? order by id', [taskId])).map(
    toWarning,
  )
}

/**
 * A job's distinct warnings: those that concern most tasks first, its own before them. A warning of the job that its
 * tasks repeat is counted as often as the tasks have it. A file that several tasks miss is one missing file, whichever
 * reports it; the number of tasks that miss it is given as well.
 */
export async function warningsOfJob(db: ReadDatabase, job: { id: number; publicId: string }, limit: number): Promise<JobWarnings> {
  const [rows, counted] = await Promise.all([
    db.all<JobWarningRow>(
      `select g.code, g.text, g.count, g.at, g.tasks, (select idx from tasks where id = g.task) as idx,
         (select json_group_array(value) from (select distinct f.value from warnings w, json_each(w.frames) f
            where w.job_id = ?1 and w.code = g.code and w.text = g.text order by f.value limit ${MAX_WARNING_FRAMES})) as frames
       from (select code, text, max(at) as at, count(task_id) as tasks, min(task_id) as task, max(task_id is null) as own, min(id) as first,
               case when code in ('missing-file', 'missing-library') then max(count)
                 else coalesce(sum(case when task_id is not null then count end), sum(count)) end as count
             from warnings where job_id = ?1 group by code, text order by own desc, tasks desc, first limit ?2) g`,
      [job.id, limit],
    ),
    db.get<{ total: number }>('select warning_count as total from jobs where id = ?', [job.id]),
  ])
  const items = rows.map((row): JobWarning => ({
    ...toWarning(row),
    taskCount: row.tasks,
    taskId: row.idx === null ? null : taskPublicId(job.publicId, row.idx),
  }))
  return { items, total: counted?.total ?? 0 }
}
