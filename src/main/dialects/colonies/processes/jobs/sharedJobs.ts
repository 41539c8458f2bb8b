/**
 * Single processes share a job: for each kind one that is open, to which they are appended one by one. It rests while it
 * has none to run. When it has taken enough of them, the next process opens another, so that no job grows without an end.
 */
import { randomUUID } from 'node:crypto'
import type { ApiContext } from '../../../../http/context.ts'
import { ConflictError, NotFoundError } from '../../../../engine/base/errors.ts'
import type { AppendedTask } from '../../../../engine/base/farmRecords.ts'
import { compileTasks } from '../../../../engine/compile/compileTasks.ts'
import { EXTERNAL_COMMAND } from '../../../../engine/rules/externalTerms.ts'
import type { Colony } from '../../people/registry.ts'
import { closeSharedJob, openSharedJobs, type NewSharedJob } from '../../store/sharedJobs.ts'
import { newJobRecord, POLICY } from './records.ts'

/** The page of jobs says what such a job waits for (renderer/ui/design/states.ts). */
const RESTS_AS = 'waiting for processes'
const ENDS_AS = 'all of its processes have ended'
/** Processes of one job: removing it is a single transaction. */
const MOST_PROCESSES = 5_000
const LONGEST_NAME = 200

const LIMITS = ['maxRunMs', 'maxRetries', 'maxWaitMs'] as const
/** Every process has limits of its own. */
const TEMPLATE = JSON.stringify({
  commands: [{ name: EXTERNAL_COMMAND, parameters: { maxRunMs: 0, maxRetries: -1, maxWaitMs: 0 }, totalStepCount: 1 }],
  holes: LIMITS.map((name) => ({ path: [0, 'parameters', name] })),
})

export interface SharedTask extends Omit<AppendedTask, 'params' | 'input' | 'kind'> {
  limits: Record<(typeof LIMITS)[number], number>
}

/** Where a process is: in a job, at an index. */
export interface ProcessPlace {
  jobId: string
  index: number
}

export class SharedJobs {
  /** By kind: the job that is open, or that is being made. */
  private readonly open = new Map<string, Promise<string>>()
  /** Processes on their way into a job. */
  private readonly arriving = new Map<string, number>()

  private constructor(
    private readonly context: Pick<ApiContext, 'farm' | 'writer' | 'now' | 'log'>,
    private readonly mostProcesses: number,
  ) {}

  static async load(
    context: Pick<ApiContext, 'farm' | 'read' | 'writer' | 'now' | 'log'>,
    mostProcesses = MOST_PROCESSES,
  ): Promise<SharedJobs> {
    const jobs = new SharedJobs(context, mostProcesses)
    for (const { kind, jobPublicId } of await openSharedJobs(context.read)) jobs.open.set(kind, Promise.resolve(jobPublicId))
    return jobs
  }

  /** Adds a process; it is on disk when this resolves. */
  async append(colony: Colony, kind: string, { limits, ...task }: SharedTask): Promise<ProcessPlace> {
    const params = JSON.stringify(LIMITS.map((name) => limits[name]))
    for (;;) {
      const making = this.open.get(kind) ?? this.make(colony, kind)
      const jobId = await making
      this.arriving.set(jobId, (this.arriving.get(jobId) ?? 0) + 1)
      try {
        const index = await this.context.farm.jobs.append(jobId, { ...task, kind, params, input: null })
        if (index >= this.mostProcesses && this.open.get(kind) === making) await this.close(kind, jobId)
        return { jobId, index }
      } catch (error) {
        // A person deleted it: the process opens another.
        if (!(error instanceof NotFoundError) && !(error instanceof ConflictError)) throw error
        if (this.open.get(kind) === making) this.open.delete(kind)
      } finally {
        const others = (this.arriving.get(jobId) ?? 1) - 1
        if (others > 0) this.arriving.set(jobId, others)
        else this.arriving.delete(jobId)
      }
    }
  }

  /** Whether no process is on its way into the job. */
  isQuiet(jobId: string): boolean {
    return !this.arriving.has(jobId)
  }

  private make(colony: Colony, kind: string): Promise<string> {
    const making = this.submit(colony, kind)
    this.open.set(kind, making)
    making.catch(() => this.open.get(kind) === making && this.open.delete(kind))
    return making
  }

  private async submit(colony: Colony, kind: string): Promise<string> {
    const publicId = randomUUID()
    const values: NewSharedJob = { colonyId: colony.id, kind }
    await this.context.farm.jobs.submit(
      {
        ...newJobRecord(publicId, {
          name: kind.slice(0, LONGEST_NAME),
          type: 'colonies-processes',
          owner: colony.name,
          ownerId: `colonies:${colony.ownerId}`,
          project: colony.name,
          at: this.context.now(),
        }),
        policy: { ...POLICY, restsAs: RESTS_AS },
        queueOrder: 'task-ages',
        activity: RESTS_AS,
      },
      { ...compileTasks([]), templates: [TEMPLATE], settings: {}, metadata: {}, sideRows: [{ kind: 'colonies-job', values }] },
    )
    return publicId
  }

  /** It has enough. After a crash in between, its next process does the rest. */
  private async close(kind: string, jobId: string): Promise<void> {
    this.open.delete(kind)
    try {
      await this.context.writer.exclusive((tx) => closeSharedJob(tx, jobId))
      await this.context.farm.jobs.change(jobId, { policy: { restsAs: ENDS_AS } })
    } catch (error) {
      // The process that filled it is stored, whatever becomes of the rest.
      this.context.log.error({ err: error, job: jobId }, 'cannot close a full job of processes')
    }
  }
}
