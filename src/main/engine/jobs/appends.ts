/** Tasks that are added one at a time to a job that is open for them: messages of an actor's mailbox, processes of a colony. */
import { FINISHED_JOB_STATUSES } from '../../../shared/enums.ts'
import type { Core } from '../base/core.ts'
import { ConflictError, DiskFullError } from '../base/errors.ts'
import type { AppendedTask } from '../base/farmRecords.ts'
import type { TaskState } from '../base/model.ts'
import type { JobCache } from '../queue/jobCache.ts'
import type { JobRuntime } from '../queue/jobRuntime.ts'
import { agedOrderKey, taskOrderKey } from '../rules/orderKey.ts'
import type { Transitions } from './transitions.ts'

export class Appends {
  constructor(
    private readonly core: Core,
    private readonly book: JobCache,
    private readonly transitions: Transitions,
  ) {}

  /** See FarmEngine.appendTask. */
  async append(jobId: string, added: AppendedTask): Promise<number> {
    if (!this.core.store.hasRoom) throw new DiskFullError()
    const job = await this.book.need(jobId)
    while (job.busy) await job.busy
    const { state } = job
    if (state.deletedAt !== null || state.deleteRequestedAt !== null) throw new ConflictError(`job "${jobId}" is deleted`)
    const templateId = job.firstTemplate
    if (templateId === undefined) throw new ConflictError(`job "${jobId}" has no commands for further tasks`)
    const task = this.newTask(job, templateId, added)
    state.taskCount = task.index
    state.counts.queued++
    state.stepsTotal += task.stepsTotal
    state.updatedAt = task.updatedAt
    this.book.append(job, task, added.input)
    if (added.row) this.core.store.addRow(added.row, task.id, state.id)
    if (added.file) this.core.store.addTaskFile(task.id, added.file)
    this.core.store.saveJobCounters(state)
    if (FINISHED_JOB_STATUSES.includes(state.status)) void this.transitions.job(job, 'queued', 'a task was added')
    else this.transitions.announceJob(job, null, false)
    await this.core.store.durable()
    return task.index
  }

  private newTask(
    { state }: JobRuntime,
    templateId: number,
    { name, kind, priority, notBefore, startBy, ...added }: AppendedTask,
  ): TaskState {
    const now = this.core.now()
    const index = state.taskCount + 1
    return {
      id: this.core.store.newTaskId(),
      jobId: state.id,
      index,
      name,
      kind,
      status: 'queued',
      priority,
      orderKey: state.queueOrder === 'task-ages' ? agedOrderKey(added.submittedAt ?? now, priority, index) : taskOrderKey(priority, index),
      unmet: 0,
      groupId: null,
      optional: 0,
      templateId,
      params: added.params ?? null,
      laneId: null,
      stepsCompleted: 0,
      stepsTotal: 1,
      workerId: null,
      attempts: 0,
      retries: 0,
      activity: '',
      rerun: null,
      notBefore: notBefore ?? null,
      startBy: startBy ?? null,
      updatedAt: now,
      touchedAt: null,
      startedAt: null,
      finishedAt: null,
    }
  }
}
