/** The engine's parts and who knows whom. Parts that need each other get a function that is called later. */
import type { Core } from './base/core.ts'
import type { WorkerState } from './base/model.ts'
import { Appends } from './jobs/appends.ts'
import { Assignments } from './jobs/assignments.ts'
import { AttemptLog } from './jobs/attemptLog.ts'
import { Attempts } from './jobs/attempts.ts'
import { FinalLooks } from './jobs/finalLooks.ts'
import { ForeignCompletion } from './jobs/foreignCompletion.ts'
import { JobActions, type JobHooks } from './jobs/jobActions.ts'
import { JobEdits } from './jobs/jobEdits.ts'
import { Results } from './jobs/results.ts'
import { TaskActions } from './jobs/taskActions.ts'
import { Transitions } from './jobs/transitions.ts'
import { Warnings } from './jobs/warnings.ts'
import { Dispatcher } from './queue/dispatcher.ts'
import { Explainer } from './queue/explainer.ts'
import { JobCache } from './queue/jobCache.ts'
import { Leases } from './queue/leases.ts'
import { Others } from './queue/otherWorkers.ts'
import { Prefetch } from './queue/prefetch.ts'
import { Stalls } from './queue/stalls.ts'
import { WarmApps } from './queue/warmApps.ts'
import { ExternalWork } from './workers/externalWork.ts'
import { ForeignWork } from './workers/foreignWork.ts'
import { Instances } from './workers/instances.ts'
import { Joining } from './workers/joining.ts'
import { Limits } from './workers/limits.ts'
import { Machines } from './workers/machines.ts'
import { NativeWork } from './workers/nativeWork.ts'
import { Tags } from './workers/tags.ts'
import { StorageProofs } from './workers/storageProofs.ts'
import { WorkerRequests } from './workers/workerRequests.ts'
import { WorkerRoster } from './workers/workerRoster.ts'
import { Workers } from './workers/workers.ts'

/** What the farm as a whole does when its parts change. */
interface EngineHooks extends Omit<JobHooks, 'jobsChanged'> {
  /** A worker or job changed, so the farm's status may change. */
  statusMayChange(): void
  /** A job has a new status. */
  jobChanged(): void
  /** A worker runs twice: the second one was refused. */
  onClone?(worker: { id: string; name: string; address: string }): void
}

export interface EngineParts {
  readonly leases: Leases
  readonly book: JobCache
  readonly sessions: WarmApps
  readonly transitions: Transitions
  readonly others: Others
  readonly stalls: Stalls
  readonly attempts: Attempts
  readonly warnings: Warnings
  readonly dispatcher: Dispatcher
  readonly next: Prefetch
  readonly roster: WorkerRoster
  readonly instances: Instances
  readonly joining: Joining
  readonly machines: Machines
  readonly logs: AttemptLog
  readonly tags: Tags
  readonly limits: Limits
  readonly workers: Workers
  readonly assignments: Assignments
  readonly jobs: JobActions
  readonly appends: Appends
  readonly tasks: TaskActions
  readonly native: NativeWork
  readonly requests: WorkerRequests
  readonly foreignCompletion: ForeignCompletion
  readonly finalLooks: FinalLooks
  readonly foreign: ForeignWork
  readonly external: ExternalWork
  readonly explainer: Explainer
  readonly results: Results
  readonly storage: StorageProofs
}

export function assemble(core: Core, hooks: EngineHooks): EngineParts {
  const leases = new Leases()
  const book = new JobCache(core, leases)
  const logs = new AttemptLog(core)
  const transitions: Transitions = new Transitions(core, book, logs, {
    jobChanged: () => hooks.jobChanged(),
    looksFirst: (job, reason) => finalLooks.begin(job, reason),
  })
  const warnings = new Warnings(core, book)
  const storage = new StorageProofs()
  const others: Others = new Others(core, () => roster.each(), storage)
  const workerById = (id: number): WorkerState | undefined => roster.byInternalId(id)
  const attempts = new Attempts(core, { book, leases, transitions, others, workerById, warnings, logs })
  const sessions = new WarmApps(core, book, () => roster.each())
  const dispatcher = new Dispatcher(core, book, leases, transitions, sessions, others, storage)
  const next = new Prefetch(core, book, leases, dispatcher)
  const roster: WorkerRoster = new WorkerRoster(core, leases, attempts, dispatcher, next, () => hooks.statusMayChange())
  const machines = new Machines(core)
  const joining = new Joining(core, roster)
  const instances = new Instances(
    () => core.now(),
    () => core.settings().workerTimeoutMs,
    (workerId) => dispatcher.nudge(workerId),
    (workerId) => {
      const worker = roster.byInternalId(workerId)
      if (worker) hooks.onClone?.({ id: worker.publicId, name: worker.name, address: worker.address })
    },
  )
  const tags = new Tags(core, book, () => roster.each())
  const limits = new Limits(core, book, leases)
  const assignments = new Assignments(core)
  const edits = new JobEdits(core, book, transitions, others)
  const appends = new Appends(core, book, transitions)
  const stalls = new Stalls(core, book, others, transitions, attempts, logs, () => roster.each())
  const explainer = new Explainer(core, book, dispatcher, () => roster.all(), sessions, stalls, storage)
  const jobs = new JobActions(
    core,
    { book, leases, transitions, tags, limits, edits, appends, stalls, worker: (id) => roster.need(id) },
    { ...hooks, jobsChanged: () => hooks.statusMayChange() },
  )
  const tasks = new TaskActions(core, { book, leases, transitions, attempts, others, logs, edits, explainer })
  const requests = new WorkerRequests(
    () => core.newId(),
    (workerId) => dispatcher.nudge(workerId),
  )
  const working = { book, leases, roster, attempts, dispatcher, assignments, next, logs }
  const native = new NativeWork(core, { ...working, machines, sessions, requests, warnings })
  const foreignCompletion = new ForeignCompletion(core, attempts, assignments, warnings)
  const finalLooks = new FinalLooks(core, transitions)
  const foreign = new ForeignWork(core, { ...working, transitions, completion: foreignCompletion })
  const external = new ExternalWork(core, { ...working, transitions })
  const workers = new Workers(core, { roster, joining, instances, requests, machines, tags, sessions, assignments })
  const results = new Results(core, book, attempts, warnings, logs)
  return {
    leases,
    book,
    sessions,
    transitions,
    others,
    stalls,
    attempts,
    warnings,
    dispatcher,
    next,
    roster,
    instances,
    joining,
    machines,
    logs,
    tags,
    limits,
    workers,
    assignments,
    jobs,
    appends,
    tasks,
    native,
    requests,
    foreignCompletion,
    finalLooks,
    foreign,
    external,
    explainer,
    results,
    storage,
  }
}
