/**
 * A whole job in one small reply. SQLite builds the JSON, so that 100,000 tasks cost the main thread no objects: the
 * result is text for the wire (shared schema Grid).
 */
import type { ReadDatabase } from '../../connection.ts'

const LETTERS = `case status when 'queued' then 'q' when 'active' then 'a' when 'completed' then 'c' when 'failed' then 'f'
  when 'canceled' then 'x' when 'soft-failed' then 's' else 'p' end`

/** JSON text of the shared schema Grid. */
export async function gridOfJob(db: ReadDatabase, jobId: number): Promise<string> {
  const kinds = await db.all<{ kind: string }>('select distinct kind from tasks where job_id = ? order by kind', [jobId])
  const kindNames = JSON.stringify(kinds.map((row) => row.kind))
  const [tasks, frames, marks] = await Promise.all([
    db.get<{ statuses: string | null; names: string; kind_list: string }>(
      `select group_concat(letter, '') as statuses, json_group_array(name) as names, json_group_array(kind_index) as kind_list
       from (select ${LETTERS} as letter, t.name, k.key as kind_index
             from tasks t join json_each(?) k on k.value = t.kind where t.job_id = ? order by t.idx)`,
      [kindNames, jobId],
    ),
    db.get<{ list: string }>(
      `select json_group_array(json_array(idx, frame, id)) as list
       from (select t.idx, f.frame, f.id from frames f join tasks t on t.id = f.task_id
             where f.job_id = ? and f.preview = 'ready' order by t.idx, f.frame)`,
      [jobId],
    ),
    // An older file of the same frame does not count. One letter per frame: unchecked is what people should know first.
    db.get<{ list: string }>(
      `select json_group_array(json_array(idx, frame, mark)) as list
       from (select t.idx, f.frame, max(case when f.check_state = 'unchecked' then 'u' else 'k' end) as mark
             from frames f join tasks t on t.id = f.task_id
             where f.job_id = ? and f.side = 0 and (f.kept = 1 or f.check_state = 'unchecked') and not exists (
               select 1 from frames newer
               where newer.task_id = f.task_id and newer.frame is f.frame and newer.view = f.view and newer.side = 0 and newer.id > f.id)
             group by t.idx, f.frame order by t.idx, f.frame)`,
      [jobId],
    ),
  ])
  const { statuses, names, kind_list: kindOf } = tasks ?? { statuses: '', names: '[]', kind_list: '[]' }
  const lists = `"frames":${frames?.list ?? '[]'},"marks":${marks?.list ?? '[]'}`
  return `{"statuses":"${statuses ?? ''}","names":${names},"kinds":${kindNames},"kindOf":${kindOf},${lists}}`
}
