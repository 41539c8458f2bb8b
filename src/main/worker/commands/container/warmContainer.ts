/** A container that stays open between tasks: `docker-run` with `keepContainer` (docker/runs/kept.ts). */
import { randomUUID } from 'node:crypto'
import type { ContainerRecord, DockerRunParameters } from '../../../../shared/schemas/container.ts'
import type { EngineConfig } from '../../../docker/config.ts'
import type { Engine } from '../../../docker/engines/engine.ts'
import type { Engines, Lent } from '../../../docker/engines/engines.ts'
import { EngineRefusedError, EngineUnreachableError } from '../../../docker/errors.ts'
import type { RunSpec } from '../../../docker/executor.ts'
import { KeptContainer } from '../../../docker/runs/kept.ts'
import { LABELS } from '../../../docker/engines/sweep.ts'
import { ContainerOutput } from '../../tools/containers/containerOutput.ts'
import type { CommandContext, WarmAppSpec, WarmDriver } from '../../contract/commands.ts'
import { DeclinedError } from '../../contract/commands.ts'

/** What a container of its own would be made with; paths as the engine sees them. */
type SpecFor = (paths: EngineConfig['paths']) => RunSpec

/** @param specOf of a run of this task; what differs between runs is given to each */
export function warmContainer(
  engines: Engines,
  parameters: DockerRunParameters,
  specOf: (index: number, paths: EngineConfig['paths']) => RunSpec,
): WarmAppSpec<OpenContainer> {
  const { command: _command, frames: _frames, outputPattern: _pattern, timeoutMs: _timeout, env: _env, ...shared } = parameters
  const removed = removals(specOf(0, []))
  return {
    key: JSON.stringify(['container', shared, removed]),
    title: `container of ${parameters.image}`,
    open: (context) => OpenContainer.open(engines, parameters, (paths) => specOf(0, paths), context),
  }
}

export class OpenContainer implements WarmDriver {
  readonly ended: Promise<string>

  private constructor(
    private readonly engines: Engines,
    private readonly engine: Engine,
    private readonly container: KeptContainer,
    private readonly name: string,
    private readonly key: string,
    private readonly routingName: string,
  ) {
    this.ended = container.ended
  }

  get memoryBytes(): number {
    return this.container.memoryBytes
  }

  /** @throws DeclinedError for what cannot be kept; Error when the engine does not take it */
  static async open(engines: Engines, parameters: DockerRunParameters, specFor: SpecFor, context: CommandContext): Promise<OpenContainer> {
    // An exec need not have what these give to a container's own process.
    if (parameters.privileged || parameters.addCapabilities?.length) throw new DeclinedError('its container has rights of its own')
    const { task, signal } = context
    const routingName = parameters.routingName ?? task.jobName
    const lent = await engines.acquire(routingName, task.container?.blacklist ?? [], undefined, signal)
    const id = randomUUID()
    const key = `${KEPT} ${id}`
    engines.kept.add(key)
    let isAway = false
    try {
      if (lent.config.swarm) throw new DeclinedError(`the engine "${lent.engine.name}" is a swarm`)
      const spec = keptSpec(specFor(lent.config.paths), id)
      context.log('farm', `opening a container of ${spec.image} for several tasks\n`)
      const container = await KeptContainer.open(lent.engine, spec, hooksOf(engines, lent, context), signal)
      void container.ended.then(() => engines.kept.delete(key))
      return new OpenContainer(engines, lent.engine, container, spec.name, key, routingName)
    } catch (error) {
      engines.kept.delete(key)
      isAway = error instanceof EngineUnreachableError
      if (error instanceof EngineRefusedError && NO_SHELL.test(error.message)) throw new DeclinedError('the image has no shell')
      throw error
    } finally {
      lent.release(isAway)
    }
  }

  outdated(): Promise<string | undefined> {
    return Promise.resolve(this.container.hasEnded ? 'it ended by itself' : undefined)
  }

  async close(): Promise<void> {
    await this.container.close()
    this.engines.kept.delete(this.key)
  }

  /** Runs a command in it. Its exit code is in the record, whatever it is. @throws ContainerLostError, the signal's reason */
  async run(specFor: SpecFor, context: CommandContext): Promise<ContainerRecord> {
    const { container, engine, engines } = this
    const lent = await engines.acquire(this.routingName, [], engine.name, context.signal)
    const output = new ContainerOutput(context)
    let isAway = false
    try {
      const spec = specFor(lent.config.paths)
      const { containerId } = container.facts
      context.log('farm', `in container ${containerId.slice(0, 12)}, which is open already\n`)
      const startedAt = new Date(context.now()).toISOString()
      const env = spec.env.filter((entry) => entry.includes('='))
      const running = container.run({ args: spec.args, env, output: (stream, chunk) => output.push(stream, chunk) })
      const { exitCode, cpuSeconds } = await orAborted(running, context.signal)
      output.end()
      return {
        ...container.facts,
        containerName: this.name,
        engine: engine.name,
        host: engine.host,
        image: spec.image,
        exitCode,
        oomKilled: false,
        error: '',
        startedAt,
        finishedAt: new Date(context.now()).toISOString(),
        cpuSeconds,
        peakMemoryBytes: container.memoryBytes || null,
        ioReadBytes: null,
        ioWriteBytes: null,
        networkReceivedBytes: null,
        networkSentBytes: null,
      }
    } catch (error) {
      isAway = error instanceof EngineUnreachableError
      throw error
    } finally {
      output.end()
      lent.release(isAway)
    }
  }
}

/** In the place of a task's id in the labels. */
const KEPT = 'kept'
const NO_SHELL = /exec: "sh"|no such file or directory|executable file not found/i

/** The container without what belongs to one run. */
function keptSpec(spec: RunSpec, id: string): RunSpec {
  return {
    ...spec,
    name: `framehouse-kept-${id}`,
    args: [],
    env: removals(spec),
    labels: { ...spec.labels, [LABELS.task]: KEPT, [LABELS.attempt]: id },
  }
}

/** Variables of the image that are removed: those have no value. */
function removals({ env }: RunSpec): string[] {
  return env.filter((entry) => !entry.includes('='))
}

function hooksOf(engines: Engines, lent: Lent, context: CommandContext) {
  return {
    activity: (text: string) => context.activity(text),
    registryAuth: (registry: string) => context.task.container?.registries.find((known) => known.registry === registry),
    image: (reference: string, pulled: boolean) => engines.noteImage(lent.engine, reference, pulled),
  }
}

/** What was stopped is not waited for: the container goes, and takes it along. @throws the signal's reason */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
