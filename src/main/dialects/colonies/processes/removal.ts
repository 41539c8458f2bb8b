/** Removing and cancelling: processes, graphs, executors, whole colonies. */
import type { ApiContext } from '../../../http/context.ts'
import { ConflictError, NotFoundError } from '../../../engine/base/errors.ts'
import type { Executors } from '../people/executors.ts'
import type { Colony, Registry } from '../people/registry.ts'
import { jobsOf, type GraphRow } from '../store/processes.ts'
import { ColoniesError } from '../wire/errors.ts'
import { graphState } from './graphs.ts'
import type { FoundProcess } from './processes.ts'
import type { Crons } from '../schedules/crons.ts'
import type { Queues } from './queues.ts'
import { RUNNING, SUCCESS } from './views.ts'

export class Removal {
  constructor(
    private readonly context: Pick<ApiContext, 'farm' | 'read'>,
    private readonly parts: { registry: Registry; queues: Queues; executors: Executors; crons: Crons },
  ) {}

  /** @throws ColoniesError 400 for one that runs or belongs to a graph */
  async process({ row, member }: FoundProcess): Promise<void> {
    if (row.isGraph) throw new ColoniesError(400, 'Failed to remove process, the process belongs to a processgraph')
    if (row.state === RUNNING) throw new ColoniesError(400, 'Failed to remove process, the process is running')
    await this.deleteJob(row.jobPublicId, member.name)
  }

  /** @throws ColoniesError 400 for one that ended or belongs to a graph */
  async cancelProcess({ row, member, taskId }: FoundProcess): Promise<void> {
    if (row.isGraph) throw new ColoniesError(400, 'Failed to cancel process, the process belongs to a processgraph')
    if (row.state >= SUCCESS) throw new ColoniesError(400, 'Failed to cancel process, the process has finished')
    await this.context.farm.actOnTask(taskId, 'cancel', member.name)
  }

  /** @throws ColoniesError 400 for one that runs */
  async graph(graph: GraphRow, actor: string): Promise<void> {
    if (graphState(graph) === RUNNING) throw new ColoniesError(400, 'Failed to remove processgraph, the processgraph is running')
    await this.deleteJob(graph.jobPublicId, actor)
  }

  async cancelGraph(graph: GraphRow, actor: string): Promise<void> {
    try {
      await this.context.farm.actOnJob(graph.jobPublicId, 'cancel', actor)
    } catch (error) {
      if (error instanceof ConflictError) throw new ColoniesError(400, 'Failed to cancel processgraph, it has finished')
      throw error
    }
  }

  /** All processes in a state, those outside of graphs; with -1 all processes, those of graphs too. */
  async processes(colony: Colony, state: number, actor: string): Promise<void> {
    const filter = state === -1 ? { graphs: undefined } : { state, graphs: false }
    await this.deleteJobs(await jobsOf(this.context.read, { colonyId: colony.id, ...filter }), actor)
  }

  /** @param state -1: all */
  async graphs(colony: Colony, state: number, actor: string): Promise<void> {
    const found = await jobsOf(this.context.read, { colonyId: colony.id, graphs: true, ...(state !== -1 && { state }) })
    await this.deleteJobs(found, actor)
  }

  /** With everything in it; what runs is taken from its executors. */
  async colony(colony: Colony, actor: string): Promise<void> {
    this.parts.crons.forget(colony)
    const jobs = await jobsOf(this.context.read, { colonyId: colony.id, graphs: undefined })
    for (const executor of colony.executors.values()) await this.parts.executors.remove(executor)
    await this.deleteJobs(jobs, actor)
    await this.parts.registry.removeColony(colony)
    this.parts.queues.forget(colony)
  }

  private async deleteJobs(jobs: readonly { jobPublicId: string }[], actor: string): Promise<void> {
    for (const { jobPublicId } of jobs) await this.deleteJob(jobPublicId, actor)
  }

  private async deleteJob(jobId: string, actor: string): Promise<void> {
    await this.context.farm.actOnJob(jobId, 'delete', actor).catch((error: unknown) => {
      // Another caller deleted it first.
      if (!(error instanceof NotFoundError) && !(error instanceof ConflictError)) throw error
    })
  }
}
