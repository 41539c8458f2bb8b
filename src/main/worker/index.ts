/** Starting a worker: one agent, for our manager or a foreign Flamenco Manager. */
import { rm } from 'node:fs/promises'
import type { Agent, AgentEnd, AgentOptions, AgentStatus } from './agent.ts'
import type { CommandRegistry, DescribeMachine, LoadSampler, PreviewMaker, ProcessTools, ToolSettings } from './commands/types.ts'
import { imageLedger } from './imageLedger.ts'
import { ownerId } from './ownerId.ts'
import { resolveConfig, type ResolvedConfig, type WorkerConfig } from './config.ts'
import { CredentialsStore, managerKey } from './credentials.ts'
import { lockDataFolder } from './dataLock.ts'
import { FlamencoAgent } from './flamenco/flamencoAgent.ts'
import type { FlamencoTiming } from './flamenco/flamencoWorker.ts'
import { HttpClient } from './http.ts'
import type { Logger } from './logger.ts'
import { machineId } from './machineId.ts'
import { NativeAgent } from './native/nativeAgent.ts'
import { PinnedManager } from './pinnedManager.ts'
import { probeManager, type AdapterName } from './probe.ts'
import { endLeftovers, openLedger } from './processLedger.ts'
import { SessionPool } from './sessions/sessionPool.ts'
import { backoffDelay, pause, type BackoffRule } from './timing.ts'
import type { MachineReport } from '../../shared/schemas/worker.ts'
import { Engines } from '../docker/engines.ts'

export { DataFolderInUseError } from './dataLock.ts'
export { WorkerConfigError, type WorkerConfig } from './config.ts'
export type { AgentEnd, AgentStatus } from './agent.ts'

/** What the agent needs of commands/ and tools/; see `workerParts` in parts.ts for the real ones. */
export interface WorkerParts {
  /** `engines`: what containers run on, where the configuration names any. */
  createRegistry(tools: ToolSettings, engines?: Engines): CommandRegistry
  processes: ProcessTools
  describeMachine?: DescribeMachine
  /** `folder`: where the free disk space is looked at. */
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
  /** Other waits than those of a Flamenco Worker, for tests. */
  flamencoTiming?: FlamencoTiming
}

export interface RunningWorker {
  /** Graceful: finishes what runs. Otherwise stops it and gives it back. Either way the manager is told. Resolves when all is closed. */
  stop(options?: { graceful?: boolean }): Promise<void>
  status(): AgentStatus
  /** Why it ended: `stop` was called, or the manager asked. Rejects when the worker broke (a defect, a damaged data folder). */
  readonly ended: Promise<AgentEnd>
}

const PROBE_AGAIN: BackoffRule = { firstMs: 250, maxMs: 10_000, factor: 2, jitter: 0.2 }

/**
 * Starts a worker; returns as soon as the data folder is ready, while it connects in the background for as long as that
 * takes. @throws WorkerConfigError, DataFolderInUseError
 */
export async function startWorker(settings: WorkerConfig, deps: WorkerDeps): Promise<RunningWorker> {
  const config = resolveConfig(settings)
  const unlock = await lockDataFolder(config.dataDir, deps.processes)
  try {
    const worker = new Worker(config, deps, await managerClient(config, deps))
    await worker.prepare()
    const ended = worker.run().finally(unlock)
    // Who does not look at `ended` must not bring the process down.
    ended.catch((error: unknown) => deps.log.error({ err: error }, 'the worker broke'))
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

async function managerClient({ url, dataDir, fingerprint }: ResolvedConfig, { version, log }: WorkerDeps): Promise<HttpClient> {
  const userAgent = `Framehouse/${version}`
  if (url.protocol !== 'https:') return new HttpClient({ url, userAgent })
  const pinned = await PinnedManager.open(dataDir, url, fingerprint, log)
  return new HttpClient({ url, userAgent, connect: pinned.connector() })
}

class Worker {
  private readonly config: ResolvedConfig
  private readonly deps: WorkerDeps
  private readonly stopped = new AbortController()
  private readonly sessions: SessionPool | undefined
  private agent: Agent | undefined
  private problem = 'connecting'
  private engines: Engines | undefined

  constructor(
    config: ResolvedConfig,
    deps: WorkerDeps,
    private readonly http: HttpClient,
  ) {
    this.config = config
    this.deps = deps
    const { slots, workRoot, sessions: limits } = config
    this.sessions = limits && new SessionPool({ slots, limits, workRoot, log: deps.log, now: deps.now ?? Date.now })
  }

  /** Clears away what a killed worker left: its children, its working folders. */
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
      const options = await this.agentOptions()
      const adapter = await this.chooseAdapter()
      if (adapter === undefined || this.stopped.signal.aborted) return 'stopped'
      this.agent = adapter === 'native' ? new NativeAgent(options) : new FlamencoAgent(options, this.deps.flamencoTiming)
      return await this.agent.run()
    } finally {
      await this.sessions?.end()
      await this.http.close()
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

  private async agentOptions(): Promise<AgentOptions> {
    const { config, deps } = this
    const tools = { programs: config.programs }
    const now = deps.now ?? Date.now
    const registry = deps.createRegistry(tools, this.engines)
    const id = await machineId(config.dataDir)
    const describe = deps.describeMachine
    let machine: Promise<MachineReport> | undefined
    return {
      http: this.http,
      managerKey: managerKey(config.url),
      credentials: new CredentialsStore(config.dataDir),
      dataDir: config.dataDir,
      name: config.name,
      slots: config.slots,
      kinds: config.kinds && [...config.kinds],
      platform: process.platform === 'win32' ? 'windows' : process.platform,
      software: `Framehouse ${deps.version}`,
      canRestart: config.canRestart,
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
      // Once a start: what is installed is asked of the programs themselves, which takes a while.
      describeMachine: describe && (() => (machine ??= describe(id, tools))),
      load: deps.createLoad?.(config.dataDir),
      previews: deps.createPreviews?.(tools),
      log: deps.log,
      now,
      random: deps.random ?? Math.random,
    }
  }

  /** Undefined when it was stopped before anything answered. */
  private async chooseAdapter(): Promise<AdapterName | undefined> {
    const { config, deps } = this
    if (config.adapter !== 'auto') return config.adapter
    const { signal } = this.stopped
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        const found = await probeManager(this.http, signal)
        if (found !== undefined) return found
        this.problem = `what answers at ${config.url.origin} is no manager`
      } catch (error) {
        this.problem = error instanceof Error ? error.message : String(error)
      }
      if (failures === 1) {
        deps.log.warn({ manager: config.url.origin, problem: this.problem }, 'no manager yet; trying again until there is one')
      }
      await pause(backoffDelay(failures, PROBE_AGAIN, (deps.random ?? Math.random)()), signal)
    }
    return undefined
  }
}
