/**
 * Containers on a Docker engine, as the executor behind `docker-run`. A container is created, attached to, started, waited
 * for, read and removed; a container of an earlier run of the worker is resumed.
 */
import type { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { runningActivity, type ContainerRecord } from '../../../shared/schemas/container.ts'
import { createOptions } from './createOptions.ts'
import { heardState, inspectedState, untilEnded, witnessEnd, type EndState } from './completion.ts'
import { CompletionStream } from './completionStream.ts'
import { ask, type Engine } from '../engines/engine.ts'
import { ContainerLostError, EngineRefusedError, EngineUnreachableError, isConnectionFailure, statusOf } from '../errors.ts'
import type { Executor, RunHooks, RunOptions, RunSpec } from '../executor.ts'
import { digestOf, pullImage } from '../engines/images.ts'
import { keptLog } from '../engines/keptLog.ts'
import { logDriverOf } from '../engines/logDriver.ts'
import { pumpOutput } from './logs.ts'
import { endedByOutage, signalWords, unseenEndIsLost } from './outage.ts'
import { NO_USAGE, UsageWatch, type Usage } from './stats.ts'
import { patiently, Removals, type ExecutorOptions } from './upkeep.ts'

/** After a container was stopped, its last output gets so long to arrive. */
const LAST_OUTPUT_MS = 5000

interface Entry {
  readonly container: Docker.Container
  state: 'created' | 'running' | 'ended'
  /** It ended by itself during an outage. */
  isJudged?: boolean
  /** As reported while it happened. */
  heard?: EndState
}

interface End {
  usage: Usage
  state: EndState
}

export class DockerExecutor implements Executor {
  private readonly removals: Removals
  private readonly ends: CompletionStream

  constructor(private readonly options: ExecutorOptions) {
    this.removals = new Removals((id, error) => options.onLeftover(id, error))
    this.ends = new CompletionStream(options.engine, options.owner)
  }

  async run(spec: RunSpec, hooks: RunHooks, { createdBefore }: RunOptions, signal: AbortSignal): Promise<ContainerRecord> {
    const entry = createdBefore === undefined ? await this.create(spec, hooks, signal) : await this.findAgain(createdBefore, hooks, signal)
    const { container } = entry
    let settled = Promise.resolve()
    try {
      hooks.created(container.id)
      if (entry.state === 'created') await hooks.prepare?.((tar) => this.put(container, tar))
      const end = await this.toTheEnd(entry, spec, hooks, signal)
      const record = await this.record(spec, container.id, end, signal)
      hooks.ended(record)
      settled = hooks.settled()
      if (signal.aborted) throw signal.reason
      return record
    } finally {
      this.removals.add(container.id, settled, () => container.remove({ force: true, v: true }))
    }
  }

  /** Resolves when all containers that ended are removed. */
  async idle(): Promise<void> {
    await this.removals.idle()
  }

  /** Nothing stays open for runs to come. */
  rest(): void {
    this.ends.stop()
  }

  private get engine(): Engine {
    return this.options.engine
  }

  private async create(spec: RunSpec, hooks: RunHooks, signal: AbortSignal): Promise<Entry> {
    const { docker } = this.engine
    const pull = async () => {
      hooks.activity(`pulling ${spec.image}`)
      await pullImage(
        this.engine,
        spec.image,
        (registry) => hooks.registryAuth(registry),
        (text) => hooks.activity(text),
        signal,
      )
      this.options.onImage(spec.image, true)
    }
    let pullFailure: unknown
    if (spec.pull === 'always') {
      await pull().catch((error: unknown) => {
        if (!spec.localFallback || error instanceof EngineUnreachableError || signal.aborted) throw error
        pullFailure = error
      })
    }
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted()
      try {
        const container = await docker.createContainer(createOptions(spec, await logDriverOf(this.engine)))
        this.options.onImage(spec.image, false)
        return { container, state: 'created' }
      } catch (error) {
        if (statusOf(error) === 409) return this.find(spec.name)
        const isMissing = statusOf(error) === 404
        if (isMissing && pullFailure !== undefined) throw pullFailure
        if (!isMissing || spec.pull !== 'missing' || tries > 1)
          return await ask(this.engine, 'cannot create the container', Promise.reject(error))
        await pull()
      }
    }
  }

  /** As `find`, with patience for an engine that is away just now. */
  private async findAgain(id: string, hooks: RunHooks, signal: AbortSignal): Promise<Entry> {
    try {
      return await this.find(id)
    } catch (error) {
      if (!isConnectionFailure(error)) throw error
      await patiently(this.options, hooks, signal)
      return this.find(id)
    }
  }

  /** A container that was created before. @throws ContainerLostError when it is gone */
  private async find(idOrName: string): Promise<Entry> {
    const info = await this.inspect(this.engine.docker.getContainer(idOrName))
    const container = this.engine.docker.getContainer(info.Id)
    if (info.State.Status === 'created') return { container, state: 'created' }
    return { container, state: info.State.Running || info.State.Restarting ? 'running' : 'ended' }
  }

  private async inspect(container: Docker.Container): Promise<Docker.ContainerInspectInfo> {
    try {
      return await ask(this.engine, 'cannot inspect the container', container.inspect())
    } catch (error) {
      if (!(error instanceof EngineRefusedError) || error.status !== 404) throw error
      throw new ContainerLostError(`container ${container.id.slice(0, 12)} no longer exists on ${this.engine.host}`)
    }
  }

  /** Follows it to its end through outages of the engine. */
  private async toTheEnd(entry: Entry, spec: RunSpec, hooks: RunHooks, signal: AbortSignal): Promise<End> {
    const { container } = entry
    const watch = new UsageWatch(async () => {
      // With `stream` the answer is a stream; the types know only the single sample.
      return (await container.stats({ stream: true })) as unknown as Readable
    })
    // One that does not run yet is stopped as soon as it does (`follow`).
    const onAbort = () => void (entry.state !== 'created' && this.stop(container, spec.stopGraceMs))
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      if (signal.aborted && entry.state === 'created') {
        return { usage: NO_USAGE, state: inspectedState(await this.inspect(container), undefined) }
      }
      for (;;) {
        const wasOverBefore = entry.state === 'ended'
        try {
          await this.follow(entry, watch, spec, hooks, signal)
          if (entry.heard !== undefined) return { usage: watch.stop(), state: entry.heard }
          const asksWitness = !signal.aborted && entry.isJudged !== true
          const [witness, info] = await Promise.all([
            asksWitness ? witnessEnd(this.engine, container.id) : undefined,
            this.inspect(container),
          ])
          const { ExitCode: exitCode } = info.State
          if (witness?.died === false && unseenEndIsLost({ exitCode, wasOverBefore })) throw this.lost(exitCode)
          return { usage: watch.stop(), state: inspectedState(info, witness) }
        } catch (error) {
          if (!isConnectionFailure(error)) throw error
          await this.afterOutage(entry, !wasOverBefore && entry.state === 'ended', hooks, signal)
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      watch.stop()
    }
  }

  /** From its current state to its end. @throws EngineUnreachableError or a connection's own error when the engine goes away */
  private async follow(entry: Entry, usage: UsageWatch, { stopGraceMs }: RunSpec, hooks: RunHooks, signal: AbortSignal): Promise<void> {
    const { container } = entry
    const isNew = entry.state === 'created'
    let isUnwanted = false
    const onStart = (): void => void (isUnwanted = signal.aborted)
    const onRunning = (): void => {
      hooks.activity(runningActivity(container.id, this.engine.host))
      usage.start()
      // A container that was cancelled when it was started has nothing to finish.
      if (signal.aborted) void this.stop(container, isUnwanted ? 0 : stopGraceMs)
    }
    if (entry.state === 'running') onRunning()
    const output = isNew ? await this.attach(container) : await this.replay(container, hooks)
    const pumping = pumpOutput(output, (stream, bytes) => hooks.output(stream, bytes), !isNew)
    // It is looked at below; until then its failure must not count as unhandled.
    pumping.catch(() => undefined)
    try {
      const broken = pumping.then(() => new Promise<never>(() => undefined))
      await Promise.race([isNew ? this.fromStartToEnd(entry, onStart, onRunning) : untilEnded(this.engine, container.id), broken])
      entry.state = 'ended'
    } catch (error) {
      output.destroy()
      throw error
    }
    if (signal.aborted) setTimeout(() => output.destroy(), LAST_OUTPUT_MS).unref()
    await pumping.catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
    if (isNew || signal.aborted) return
    // An engine that is followed may leave out what a container says last.
    await pumpOutput(await this.replay(container, hooks, false), (stream, bytes) => hooks.output(stream, bytes), true)
  }

  /** Starts it and receives its end as it happens, if the engine's events are reliable. */
  private async fromStartToEnd(entry: Entry, onStart: () => void, onRunning: () => void): Promise<void> {
    const { container } = entry
    const ear = this.ends.listen(container.id)
    try {
      const [{ Image: imageId }] = await Promise.all([this.inspect(container), ear.ready])
      onStart()
      await ask(this.engine, 'cannot start the container', container.start())
      ear.started()
      entry.state = 'running'
      onRunning()
      const heard = await ear.end
      if (heard === undefined) await untilEnded(this.engine, container.id)
      else entry.heard = heardState(imageId, heard)
    } finally {
      ear.close()
    }
  }

  private async put(container: Docker.Container, tar: Readable): Promise<void> {
    await ask(this.engine, 'cannot put files into the container', container.putArchive(tar, { path: '/' }))
  }

  /** All its output from now on, before it is started: not a byte is missed. */
  private async attach(container: Docker.Container): Promise<Readable> {
    const stream = await ask(this.engine, 'cannot attach to the container', container.attach({ stream: true, stdout: true, stderr: true }))
    return stream as unknown as Readable // The answer of the HTTP request; the types say only that it can be read.
  }

  /** All its output from its start, as the engine kept it. */
  private async replay(container: Docker.Container, hooks: RunHooks, follow = true): Promise<Readable> {
    const stream = await keptLog(this.engine, 'containers', container.id, follow)
    hooks.replay()
    return stream
  }

  /**
   * The engine went away while the container ran: waits for it, and finds out what became of the container. `endIsKnown`: its end
   * was reported before, by a daemon that no longer answers.
   * @throws ContainerLostError when it is gone, was ended with its engine, or the engine stays away
   */
  private async afterOutage(entry: Entry, endIsKnown: boolean, hooks: RunHooks, signal: AbortSignal): Promise<void> {
    const { engine, now } = this.options
    const brokeAt = now()
    await patiently(this.options, hooks, signal)
    const info = await this.inspect(entry.container)
    const { Status, Running, ExitCode, FinishedAt } = info.State
    entry.state = Status === 'created' ? 'created' : Running || info.State.Restarting ? 'running' : 'ended'
    if (entry.state !== 'ended' || entry.isJudged) return
    const liveRestore =
      (await ask(engine, 'cannot ask the engine', engine.docker.info() as Promise<{ LiveRestoreEnabled?: boolean }>)).LiveRestoreEnabled ===
      true
    const finishedAt = Date.parse(FinishedAt)
    if (endedByOutage({ finishedAt, brokeAt: endIsKnown ? finishedAt : brokeAt, liveRestore })) throw this.lost(ExitCode)
    entry.isJudged = true
  }

  private lost(exitCode: number): ContainerLostError {
    return new ContainerLostError(`the container ended with its Docker engine at ${this.engine.host} (exit code ${exitCode})`)
  }

  private async stop(container: Docker.Container, graceMs: number): Promise<void> {
    // It may have ended by itself, or the engine may be away: the outage handling finds out.
    await container.stop({ t: Math.ceil(graceMs / 1000) }).catch(() => undefined)
  }

  private async record(spec: RunSpec, containerId: string, { usage, state }: End, signal: AbortSignal): Promise<ContainerRecord> {
    const { engine } = this
    const { imageId, exitCode, oomKilled, error, signals, startedAt, finishedAt } = state
    const { memoryBytes } = spec
    return {
      containerId,
      containerName: spec.name,
      engine: engine.name,
      host: engine.host,
      image: spec.image,
      imageId,
      imageDigest: await digestOf(engine, imageId, spec.image),
      exitCode,
      oomKilled,
      error: error || signal.aborted ? error : signalWords({ exitCode: exitCode ?? 0, oomKilled, memoryBytes, signals }),
      startedAt,
      finishedAt,
      ...usage,
    }
  }
}
