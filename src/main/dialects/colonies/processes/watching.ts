/** Tells who waits for a process that it has changed. No client polls: the engine's events, after their commit, are the cause. */
import { idTail, parseTaskId } from '../../../../shared/ids.ts'
import type { ApiContext } from '../../../http/context.ts'

interface Watcher {
  taskId: string
  /** Of a process graph: what others of the graph do may concern it. */
  inGraph: boolean
  changed(): void
}

export class Watching {
  private readonly byTask = new Map<string, Set<Watcher>>()
  /** By the part of the id that a job's tasks share. */
  private readonly byJob = new Map<string, Set<Watcher>>()
  private readonly anyTask = new Set<(taskId: string) => void>()
  private readonly stops: (() => void)[] = []

  constructor(private readonly farm: Pick<ApiContext['farm'], 'on'>) {}

  /** Calls `changed` after each change of the task's status. Returns the function that ends it. */
  watch(taskId: string, inGraph: boolean, changed: () => void): () => void {
    this.listen()
    const tail = parseTaskId(taskId)?.jobTail ?? ''
    const watcher = { taskId, inGraph, changed }
    addTo(this.byTask, taskId, watcher)
    addTo(this.byJob, tail, watcher)
    return () => {
      removeFrom(this.byTask, taskId, watcher)
      removeFrom(this.byJob, tail, watcher)
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
        if (status === 'failed' || previousStatus === 'failed') {
          for (const watcher of this.byJob.get(idTail(jobId)) ?? []) if (watcher.inGraph && watcher.taskId !== taskId) watcher.changed()
        }
        for (const watcher of this.byTask.get(taskId) ?? []) watcher.changed()
        for (const changed of this.anyTask) changed(taskId)
      }),
      // Many of its tasks at once, or all of them: it was cancelled or deleted.
      this.farm.on('job', ({ jobId, bulk, deleted }) => {
        if (bulk || deleted) for (const watcher of this.byJob.get(idTail(jobId)) ?? []) watcher.changed()
      }),
    )
  }
}

function addTo(map: Map<string, Set<Watcher>>, key: string, watcher: Watcher): void {
  const known = map.get(key)
  if (known) known.add(watcher)
  else map.set(key, new Set([watcher]))
}

function removeFrom(map: Map<string, Set<Watcher>>, key: string, watcher: Watcher): void {
  const watchers = map.get(key)
  watchers?.delete(watcher)
  if (watchers?.size === 0) map.delete(key)
}
