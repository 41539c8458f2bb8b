/** The engines of one worker: connections, whether they answer, and which of them runs the next container. */
import type { ContainerCapabilities, ContainerEngine } from '../../shared/schemas/container.ts'
import type { ContainerConfig, EngineConfig } from './config.ts'
import { describeEngine } from './describe.ts'
import { connectEngine, knock, localSocket, type Engine } from './engine.ts'
import { NoEngineError, wordsOf } from './errors.ts'
import type { Executor } from './executor.ts'
import { DockerExecutor } from './run.ts'

/** As much of a logger as is used here. */
export interface Logger {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
}

/** An engine lent for one container. */
export interface Lent {
  readonly executor: Executor
  readonly engine: Engine
  readonly config: EngineConfig
  release(): void
}

interface Member {
  readonly config: EngineConfig
  readonly engine: Engine
  readonly executor: DockerExecutor
}

const LOOK_AGAIN_MS = 500

export class Engines {
  readonly config: ContainerConfig
  /** Sockets of the engines on this machine. */
  readonly sockets: readonly string[]
  private readonly members: Member[]
  private answering = false

  constructor(config: ContainerConfig, log: Logger) {
    this.config = config
    this.sockets = config.engines.map(({ host }) => localSocket(host)).filter((socket) => socket !== undefined)
    this.members = config.engines.map((engineConfig) => {
      const engine = connectEngine(engineConfig)
      const executor = new DockerExecutor({
        engine,
        engineGraceMs: config.engineGraceSeconds * 1000,
        whenBack: (signal) => whenBack(engine, signal),
        now: Date.now,
        onLeftover: (containerId, error) => log.warn({ err: error, containerId, engine: engine.name }, 'cannot remove a container'),
      })
      return { config: engineConfig, engine, executor }
    })
  }

  /** Asks all engines whether they answer. */
  async look(): Promise<void> {
    const found = await Promise.all(
      this.members.map(({ engine }) =>
        knock(engine).then(
          () => true,
          () => false,
        ),
      ),
    )
    this.answering = found.some(Boolean)
  }

  /** Whether an engine answered at the last look. */
  isAvailable(): boolean {
    return this.answering
  }

  /** The engine for a container. @throws NoEngineError */
  acquire(routingName: string): Promise<Lent> {
    const [member] = this.members
    if (member === undefined) return Promise.reject(new NoEngineError(`failed to find a Docker engine for "${routingName}"`))
    return Promise.resolve({ ...member, release: () => undefined })
  }

  /** What each engine is and has, for sign-on; asks all of them. */
  async describe(): Promise<ContainerCapabilities> {
    return { engines: await Promise.all(this.members.map(({ engine }) => describeOrProblem(engine))) }
  }
}

async function describeOrProblem(engine: Engine): Promise<ContainerEngine> {
  try {
    return await describeEngine(engine)
  } catch (error) {
    return {
      name: engine.name,
      host: engine.host,
      available: false,
      problem: wordsOf(error),
      version: '',
      apiVersion: '',
      os: '',
      arch: '',
      cpus: 0,
      memoryBytes: 0,
      gpus: false,
      images: [],
    }
  }
}

/** Resolves when the engine answers. @throws the signal's reason */
async function whenBack(engine: Engine, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const isBack = await knock(engine).then(
      () => true,
      () => false,
    )
    if (isBack) return
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
  }
}
