/** Tells who waits for a process that it has changed. No client polls: the engine's events, after their commit, are the cause. */
import { idTail, parseTaskId } from '../../../../shared/ids.ts'
import type { ApiContext } from '../../../http/context.ts'

interface Watcher {
  taskId: string
  changed(): void
}

export class Watching {
  /** By the part of the id that a job's tasks share. */
  private readonly byJob = new Map<string, Set<Watcher>>()
  private readonly anyTask = new Set<(taskId: string) => void>()
  private readonly stops: (() => void)[] = []

  constructor(private readonly farm: Pick<ApiContext['farm'], 'on'>) {}

  /** Calls `changed` after each change of the task's status. Returns the function that ends it. */
  watch(taskId: string, changed: () => void): () => void {
    this.listen()
    const tail = parseTaskId(taskId)?.jobTail ?? ''
    const watcher = { taskId, changed }
    const known = this.byJob.get(tail)
    if (known) known.add(watcher)
    else this.byJob.set(tail, new Set([watcher]))
    return () => {
      const watchers = this.byJob.get(tail)
      watchers?.delete(watcher)
      if (watchers?.size === 0) this.byJob.delete(tail)
    }
  }

  /** Calls it with each task whose status changed. */
  watchAll(changed: (taskId: string) => void): () => void {
    this.listen()
    this.anyTask.add(changed)
    return () => this.anyTask.delete(changed)
  }

  stop(): void {
    for (const stop of this.stops.splice(0)) stop()
  }

  private listen(): void {
    if (this.stops.length > 0) return
    this.stops.push(
      this.farm.on('task', ({ jobId, taskId, status, previousStatus }) => {
        if (previousStatus === null) return
        // With a failed process goes what depends on it, and it comes back with it.
        const concernsOthers = status === 'failed' || previousStatus === 'failed'
        for (const watcher of this.byJob.get(idTail(jobId)) ?? []) if (concernsOthers || watcher.taskId === taskId) watcher.changed()
        for (const changed of this.anyTask) changed(taskId)
      }),
      // Many of its tasks at once, or all of them: it was cancelled or deleted.
      this.farm.on('job', ({ jobId, bulk, deleted }) => {
        if (bulk || deleted) for (const watcher of this.byJob.get(idTail(jobId)) ?? []) watcher.changed()
      }),
    )
  }
}
