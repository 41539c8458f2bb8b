/** `actor-run`: the message of an actor in a container of its own (docs/actors-api.md). */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { ActorRunParameters, DEFAULT_LOG_LIMIT, type ActorGrant, type ActorRunResult } from '../../../../shared/schemas/actorRun.ts'
import type { ContainerRecord } from '../../../../shared/schemas/container.ts'
import type { Engines, Lent } from '../../../docker/engines/engines.ts'
import { EngineRefusedError, EngineUnreachableError } from '../../../docker/errors.ts'
import type { RunHooks } from '../../../docker/executor.ts'
import { consentProblem } from '../../../docker/runs/consent.ts'
import { enginePath } from '../../../docker/runs/mounts.ts'
import { CouldNotStartError, ExitCodeError, type CommandContext, type CommandRunner } from '../../contract/commands.ts'
import { GivenBackError } from '../../contract/errors.ts'
import type { ActorHost } from '../../gateway/actorHost.ts'
import type { ExecutionHost } from '../../gateway/gateway.ts'
import { ContainerOutput } from '../../tools/containers/containerOutput.ts'
import { asCommandError, checkMounts, countUsage, pauseForWatch } from '../../tools/containers/runSupport.ts'
import { readParameters, refuse } from '../parameters.ts'
import { actorSpec, environmentOf, mountsOf, unfitVariable } from './actorSpec.ts'
import { actorArchive } from './archive.ts'
import { LimitedLog } from './limitedLog.ts'
import { ResultsReader } from './results.ts'

/** Beyond the time that a container is given to end: to stop it, read it and report it. */
const STOP_SLACK_MS = 20_000
/** Nothing of an image is to be read before the engine was asked for it. */
const NOT_FOUND = 404

/** What is kept in the attempt's journal. */
const Kept = Type.Object({
  engine: Type.String(),
  /** Null until it exists for certain. */
  containerId: Type.Union([Type.String(), Type.Null()]),
  /** The container's name for the manager. */
  host: Type.String(),
})
type Kept = Static<typeof Kept>

/** The command for a worker with these engines. */
export function actorRun(engines: Engines, host: ActorHost): CommandRunner {
  return async (command, context) => {
    const parameters = readParameters(ActorRunParameters, command)
    const mounts = mountsOf(parameters)
    const checked = await checkMounts(parameters.mounts ?? [], engines.config)
    if ('problem' in checked) refuse(command, 'mounts', checked.problem)
    // Whether the submitter may is the manager's decision; whether this worker does is its owner's.
    const sources = [...checked.sources, ...mounts.slice(parameters.mounts?.length ?? 0).flatMap(({ source }) => source ?? [])]
    const refusal = consentProblem(parameters, sources, { config: engines.config, isAdminJob: true, sockets: engines.sockets })
    if (refusal !== undefined) refuse(command, refusal.parameter, refusal.reason)
    await new ActorRun(engines, host, parameters, context).run()
  }
}

class ActorRun {
  private readonly found: ActorRunResult = { containers: [] }
  private readonly folder: string
  private readonly kept: Kept | undefined

  constructor(
    private readonly engines: Engines,
    private readonly host: ActorHost,
    private readonly parameters: ActorRunParameters,
    private readonly context: CommandContext,
  ) {
    const { task, journal } = context
    this.folder = join(host.folder, `${task.taskId}-${task.attempt}`)
    const state = journal?.earlier?.state
    this.kept = Value.Check(Kept, state) ? state : undefined
  }

  async run(): Promise<void> {
    const { context, parameters } = this
    context.endsWithin?.((parameters.stopGraceMs ?? 0) + STOP_SLACK_MS)
    if (this.kept === undefined && this.host.isAvailable === false) throw new GivenBackError('this worker cannot run actors just now')
    await mkdir(this.folder, { recursive: true, mode: 0o755 })
    const results = await ResultsReader.open(this.folder, context)
    try {
      const record = await this.onEngine(results)
      if (record.exitCode !== 0) throw new ExitCodeError(record.exitCode)
    } finally {
      await results.close()
      this.tell({ resultsDropped: results.dropped })
      await rm(this.folder, { recursive: true, force: true })
    }
  }

  private async onEngine(results: ResultsReader): Promise<ContainerRecord> {
    const { context, engines, parameters, kept } = this
    const { task, signal } = context
    const banned = [...(task.container?.blacklist ?? []), ...this.host.unsuited()]
    let lent: Lent | undefined
    let isAway = false
    try {
      lent = await engines.acquire(parameters.routingName ?? task.jobName, banned, kept?.engine, signal)
      return await this.inContainer(lent, results)
    } catch (error) {
      isAway = error instanceof EngineUnreachableError
      if (isAway && !signal.aborted) await pauseForWatch(signal)
      throw asCommandError(error)
    } finally {
      lent?.release(isAway)
    }
  }

  private async inContainer(lent: Lent, results: ResultsReader): Promise<ContainerRecord> {
    const { kept, context } = this
    const gateway = this.host.gatewayOf(lent.engine)
    const grant = this.grant()
    // After a restart of the worker the container has its token in its environment, and sends it.
    const reached = gateway?.admit(grant?.token ?? null, kept?.host)
    try {
      return await this.execute(lent, grant, reached)
    } catch (error) {
      if (!context.signal.aborted && error instanceof EngineRefusedError) this.tell({ failure: failureOf(error) })
      throw error
    } finally {
      if (reached) gateway?.dismiss(reached)
      // What was sent before the end is reported before it.
      await results.close()
    }
  }

  /** Undefined for a container that an earlier run of the worker made. @throws GivenBackError when there is none either */
  private grant(): ActorGrant | undefined {
    const { actor } = this.context.task
    if (actor === undefined && this.kept?.containerId == null)
      throw new GivenBackError('the worker was restarted before the container was made')
    return actor
  }

  private async execute(lent: Lent, grant: ActorGrant | undefined, reached: ExecutionHost | undefined): Promise<ContainerRecord> {
    const { parameters, context, kept, engines } = this
    const { journal } = context
    const environment = environmentOf(grant ?? { env: [] }, reached?.url)
    this.checkEnvironment(environment)
    const keep = (containerId: string | null): void =>
      journal?.save({ engine: lent.engine.name, containerId, host: reached?.name ?? '' } satisfies Kept)
    keep(kept?.containerId ?? null)
    const logged = journal?.earlier?.logged
    const passed = kept === undefined ? undefined : logged
    const limit = parameters.logLimit ?? DEFAULT_LOG_LIMIT
    const log = new LimitedLog(context, limit, (passed?.stdout ?? 0) + (passed?.stderr ?? 0))
    const output = new ContainerOutput(log, passed)
    const folder = enginePath(this.folder, lent.config.paths)
    const spec = actorSpec(parameters, { environment, folder, host: reached, owner: engines.owner }, context)
    const hooks: RunHooks = {
      output: (stream, chunk) => output.push(stream, chunk),
      replay: () => output.replay(),
      created: (containerId) => {
        lent.answered()
        keep(containerId)
      },
      prepare: (put) => put(actorArchive(this.message())),
      activity: (text) => context.activity(text),
      registryAuth: (registry) => context.task.container?.registries.find((known) => known.registry === registry),
      ended: (record) => {
        output.end()
        this.tell({ containers: [record], ...(log.isTruncated && { logTruncated: true }) })
        countUsage(record, context.metrics)
      },
      settled: async () => {
        await journal?.settled()
      },
    }
    return lent.executor.run(spec, hooks, { createdBefore: kept?.containerId ?? undefined }, context.signal)
  }

  /** @throws CouldNotStartError for what no process can get */
  private checkEnvironment(environment: readonly string[]): void {
    const unfit = unfitVariable(environment)
    if (unfit === undefined) return
    this.tell({ failure: 'message' })
    throw new CouldNotStartError(`the variable ${unfit} is too long for the environment of a process, or contains a zero byte`)
  }

  private message(): Parameters<typeof actorArchive>[0] {
    const { binaryMessage: blob } = this.parameters
    if (blob === undefined) return undefined
    const { storedFile } = this.context
    if (storedFile === undefined) throw new CouldNotStartError('the manager has no store for messages')
    return { size: blob.size, open: () => storedFile(blob) }
  }

  private tell(more: Partial<ActorRunResult>): void {
    Object.assign(this.found, more)
    const { resultsDropped, ...result } = this.found
    this.context.result(resultsDropped ? { ...result, resultsDropped } : result)
  }
}

/** An image that is not there, or a container that the engine did not start. */
function failureOf({ message, status }: EngineRefusedError): 'image' | 'start' {
  return message.startsWith('cannot pull') || status === NOT_FOUND ? 'image' : 'start'
}
