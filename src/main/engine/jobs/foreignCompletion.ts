/**
 * Verifies a foreign worker's report "completed": where its files are accessible, they are checked before the task counts. Where no
 * worker can access them, the report is accepted, in the commit that its answer waits for anyway. Until a check ends, the attempt keeps
 * its lease, which neither times out nor is returned; the worker continues with other tasks. The report is on disk before the worker is
 * answered, and a check that a stop of the manager interrupted is repeated.
 */
import type { Command } from '../../../shared/schemas/jobs/task.ts'
import { fitWarning } from '../../../shared/schemas/jobs/warning.ts'
import { taskPublicId } from '../../../shared/ids.ts'
import type { Assignments } from './assignments.ts'
import type { Attempts } from './attempts.ts'
import type { Core } from '../base/core.ts'
import { StaleAttemptError, UnavailableError } from '../base/errors.ts'
import { existingRule } from '../rules/existingFiles.ts'
import type { FrameLooks, TaskFound, TaskLookRequest } from '../base/frameLooks.ts'
import type { Lease } from '../queue/jobRuntime.ts'
import type { Warnings } from './warnings.ts'

/** A worker that requests work waits this long for the checks of what it has just finished: most take less. */
const SHORT_LOOK_MS = 2_000

export class ForeignCompletion {
  /** Running checks, by worker. */
  private readonly looking = new Map<number, Set<Promise<void>>>()
  /** Leases whose worker was not answered yet. */
  private readonly deciding = new Map<Lease, Promise<void>>()

  constructor(
    private readonly core: Core,
    private readonly attempts: Attempts,
    private readonly assignments: Assignments,
    private readonly warnings: Warnings,
  ) {}

  /**
   * The worker reports completion. Where no worker can access its files, the report is accepted, and the attempt has ended when this
   * resolves; otherwise the files are checked while the worker continues. False: there is nothing to check, and the attempt may end.
   * @param say records the rest of the worker's report; in one commit with the result of the attempt. Not called for false
   * @throws StaleAttemptError when the task was taken from the worker in the meantime
   */
  async begin(lease: Lease, say: () => void): Promise<boolean> {
    const { looks } = this.core
    const commands = this.assignments.commandsOf(lease)
    if (!looks?.promises(commands)) return false
    // From here on it neither times out nor is given back.
    lease.reportedDone = true
    const deciding = this.decide(lease, commands, looks, say)
    this.deciding.set(lease, deciding)
    try {
      await deciding
    } catch (error) {
      lease.reportedDone = false
      throw error
    } finally {
      this.deciding.delete(lease)
    }
    return true
  }

  /** Resolves when the worker's earlier report of completion is decided. */
  async decided(lease: Lease): Promise<void> {
    await this.deciding.get(lease)
  }

  private async decide(lease: Lease, commands: Command[], looks: FrameLooks, say: () => void): Promise<void> {
    const { store, now } = this.core
    const { job, task, attempt } = lease
    const believed = await looks.believed(this.requestOf(lease, commands))
    while (job.busy) await job.busy
    if (job.active.get(task.id) !== lease) throw new StaleAttemptError('the attempt no longer holds its task')
    say()
    if (believed) return this.end(lease, believed)
    store.saveReportedDone(attempt.id, now())
    this.attempts.progress(lease, task.stepsTotal, 'Checking its files')
    store.afterCommit(() => this.start(lease, commands))
  }

  /** Reported to an earlier run of the manager. */
  resume(lease: Lease): void {
    lease.reportedDone = true
    this.core.store.afterCommit(() => this.start(lease, this.assignments.commandsOf(lease)))
  }

  /** Waits a moment for the checks of the worker's results. False: there were none, or they take longer. */
  async settleSoon(workerId: number): Promise<boolean> {
    const looks = this.looking.get(workerId)
    if (looks === undefined) return false
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), SHORT_LOOK_MS)
    })
    const all = Promise.all(looks).then(() => true)
    return Promise.race([all, late]).finally(() => clearTimeout(timer))
  }

  private start(lease: Lease, commands: Command[]): void {
    const { id } = lease.worker
    const looks = this.looking.get(id) ?? new Set()
    const look = this.look(lease, commands).finally(() => {
      looks.delete(look)
      if (looks.size === 0 && this.looking.get(id) === looks) this.looking.delete(id)
    })
    this.looking.set(id, looks.add(look))
  }

  private requestOf(lease: Lease, commands: Command[]): TaskLookRequest {
    const { job, task, attempt, worker } = lease
    return {
      taskId: taskPublicId(job.state.publicId, task.index),
      jobId: job.state.publicId,
      attempt: attempt.number,
      worker,
      commands,
      compare: existingRule(job.state, task, attempt.number).compare,
      named: lease.unnamed !== true,
    }
  }

  private async look(lease: Lease, commands: Command[]): Promise<void> {
    const { core } = this
    const { job } = lease
    const request = this.requestOf(lease, commands)
    try {
      const found = (await core.looks?.task(request)) ?? NOTHING
      while (job.busy) await job.busy
      await this.end(lease, found)
      await core.store.durable()
    } catch (error) {
      // Canceled or requeued in the meantime; or the manager is stopping, and checks again at its next start.
      if (error instanceof StaleAttemptError || error instanceof UnavailableError) return
      core.log.error({ error, taskId: request.taskId }, 'cannot check the files of a task')
      await this.end(lease, NOTHING).catch(() => undefined)
    }
  }

  /** What was found and the attempt's end, in one commit. @throws StaleAttemptError when it was canceled or requeued meanwhile */
  private async end(lease: Lease, { problem, frames, warnings }: TaskFound): Promise<void> {
    const { job, task, attempt } = lease
    // A job that was deleted in the meantime needs none.
    if (job.state.deletedAt === null) {
      this.attempts.addFrames(job, task, attempt, frames)
      for (const warning of warnings) this.warnings.ofAttempt(job, task, attempt, fitWarning(warning))
    }
    if (problem === undefined) await this.attempts.end(lease, { outcome: 'success', exitCode: 0, reason: '' })
    else await this.attempts.end(lease, { outcome: 'exit-code', exitCode: null, reason: problem })
  }
}

const NOTHING: TaskFound = { problem: undefined, frames: [], warnings: [] }
