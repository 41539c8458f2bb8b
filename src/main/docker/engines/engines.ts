/** The engines of one worker: connections, whether they answer, and which of them runs the next container. */
import { pause } from '../../../shared/async.ts'
import type { ContainerCapabilities, ContainerEngine } from '../../../shared/schemas/container.ts'
import { Breaker } from './breaker.ts'
import type { ContainerConfig, EngineConfig } from '../config.ts'
import { describeEngine } from './describe.ts'
import { connectEngine, knock, localSocket, type Engine } from './engine.ts'
import { EngineUnreachableError, NoEngineError, wordsOf } from '../errors.ts'
import type { Executor } from '../executor.ts'
import { chooseEngine } from './pools.ts'
import { PulledImages, Pruner, type ImageLedger } from './prune.ts'
import { DockerExecutor } from '../runs/run.ts'
import { assertSwarmManager, SwarmExecutor, sweepServices } from '../swarm/swarm.ts'
import { sweep } from './sweep.ts'
import type { Logger } from '../../../shared/logger.ts'
import { EngineWatch } from './watch.ts'

export interface EnginesOptions {
  log: Logger
  /** Who may remove the containers: this worker's data folder, by its id. */
  owner: string
  /** Which images were pulled; without it the list is lost with the process. */
  images?: ImageLedger
  now?: () => number
  random?: () => number
}

/** An engine lent for one container. */
export interface Lent {
  readonly executor: Executor
  readonly engine: Engine
  readonly config: EngineConfig
  /** The engine started the container: its connection works, however long the container runs. */
  answered(): void
  /** Call at the end; `failed`: the connection failed, rather than the container. */
  release(failed: boolean): void
}

interface Member {
  readonly config: EngineConfig
  readonly engine: Engine
  readonly executor: DockerExecutor | SwarmExecutor
  readonly pruner: Pruner
  up: boolean
  /** Why it is not up, in the system's words. */
  problem: string
  running: number
  readonly breaker: Breaker
}

const LOOK_AGAIN_MS = 500
/** Receives what could not be removed in time. */
const SWEEP_EVERY_MS = 60_000
const PRUNE_EVERY_MS = 3_600_000
const FORGETFUL: ImageLedger = { load: () => Promise.resolve([]), save: () => Promise.resolve() }

export class Engines {
  readonly config: ContainerConfig
  readonly owner: string
  /** Sockets of the engines on this machine. */
  readonly sockets: readonly string[]
  /** Containers that are kept for several tasks, as `sweep` names them. */
  readonly kept = new Set<string>()
  private readonly pulled: PulledImages
  private readonly members: Member[]
  private readonly log: Logger
  private readonly now: () => number
  private readonly random: () => number
  private readonly waiting = new Set<() => void>()
  private held: () => ReadonlySet<string> = () => new Set()
  private onChange: () => void = () => undefined
  private isSweeping = false

  constructor(config: ContainerConfig, { log, owner, images = FORGETFUL, now = Date.now, random = Math.random }: EnginesOptions) {
    this.config = config
    this.owner = owner
    this.log = log
    this.now = now
    this.random = random
    this.sockets = config.engines.map(({ host }) => localSocket(host)).filter((socket) => socket !== undefined)
    const pulled = new PulledImages(images, now)
    this.pulled = pulled
    this.members = config.engines.map((engineConfig) => {
      const engine = connectEngine(engineConfig)
      const options = {
        engine,
        owner,
        engineGraceMs: config.engineGraceSeconds * 1000,
        whenBack: (signal: AbortSignal) => whenBack(engine, signal),
        now,
        onImage: (reference: string, wasPulled: boolean) => void pulled.used(engine.name, reference, wasPulled),
        onLeftover: (id: string, error: unknown) =>
          log.warn({ err: error, id, engine: engine.name }, 'cannot remove a container or service'),
      }
      const executor = engineConfig.swarm ? new SwarmExecutor(options) : new DockerExecutor(options)
      const pruner = new Pruner({ engine, policy: config.prune, owner, images: pulled, log, now })
      const { maxFails, resetSeconds } = config.circuit
      const onChange = (): void => {
        this.wake()
        this.onChange()
      }
      const breaker = new Breaker({ maxFails, resetMs: resetSeconds * 1000, now, onChange })
      return { config: engineConfig, engine, executor, pruner, up: false, problem: 'it was not queried yet', running: 0, breaker }
    })
  }

  /** Asks all engines whether they answer. */
  async look(): Promise<void> {
    await Promise.all(
      this.members.map(async (member) => {
        try {
          await check(member)
          member.up = true
        } catch (error) {
          member.up = false
          member.problem = wordsOf(error)
        }
      }),
    )
  }

  /** Whether an engine answers. */
  isAvailable(): boolean {
    return this.members.some(({ up }) => up)
  }

  /** Reports when an engine comes, goes, is taken out by its circuit breaker or has other images, until `stop`. Removes leftovers when one comes. */
  watch(onChange: () => void): { stop(): void } {
    this.onChange = onChange
    const watches = this.members.map((member) => {
      const turn = (up: boolean, problem = '') => {
        member.problem = problem
        if (member.up === up) return
        member.up = up
        // The successful query is the trial.
        if (up) member.breaker.close()
        this.log.info(
          { engine: member.engine.name, host: member.engine.host },
          up ? 'the Docker engine answers' : 'the Docker engine is gone',
        )
        if (up && this.isSweeping) void this.sweepOne(member)
        this.wake()
        onChange()
      }
      return new EngineWatch(member.engine, {
        check: () => check(member),
        onUp: () => turn(true),
        onDown: (problem) => turn(false, problem),
        onImages: onChange,
      })
    })
    const again = setInterval(() => {
      if (this.isSweeping) for (const member of this.members) if (member.up) void this.sweepOne(member)
    }, SWEEP_EVERY_MS)
    again.unref()
    const prunes = setInterval(() => void this.prune(), PRUNE_EVERY_MS)
    prunes.unref()
    void this.prune()
    return {
      stop: () => {
        this.onChange = () => undefined
        clearInterval(again)
        clearInterval(prunes)
        watches.forEach((watch) => watch.stop())
        for (const { executor } of this.members) if (executor instanceof DockerExecutor) executor.rest()
      },
    }
  }

  /** A container of this image is about to run there; `wasPulled`: the image was fetched for it. */
  noteImage(engine: Engine, reference: string, wasPulled: boolean): void {
    void this.pulled.used(engine.name, reference, wasPulled)
  }

  /** Removes containers that no attempt of `held` owns, now and whenever an engine comes back. */
  async sweep(held: () => ReadonlySet<string>): Promise<void> {
    this.held = () => new Set([...held(), ...this.kept])
    this.isSweeping = true
    await Promise.all(this.members.filter(({ up }) => up).map((member) => this.sweepOne(member)))
  }

  /** Tidies up on the engines that answer, by the policy of the configuration. Nothing is thrown. */
  async prune(): Promise<void> {
    await Promise.all(this.members.filter(({ up }) => up).map(({ pruner }) => pruner.run()))
  }

  /**
   * An engine for a container, when there is room. `only`: the engine that already has it.
   * @throws NoEngineError, EngineUnreachableError when none answers for as long as the configuration says, the signal's reason
   */
  async acquire(routingName: string, blacklist: readonly string[], only: string | undefined, signal: AbortSignal): Promise<Lent> {
    const graceMs = this.config.engineGraceSeconds * 1000
    let downSince: number | undefined
    for (;;) {
      signal.throwIfAborted()
      const member = only === undefined ? this.choose(routingName, blacklist) : this.members.find(({ engine }) => engine.name === only)
      if (member !== undefined && member !== 'wait') return this.lend(member)
      if (member === undefined) throw new NoEngineError(`failed to find a Docker engine for "${routingName}"`)
      downSince = this.isAvailable() ? undefined : (downSince ?? performance.now())
      if (downSince !== undefined && performance.now() - downSince >= graceMs) {
        const problems = this.members.map(({ engine, problem }) => `${engine.host}: ${problem}`)
        throw new EngineUnreachableError(`no Docker engine of this worker answers: ${problems.join('; ')}`)
      }
      await this.change(signal)
    }
  }

  /** The engines that answer and are no cluster, for what needs more of one than to run containers. */
  single(): Engine[] {
    return this.members.filter(({ up, config }) => up && config.swarm !== true).map(({ engine }) => engine)
  }

  /** Names of all engines. */
  names(): string[] {
    return this.members.map(({ engine }) => engine.name)
  }

  /** What each engine is and has, for sign-on; asks all of them. */
  async describe(): Promise<ContainerCapabilities> {
    return { engines: await Promise.all(this.members.map(describeOrProblem)) }
  }

  /** Resolves when all ended containers are removed. */
  async idle(): Promise<void> {
    await Promise.all(this.members.map(({ executor }) => executor.idle()))
  }

  private choose(routingName: string, blacklist: readonly string[]): Member | 'wait' | undefined {
    const { pools, circuit } = this.config
    const banned = new Set([...this.config.blacklist, ...blacklist])
    const choice = chooseEngine({
      routingName,
      pools: pools.length > 0 ? pools : [{ match: '', engines: this.members.map(({ engine }) => engine.name), maxRunning: 1024 }],
      engines: this.members.map(({ engine, up, running, breaker }) => ({
        name: engine.name,
        up,
        running,
        circuit: breaker.circuit,
        isBlacklisted: banned.has(engine.name) || banned.has(engine.host) || banned.has(engine.host.replace(/^\w+:\/\//, '')),
      })),
      resetMs: circuit.resetSeconds * 1000,
      now: this.now(),
      random: this.random(),
    })
    return choice.decision === 'run'
      ? this.members.find(({ engine }) => engine.name === choice.engine)
      : choice.decision === 'wait'
        ? 'wait'
        : undefined
  }

  private lend(member: Member): Lent {
    member.running += 1
    return {
      executor: member.executor,
      engine: member.engine,
      config: member.config,
      answered: () => member.breaker.close(),
      release: (failed) => {
        member.running -= 1
        member.breaker.note(failed)
        this.wake()
      },
    }
  }

  /** Resolves when something changed that `choose` depends on, or after a moment. */
  private change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        this.waiting.delete(done)
        resolve()
      }
      const timer = setTimeout(done, LOOK_AGAIN_MS)
      signal.addEventListener('abort', done, { once: true })
      this.waiting.add(done)
    })
  }

  private wake(): void {
    for (const done of [...this.waiting]) done()
  }

  private async sweepOne({ engine, config }: Member): Promise<void> {
    try {
      const removed = await (config.swarm ? sweepServices : sweep)(engine, this.owner, this.held)
      if (removed.length > 0) this.log.warn({ engine: engine.name, containers: removed }, 'removed containers that belong to no attempt')
    } catch (error) {
      this.log.warn({ err: error, engine: engine.name }, 'cannot look for leftover containers')
    }
  }
}

/** Whether containers can run there now. @throws the reason when they cannot */
async function check({ engine, config }: Pick<Member, 'engine' | 'config'>): Promise<void> {
  await knock(engine)
  if (config.swarm) await assertSwarmManager(engine)
}

async function answers(engine: Engine): Promise<boolean> {
  return knock(engine).then(
    () => true,
    () => false,
  )
}

async function describeOrProblem({ engine, breaker: { state: circuit } }: Member): Promise<ContainerEngine> {
  try {
    return { ...(await describeEngine(engine)), circuit }
  } catch (error) {
    const nothing = { version: '', apiVersion: '', os: '', arch: '', cpus: 0, memoryBytes: 0, gpus: false, images: [] }
    return { name: engine.name, host: engine.host, available: false, problem: wordsOf(error), circuit, ...nothing }
  }
}

/** Resolves when the engine answers. @throws the signal's reason */
async function whenBack(engine: Engine, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    if (await answers(engine)) return
    await pause(LOOK_AGAIN_MS)
  }
}
