/** The dependencies inside a job; equivalent tasks are grouped. */
import { taskPublicId } from '../../../../shared/ids.ts'
import { TASK_STATUSES } from '../../../../shared/enums.ts'
import type { JobGraph } from '../../../../shared/schemas/jobs/task.ts'
import type { ReadDatabase } from '../../connection.ts'

/** Jobs with at most this many tasks and edges between single tasks show each task. */
const MAX_SINGLE = 300
const MAX_NODES = 500

interface NodeRow {
  node: string
  kind: string
  group_id: number | null
  waits: string | null
  first_idx: number
  first_name: string
  tasks: number
  [status: `n_${string}`]: number
}

/** A node groups tasks of the same kind, in the same barrier, that wait for the same barriers. */
export async function graphOfJob(db: ReadDatabase, job: { id: number; publicId: string }): Promise<JobGraph> {
  const size = await db.get<{ tasks: number; edges: number }>(
    `select (select count(*) from tasks where job_id = ?1) as tasks,
       exists (select 1 from tasks t join task_dependencies d on d.task_id = t.id where t.job_id = ?1) as edges`,
    [job.id],
  )
  const single = size !== undefined && size.edges === 1 && size.tasks <= MAX_SINGLE
  const placed = `with placed as (
    select t.id, t.idx, t.name, t.kind, t.status, t.group_id,
      (select group_concat(group_id) from (select group_id from task_group_dependencies where task_id = t.id order by group_id)) as waits
    from tasks t where t.job_id = ?),
  noded as (select *, ${single ? 'idx' : "kind || '/' || coalesce(group_id, '') || '/' || coalesce(waits, '')"} as node from placed)`
  const counts = TASK_STATUSES.map((status) => `sum(status = '${status}') as "n_${status}"`).join(', ')
  const nodes = await db.all<NodeRow>(
    `${placed} select cast(node as text) as node, kind, group_id, waits, min(idx) as first_idx, name as first_name, count(*) as tasks,
       ${counts}
     from noded group by node order by first_idx limit ${MAX_NODES}`,
    [job.id],
  )
  const edges = size?.edges
    ? await db.all<{ source: string; target: string }>(
        `${placed} select distinct cast(a.node as text) as source, cast(b.node as text) as target from task_dependencies d
         join noded a on a.id = d.depends_on_id join noded b on b.id = d.task_id where a.node <> b.node limit ${MAX_NODES * 20}`,
        [job.id],
      )
    : []
  const shown = new Set(nodes.map((row) => row.node))
  return {
    nodes: nodes.map((row) => ({
      id: row.node,
      label: row.tasks === 1 ? row.first_name : `${row.kind} × ${row.tasks}`,
      kind: row.kind,
      taskId: taskPublicId(job.publicId, row.first_idx),
      counts: Object.fromEntries(TASK_STATUSES.flatMap((status) => (row[`n_${status}`] ? [[status, row[`n_${status}`] ?? 0]] : []))),
    })),
    edges: [...barrierEdges(nodes), ...edges.map(({ source, target }) => ({ from: source, to: target }))].filter(
      ({ from, to }) => shown.has(from) && shown.has(to),
    ),
  }
}

/** From the members of a barrier to the tasks that wait for it. */
function barrierEdges(nodes: readonly NodeRow[]): JobGraph['edges'] {
  const members = new Map<number, string[]>()
  for (const { group_id, node } of nodes) if (group_id !== null) members.set(group_id, [...(members.get(group_id) ?? []), node])
  return nodes.flatMap(({ waits, node }) =>
    (waits ?? '')
      .split(',')
      .flatMap((group) => members.get(Number(group)) ?? [])
      .map((from) => ({ from, to: node })),
  )
}
