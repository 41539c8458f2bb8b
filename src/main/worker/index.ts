/** Starts a worker: one agent, for our manager or a foreign Flamenco Manager. */
import { rm } from 'node:fs/promises'
import { userInfo } from 'node:os'
import type { Agent, AgentEnd, AgentOptions, AgentStatus } from './agent.ts'
import type { CommandRegistry, DescribeMachine, LoadSampler, PreviewMaker, ProcessTools, ToolSettings } from './contract/commands.ts'
import { imageLedger } from './attempt/imageLedger.ts'
import { ownerId } from './data/ownerId.ts'
import { resolveConfig, type ResolvedConfig, type WorkerConfig } from './config.ts'
import { CredentialsStore } from './link/credentials.ts'
import { lockDataFolder } from './data/dataLock.ts'
import { FlamencoAgent } from './adapters/flamenco/flamencoAgent.ts'
import type { FlamencoTiming } from './adapters/flamenco/flamencoWorker.ts'
import type { Logger } from '../../shared/logger.ts'
import { machineId } from './data/machineId.ts'
import { NativeAgent } from './adapters/native/nativeAgent.ts'
import { openManagerLink, type ManagerLink } from './link/managerLink.ts'
import { probeManager, type AdapterName } from './link/probe.ts'
import { endLeftovers, openLedger } from './data/processLedger.ts'
import { WarmAppPool } from './apps/warmAppPool.ts'
import { backoffDelay, pause, type BackoffRule } from '../../shared/async.ts'
import type { MachineReport } from '../../shared/schemas/worker.ts'
import { Engines } from '../docker/engines/engines.ts'
import { ActorHost } from './gateway/actorHost.ts'
import { datagramProblem } from './tools/containers/datagrams.ts'

export { DataFolderInUseError } from './data/dataLock.ts'
export { WorkerConfigError, type WorkerConfig } from './config.ts'
export type { AgentEnd, AgentStatus } from './agent.ts'

/** What the agent needs from commands/ and tools/; see `workerParts` in parts.ts for the real ones. */
export interface WorkerParts {
  /** `engines`: container engines, when the configuration has any; `actors`: what running actors on them needs. */
  createRegistry(tools: ToolSettings, engines?: Engines, actors?: ActorHost): CommandRegistry
  processes: ProcessTools
  describeMachine?: DescribeMachine
  /** `folder`: whose free disk space is reported. */
  createLoad?(folder: string): LoadSampler
  createPreviews?(tools: ToolSettings): PreviewMaker
}

export interface WorkerDeps extends WorkerParts {
  log: Logger
  /** This program's version. */
  version: string
  /** Milliseconds since the epoch. */
  now?: () => number
  /** In [0, 1). */
  random?: () => number
  /** Delays that replace those of a Flamenco Worker, for tests. */
  flamencoTiming?: FlamencoTiming
}

export interface RunningWorker {
  /** Graceful: finishes running attempts. Otherwise stops and returns them. Both inform the manager. Resolves when all is closed. */
  stop(options?: { graceful?: boolean }): Promise<void>
  status(): AgentStatus
  /** Why it ended: `stop` was called, or the manager requested it. Rejects when the worker broke (a defect, a damaged data folder). */
  readonly ended: Promise<AgentEnd>
}

const PROBE_AGAIN: BackoffRule = { firstMs: 250, maxMs: 10_000, factor: 2, jitter: 0.2 }

/**
 * Starts a worker; returns as soon as the data folder is ready, and connects in the background, however long that
 * takes. @throws WorkerConfigError, DataFolderInUseError
 */
export async function startWorker(settings: WorkerConfig, deps: WorkerDeps): Promise<RunningWorker> {
  const config = resolveConfig(settings)
  const unlock = await lockDataFolder(config.dataDir, deps.processes)
  try {
    const worker = new Worker(config, deps)
    await worker.prepare()
    const ended = worker.run().finally(unlock)
    // A caller that ignores `ended` must not crash the process.
    ended.catch((error: unknown) => deps.log.error({ err: error }, 'the worker failed'))
    return {
      stop: async (options) => {
        await worker.stop(options?.graceful ?? false)
        await ended.catch(() => {})
      },
      status: () => worker.status(),
      ended,
    }
  } catch (error) {
    await unlock()
    throw error
  }
}

class Worker {
  private readonly config: ResolvedConfig
  private readonly deps: WorkerDeps
  private readonly stopped = new AbortController()
  private readonly sessions: WarmAppPool | undefined
  private agent: Agent | undefined
  private problem = 'connecting'
  private engines: Engines | undefined
  private manager: ManagerLink | undefined
  private actors: ActorHost | undefined

  constructor(config: ResolvedConfig, deps: WorkerDeps) {
    this.config = config
    this.deps = deps
    const { slots, workRoot, sessions: limits } = config
    this.sessions = limits && new WarmAppPool({ slots, limits, workRoot, log: deps.log, now: deps.now ?? Date.now })
  }

  /** Cleans up after a killed worker: its children, its working folders. */
  async prepare(): Promise<void> {
    const { config, deps } = this
    await endLeftovers({ dataDir: config.dataDir, processes: deps.processes, log: deps.log })
    await rm(config.workRoot, { recursive: true, force: true })
    if (config.containers !== undefined) {
      this.engines = new Engines(config.containers, {
        log: deps.log,
        owner: await ownerId(config.dataDir),
        images: imageLedger(config.dataDir, deps.log),
        now: deps.now,
        random: deps.random,
      })
      await this.engines.look()
    }
  }

  async run(): Promise<AgentEnd> {
    try {
      const { config, deps } = this
      const { signal } = this.stopped
      this.manager = await openManagerLink(config, deps, signal, (problem) => (this.problem = problem))
      if (this.manager === undefined) return 'stopped'
      await this.prepareActors(this.manager)
      const options = await this.agentOptions(this.manager)
      const adapter = await this.chooseAdapter(this.manager)
      if (adapter === undefined || this.stopped.signal.aborted) return 'stopped'
      this.agent = adapter === 'native' ? new NativeAgent(options) : new FlamencoAgent(options, this.deps.flamencoTiming)
      return await this.agent.run()
    } finally {
      await this.sessions?.end()
      await this.actors?.close()
      await this.manager?.close()
    }
  }

  async stop(graceful: boolean): Promise<void> {
    this.stopped.abort()
    await this.agent?.stop({ graceful })
  }

  status(): AgentStatus {
    return (
      this.agent?.status() ?? {
        adapter: this.config.adapter === 'flamenco' ? 'flamenco' : 'native',
        connected: false,
        workerIds: [],
        status: 'starting',
        approved: false,
        running: [],
        undelivered: 0,
        problem: this.problem,
      }
    )
  }

  /** Finds out whether its engines run actors, before kinds are reported. */
  private async prepareActors({ http }: ManagerLink): Promise<void> {
    const { engines } = this
    const { log, now = Date.now } = this.deps
    if (engines === undefined) return
    this.actors = new ActorHost({ engines, dataDir: this.config.dataDir, http, log, now, socketProblem: datagramProblem })
    await this.actors.probe()
  }

  private async agentOptions({ http, key, joinCode }: ManagerLink): Promise<AgentOptions> {
    const { config, deps } = this
    const tools = { programs: config.programs }
    const now = deps.now ?? Date.now
    const registry = deps.createRegistry(tools, this.engines, this.actors)
    const id = await machineId(config.dataDir)
    const describe = deps.describeMachine
    let machine: Promise<MachineReport> | undefined
    return {
      http,
      managerKey: key,
      joinCode,
      person: personAtThisMachine(),
      signInKey: config.signInKey,
      credentials: new CredentialsStore(config.dataDir),
      dataDir: config.dataDir,
      name: config.name,
      slots: config.slots,
      kinds: config.kinds && [...config.kinds],
      platform: process.platform === 'win32' ? 'windows' : process.platform,
      software: `Framehouse ${deps.version}`,
      canRestart: config.canRestart,
      folders: config.folders,
      registry,
      attempts: {
        registry,
        processes: openLedger({ dataDir: config.dataDir, processes: deps.processes, log: deps.log }),
        tools,
        limits: { nice: config.nice, oomScoreAdjust: config.oomScoreAdjust },
        sessions: this.sessions,
        workRoot: config.workRoot,
        workerName: config.name,
        log: deps.log,
        now,
      },
      // Once per start: the installed programs are queried, which takes a while.
      describeMachine: describe && (() => (machine ??= describe(id, tools))),
      load: deps.createLoad?.(config.dataDir),
      onApproved: (certify) => void this.actors?.certify(certify),
      previews: deps.createPreviews?.(tools),
      log: deps.log,
      now,
      random: deps.random ?? Math.random,
    }
  }

  /** Undefined when it was stopped before a server answered. */
  private async chooseAdapter({ http }: ManagerLink): Promise<AdapterName | undefined> {
    const { config, deps } = this
    if (config.adapter !== 'auto') return config.adapter
    const { signal } = this.stopped
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        const found = await probeManager(http, signal)
        if (found !== undefined) return found
        this.problem = `the server at ${http.origin} is not a manager`
      } catch (error) {
        this.problem = error instanceof Error ? error.message : String(error)
      }
      if (failures === 1) {
        deps.log.warn({ manager: http.origin, problem: this.problem }, 'no manager yet; retrying')
      }
      await pause(backoffDelay(failures, PROBE_AGAIN, (deps.random ?? Math.random)()), signal)
    }
    return undefined
  }
}

/** A service's user may have no name. */
function personAtThisMachine(): string {
  try {
    return userInfo().username.slice(0, 100)
  } catch {
    return ''
  }
}
