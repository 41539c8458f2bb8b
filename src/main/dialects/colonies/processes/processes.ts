/** Finding processes and graphs by the ids of the wire, with the check whether the caller may. */
import type { ApiContext } from '../../../http/context.ts'
import { taskPublicId } from '../../../../shared/ids.ts'
import type { Member, Roles } from '../people/roles.ts'
import type { Registry } from '../people/registry.ts'
import { findGraph, findProcess, findProcessByTail, nodesOf, type GraphRow, type ProcessRow } from '../store/processes.ts'
import { ColoniesError } from '../wire/errors.ts'
import { parseProcessId } from '../wire/values.ts'
import { graphView } from './graphs.ts'
import { processViews, type WireProcess } from './views.ts'

export interface FoundProcess {
  row: ProcessRow
  member: Member
  /** Public id of its task. */
  taskId: string
}

export class Processes {
  constructor(
    private readonly context: Pick<ApiContext, 'read'>,
    private readonly registry: Registry,
    private readonly roles: Roles,
  ) {}

  /** @throws ColoniesError 404, 403 */
  async need(processId: string, signer: string): Promise<FoundProcess> {
    const row = await this.find(processId)
    if (!row) throw new ColoniesError(404, `Process not found: ${processId.slice(0, 64)}`)
    const member = this.roles.needMemberOf(signer, row.colonyId)
    return { row, member, taskId: taskPublicId(row.jobPublicId, row.index) }
  }

  async find(processId: string): Promise<ProcessRow | undefined> {
    const parsed = parseProcessId(processId)
    return parsed && parsed.index > 0 ? findProcess(this.context.read, parsed.jobId, parsed.index) : undefined
  }

  findByJob(jobPublicId: string, index: number): Promise<ProcessRow | undefined> {
    return findProcess(this.context.read, jobPublicId, index)
  }

  findByTail(jobTail: string, index: number): Promise<ProcessRow | undefined> {
    return findProcessByTail(this.context.read, jobTail, index)
  }

  async view(row: ProcessRow): Promise<WireProcess> {
    const [view] = await processViews(this.context.read, [row])
    if (!view) throw new ColoniesError(404, 'Process not found')
    return view
  }

  /** @throws ColoniesError 500 for an unknown one, as the original; 403 */
  async needGraph(graphId: string, signer: string): Promise<{ graph: GraphRow; member: Member }> {
    const parsed = parseProcessId(graphId)
    const graph = parsed?.index === 0 ? await findGraph(this.context.read, parsed.jobId) : undefined
    if (!graph) throw new ColoniesError(500, 'Failed to get processgraph, processgraph is nil')
    return { graph, member: this.roles.needMemberOf(signer, graph.colonyId) }
  }

  async graphViews(graphs: readonly GraphRow[], drawn: boolean): Promise<Record<string, unknown>[]> {
    const nodes = await nodesOf(
      this.context.read,
      graphs.map(({ jobId }) => jobId),
    )
    return graphs.map((graph) =>
      graphView(
        graph,
        this.registry.findById(graph.colonyId)?.name ?? '',
        nodes.filter(({ graph: jobId }) => jobId === graph.jobId),
        drawn,
      ),
    )
  }
}
