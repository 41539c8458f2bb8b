/**
 * Containers on a Docker Swarm, as the executor behind `docker-run`: each run is a job-mode service of one task, which the
 * cluster places on a node. The service is known by its name, so a run that an earlier life of the worker began is taken
 * up; its log is read through the manager node, wherever the container is.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import type { ContainerRecord } from '../../../shared/schemas/container.ts'
import { ask, type Engine } from '../engines/engine.ts'
import { ContainerLostError, EngineRefusedError, EngineUnreachableError, isConnectionFailure, statusOf } from '../errors.ts'
import type { Executor, RunHooks, RunOptions, RunSpec } from '../executor.ts'
import { pumpOutput } from '../runs/logs.ts'
import { endedByOutage } from '../runs/outage.ts'
import { parseImageReference } from '../../../shared/text/imageReference.ts'
import { NO_USAGE, UsageWatch, type Usage } from '../runs/stats.ts'
import { LABELS } from '../engines/sweep.ts'
import { keptLog } from '../engines/keptLog.ts'
import { logDriverOf } from '../engines/logDriver.ts'
import { swarmProblem, swarmService, swarmVerdict, type SwarmVerdict } from './swarmService.ts'
import { patiently, Removals, type ExecutorOptions } from '../runs/upkeep.ts'

const FIRST_LOOK_MS = 100
const LONGEST_LOOK_MS = 1000

const ClusterTask = Type.Object({
  NodeID: Type.Optional(Type.String()),
  Status: Type.Object({
    Timestamp: Type.Optional(Type.String()),
    State: Type.String(),
    Err: Type.Optional(Type.String()),
    ContainerStatus: Type.Optional(
      Type.Object({
        ContainerID: Type.Optional(Type.String()),
        PID: Type.Optional(Type.Integer()),
        ExitCode: Type.Optional(Type.Integer()),
      }),
    ),
  }),
})
type ClusterTask = Static<typeof ClusterTask>

/** A run while it is followed. */
interface Following {
  readonly service: Docker.Service
  /** Its task as it was seen last. */
  task: ClusterTask | undefined
  startedAt: string | null
  verdict: SwarmVerdict
}

export class SwarmExecutor implements Executor {
  private readonly removals: Removals

  constructor(private readonly options: ExecutorOptions) {
    this.removals = new Removals((id, error) => options.onLeftover(id, error))
  }

  async run(spec: RunSpec, hooks: RunHooks, { createdBefore }: RunOptions, signal: AbortSignal): Promise<ContainerRecord> {
    const problem = swarmProblem(spec)
    if (problem) throw new EngineRefusedError(`${problem.parameter} ${problem.reason}`, 400)
    const service = createdBefore === undefined ? await this.create(spec, hooks, signal) : this.engine.docker.getService(createdBefore)
    const following: Following = { service, task: undefined, startedAt: null, verdict: { is: 'waiting', for: '' } }
    let settled = Promise.resolve()
    try {
      hooks.created(service.id)
      const usage = await this.toTheEnd(following, spec, hooks, signal)
      const record = await this.record(following, spec, usage)
      hooks.ended(record)
      settled = hooks.settled()
      if (signal.aborted) throw signal.reason
      return record
    } finally {
      this.removals.add(service.id, settled, () => service.remove())
    }
  }

  /** Resolves when all services that ended are removed. */
  async idle(): Promise<void> {
    await this.removals.idle()
  }

  private get engine(): Engine {
    return this.options.engine
  }

  private async create(spec: RunSpec, hooks: RunHooks, signal: AbortSignal): Promise<Docker.Service> {
    signal.throwIfAborted()
    const { docker } = this.engine
    const { registry } = parseImageReference(spec.image)
    const auth = hooks.registryAuth(registry)
    try {
      // What dockerode's types ask for is the newest API's; the cluster takes this one from 1.41 on.
      const body = swarmService(spec, await logDriverOf(this.engine)) as unknown as Docker.ServiceSpec
      const created = auth ? await docker.createService({ ...auth, serveraddress: registry }, body) : await docker.createService(body)
      return docker.getService(created.id)
    } catch (error) {
      if (statusOf(error) !== 409) return ask(this.engine, 'cannot create the service', Promise.reject(error))
      return this.byName(spec.name)
    }
  }

  private async byName(name: string): Promise<Docker.Service> {
    const found = await ask(this.engine, 'cannot look for the service', this.engine.docker.listServices({ filters: { name: [name] } }))
    const service = found.find(({ Spec }) => Spec?.Name === name)
    if (!service) throw new ContainerLostError(`service ${name} no longer exists on ${this.engine.host}`)
    return this.engine.docker.getService(service.ID)
  }

  /** Follows it to its end through outages of the manager node. @throws what `verdictError` says */
  private async toTheEnd(following: Following, spec: RunSpec, hooks: RunHooks, signal: AbortSignal): Promise<Usage> {
    const usage = new UsageWatch(async () => {
      const id = following.task?.Status.ContainerStatus?.ContainerID ?? ''
      // Only a container of the manager node itself can be asked; with `stream` the answer is a stream.
      return (await this.engine.docker.getContainer(id).stats({ stream: true })) as unknown as Readable
    })
    let brokeAt: number | undefined
    try {
      for (let isFirst = true; ; isFirst = false) {
        try {
          await this.follow(following, usage, hooks, isFirst, signal)
          if (signal.aborted) await this.stop(following, spec)
          else await this.assertEnded(following, brokeAt)
          return usage.stop()
        } catch (error) {
          if (!isConnectionFailure(error)) throw error
          brokeAt ??= this.options.now()
          await patiently(this.options, hooks, signal)
        }
      }
    } finally {
      usage.stop()
    }
  }

  /** Passes its output on and looks at its task until that has ended or the signal aborts. */
  private async follow(following: Following, usage: UsageWatch, hooks: RunHooks, isFirst: boolean, signal: AbortSignal): Promise<void> {
    const { service } = following
    const output = await keptLog(this.engine, 'services', service.id, true)
    if (!isFirst) hooks.replay()
    // When it breaks, nothing is lost: the whole log is read once more at the end.
    const pumping = pumpOutput(output, (stream, bytes) => hooks.output(stream, bytes), true).catch(() => undefined)
    try {
      let lookMs = FIRST_LOOK_MS
      let said = ''
      while (!signal.aborted) {
        const before = following.verdict.is
        following.task = await this.taskOf(service)
        following.verdict = following.task === undefined ? { is: 'waiting', for: '' } : verdictOf(following.task)
        const { verdict } = following
        if (verdict.is === 'running' && before !== 'running') {
          following.startedAt = following.task?.Status.Timestamp ?? null
          usage.start()
        }
        const words = verdict.is === 'waiting' ? `waiting for the swarm${verdict.for && `: ${verdict.for}`}` : verdict.is
        if (words !== said) hooks.activity((said = words))
        if (verdict.is !== 'waiting' && verdict.is !== 'running') break
        await pause(lookMs, undefined, { signal }).catch(() => undefined)
        lookMs = Math.min(LONGEST_LOOK_MS, lookMs * 1.5)
      }
    } finally {
      // It never ends by itself: a service may get further tasks.
      output.destroy()
      await pumping
    }
    if (following.verdict.is === 'ended') await this.rest(service, hooks)
  }

  /** The whole log once more: what was cut off when the task ended, without what was passed on. */
  private async rest(service: Docker.Service, hooks: RunHooks): Promise<void> {
    const whole = await keptLog(this.engine, 'services', service.id, false)
    hooks.replay()
    await pumpOutput(whole, (stream, bytes) => hooks.output(stream, bytes), true)
  }

  private async taskOf(service: Docker.Service): Promise<ClusterTask | undefined> {
    const tasks: unknown[] = await ask(
      this.engine,
      'cannot ask for the task of the service',
      this.engine.docker.listTasks({ filters: { service: [service.id] } }),
    )
    const [task] = tasks
    if (task === undefined) {
      await this.assertThere(service)
      return undefined
    }
    if (!Value.Check(ClusterTask, task)) throw new EngineRefusedError('the swarm describes the task in a form that is not known here', 500)
    return task
  }

  /** @throws ContainerLostError */
  private async assertThere(service: Docker.Service): Promise<void> {
    try {
      await ask(this.engine, 'cannot inspect the service', service.inspect())
    } catch (error) {
      if (!(error instanceof EngineRefusedError) || error.status !== 404) throw error
      throw new ContainerLostError(`service ${service.id} no longer exists on ${this.engine.host}`)
    }
  }

  /** @throws EngineRefusedError, ContainerLostError for an end that is not the container's own */
  private async assertEnded({ verdict, task }: Following, brokeAt: number | undefined): Promise<void> {
    if (verdict.is === 'refused') throw new EngineRefusedError(`the swarm could not run the container: ${verdict.why}`, 500)
    if (verdict.is === 'lost') throw new ContainerLostError(`the swarm ended the container: ${verdict.why}`)
    if (verdict.is !== 'ended' || brokeAt === undefined) return
    const info = await ask(this.engine, 'cannot ask the engine', this.engine.docker.info() as Promise<{ LiveRestoreEnabled?: boolean }>)
    const finishedAt = Date.parse(task?.Status.Timestamp ?? '') || this.options.now()
    if (endedByOutage({ finishedAt, brokeAt, liveRestore: info.LiveRestoreEnabled === true })) {
      throw new ContainerLostError(`the container ended with its node (exit code ${verdict.exitCode})`)
    }
  }

  /** Removing the service stops its container, with the grace that the specification gives; resolves when it is gone from here. */
  private async stop({ service, task }: Following, spec: RunSpec): Promise<void> {
    await service.remove().catch(() => undefined)
    const containerId = task?.Status.ContainerStatus?.ContainerID
    if (!containerId) return
    const until = performance.now() + spec.stopGraceMs + LONGEST_LOOK_MS
    while (performance.now() < until) {
      // On another node, or gone: nothing more can be waited for.
      const info = await this.engine.docker
        .getContainer(containerId)
        .inspect()
        .catch(() => undefined)
      if (!info?.State.Running) return
      await pause(FIRST_LOOK_MS)
    }
  }

  private async record({ task, startedAt, verdict }: Following, spec: RunSpec, usage: Usage): Promise<ContainerRecord> {
    const { engine } = this
    const status = task?.Status
    const containerId = status?.ContainerStatus?.ContainerID ?? ''
    // A container of another node cannot be looked at from here: then the cluster's word counts.
    const local =
      containerId === ''
        ? undefined
        : await engine.docker
            .getContainer(containerId)
            .inspect()
            .catch(() => undefined)
    return {
      containerId,
      containerName: spec.name,
      engine: engine.name,
      host: task?.NodeID ? `${engine.host} node ${task.NodeID}` : engine.host,
      image: spec.image,
      imageId: local?.Image ?? '',
      imageDigest: null,
      exitCode: verdict.is === 'ended' ? verdict.exitCode : null,
      oomKilled: local?.State.OOMKilled ?? false,
      error: status?.Err ?? '',
      startedAt: timeOf(local?.State.StartedAt) ?? timeOf(startedAt),
      finishedAt: timeOf(local?.State.FinishedAt) ?? (verdict.is === 'ended' ? timeOf(status?.Timestamp) : null),
      ...(local ? usage : NO_USAGE),
    }
  }
}

function verdictOf({ Status }: ClusterTask): SwarmVerdict {
  return swarmVerdict({ state: Status.State, problem: Status.Err ?? '', exitCode: Status.ContainerStatus?.ExitCode ?? null })
}

/** Nanoseconds are cut off, and the year 1 is "not yet". */
function timeOf(text: string | null | undefined): string | null {
  const time = Date.parse(text ?? '')
  return time > 0 ? new Date(time).toISOString() : null
}

/**
 * Removes this owner's services that belong to no attempt of `held` (`taskId attempt`). Answers the ids.
 * @throws EngineUnreachableError
 */
export async function sweepServices(engine: Engine, owner: string, held: () => ReadonlySet<string>): Promise<string[]> {
  const filters = { label: [`${LABELS.owner}=${owner}`] }
  const found = await ask(engine, 'cannot list the services', engine.docker.listServices({ filters }))
  // Queried after the list was made: an attempt that began meanwhile is not in the list.
  const answered = held()
  const left = found.filter(({ Spec }) => !answered.has(`${Spec?.Labels?.[LABELS.task]} ${Spec?.Labels?.[LABELS.attempt]}`))
  await Promise.all(
    left.map(({ ID }) =>
      engine.docker
        .getService(ID)
        .remove()
        .catch((error: unknown) => {
          if (statusOf(error) !== 404) throw error
        }),
    ),
  )
  return left.map(({ ID }) => ID)
}

/** @throws EngineUnreachableError when the engine manages no swarm */
export async function assertSwarmManager(engine: Engine): Promise<void> {
  const info = (await ask(engine, 'cannot ask the engine', engine.docker.info())) as { Swarm?: { ControlAvailable?: boolean } }
  if (info.Swarm?.ControlAvailable !== true) throw new EngineUnreachableError(`the Docker engine at ${engine.host} manages no swarm`)
}
