/** Removing and cancelling: processes, graphs, executors, whole colonies. */
import { taskPublicId } from '../../../../shared/ids.ts'
import type { ApiContext } from '../../../http/context.ts'
import { ConflictError, NotFoundError } from '../../../engine/base/errors.ts'
import type { Executors } from '../people/executors.ts'
import type { Colony, Registry } from '../people/registry.ts'
import { jobsOf, type GraphRow } from '../store/processes.ts'
import { deleteProcesses, isUsedUp, sharedJobsOf, sharedProcesses, type SharedProcess } from '../store/sharedJobs.ts'
import { ColoniesError } from '../wire/errors.ts'
import { graphState } from './graphs.ts'
import type { FoundProcess } from './processes.ts'
import type { Crons } from '../schedules/crons.ts'
import type { Queues } from './queues.ts'
import type { ReadAhead } from './jobs/readAhead.ts'
import type { SharedJobs } from './jobs/sharedJobs.ts'
import { RUNNING, SUCCESS } from './views.ts'

/** Processes that are removed at once. */
const SLICE = 500

export class Removal {
  constructor(
    private readonly context: Pick<ApiContext, 'farm' | 'read' | 'writer'>,
    private readonly parts: {
      registry: Registry
      queues: Queues
      executors: Executors
      crons: Crons
      sharedJobs: SharedJobs
      readAhead: ReadAhead
    },
  ) {}

  /** @throws ColoniesError 400 for one that runs or belongs to a graph */
  async process({ row, member }: FoundProcess): Promise<void> {
    if (row.isGraph) throw new ColoniesError(400, 'Failed to remove process, the process belongs to a processgraph')
    if (row.state === RUNNING) throw new ColoniesError(400, 'Failed to remove process, the process is running')
    if (!row.isShared) return this.deleteJob(row.jobPublicId, member.name)
    await this.removeShared([row], member.name, row.state)
  }

  /** @throws ColoniesError 400 for one that ended or belongs to a graph */
  async cancelProcess({ row, member, taskId }: FoundProcess): Promise<void> {
    if (row.isGraph) throw new ColoniesError(400, 'Failed to cancel process, the process belongs to a processgraph')
    if (row.state >= SUCCESS) throw new ColoniesError(400, 'Failed to cancel process, the process has finished')
    await this.context.farm.tasks.act(taskId, 'cancel', member.name)
  }

  /** @throws ColoniesError 400 for one that runs */
  async graph(graph: GraphRow, actor: string): Promise<void> {
    if (graphState(graph) === RUNNING) throw new ColoniesError(400, 'Failed to remove processgraph, the processgraph is running')
    await this.deleteJob(graph.jobPublicId, actor)
  }

  async cancelGraph(graph: GraphRow, actor: string): Promise<void> {
    try {
      await this.context.farm.jobs.act(graph.jobPublicId, 'cancel', actor)
    } catch (error) {
      if (error instanceof ConflictError) throw new ColoniesError(400, 'Failed to cancel processgraph, it has finished')
      throw error
    }
  }

  /** All processes in a state, those outside of graphs; with -1 all processes, those of graphs too. */
  async processes(colony: Colony, state: number, actor: string): Promise<void> {
    if (state === -1) return this.everything(colony, actor)
    const { read } = this.context
    let slice: SharedProcess[] = []
    do {
      slice = await sharedProcesses(read, colony.id, state, slice.at(-1)?.taskId ?? 0, SLICE)
      if (slice.length > 0) await this.removeShared(slice, actor, state)
    } while (slice.length === SLICE)
    await this.deleteJobs(await jobsOf(read, { colonyId: colony.id, state, graphs: false }), actor)
  }

  /** @param state -1: all */
  async graphs(colony: Colony, state: number, actor: string): Promise<void> {
    const found = await jobsOf(this.context.read, { colonyId: colony.id, graphs: true, ...(state !== -1 && { state }) })
    await this.deleteJobs(found, actor)
  }

  /** With everything in it; what runs is taken from its executors. */
  async colony(colony: Colony, actor: string): Promise<void> {
    this.parts.crons.forget(colony)
    for (const executor of colony.executors.values()) await this.parts.executors.remove(executor)
    await this.everything(colony, actor)
    await this.parts.registry.removeColony(colony)
    this.parts.queues.forget(colony)
  }

  private async everything({ id: colonyId }: Colony, actor: string): Promise<void> {
    const { read } = this.context
    await this.deleteJobs(await sharedJobsOf(read, colonyId), actor)
    await this.deleteJobs(await jobsOf(read, { colonyId, graphs: undefined }), actor)
  }

  /**
   * Processes that share their jobs with others. What has not ended is canceled first, so no executor gets it any longer;
   * the farm's job keeps a canceled or ended task of each, until nothing of the job is left.
   */
  private async removeShared(processes: readonly SharedProcess[], actor: string, state: number): Promise<void> {
    const { farm, read, writer } = this.context
    if (state < SUCCESS) {
      await Promise.all(
        processes.map(({ jobPublicId, index }) => farm.tasks.act(taskPublicId(jobPublicId, index), 'cancel', actor).catch(ignoreEnded)),
      )
    }
    const keys = processes.map(({ taskId }) => taskId)
    await writer.exclusive((tx) => deleteProcesses(tx, keys))
    this.parts.readAhead.forget(keys)
    for (const jobId of new Set(processes.map(({ jobPublicId }) => jobPublicId))) {
      if (this.parts.sharedJobs.isQuiet(jobId) && (await isUsedUp(read, jobId))) await this.deleteJob(jobId, actor)
    }
  }

  private async deleteJobs(jobs: readonly { jobPublicId: string }[], actor: string): Promise<void> {
    for (const { jobPublicId } of jobs) await this.deleteJob(jobPublicId, actor)
  }

  private async deleteJob(jobId: string, actor: string): Promise<void> {
    await this.context.farm.jobs.act(jobId, 'delete', actor).catch(ignoreEnded)
  }
}

/** It ended at this moment, or another caller deleted it first. */
function ignoreEnded(error: unknown): void {
  if (!(error instanceof NotFoundError) && !(error instanceof ConflictError)) throw error
}
