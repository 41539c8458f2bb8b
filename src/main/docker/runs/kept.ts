/**
 * A container that is kept for several runs, one `exec` each. Its first process does nothing but wait for the end of its input,
 * which the worker holds open: a worker that is killed takes it along, and the engine removes it.
 */
import type { Duplex, Readable } from 'node:stream'
import type Docker from 'dockerode'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { pause } from '../../../shared/async.ts'
import { createOptions } from './createOptions.ts'
import { untilEnded } from './completion.ts'
import { ask, type Engine } from '../engines/engine.ts'
import { ContainerLostError, EngineRefusedError, isConnectionFailure, statusOf, wordsOf } from '../errors.ts'
import type { OutputStream, RunHooks, RunSpec } from '../executor.ts'
import { digestOf, pullImage } from '../engines/images.ts'
import { pumpOutput } from './logs.ts'
import { foldSample, NO_USAGE, type Usage } from './stats.ts'

/** Every shell has it, and the shell collects what its children leave. */
const WAITS = ['sh', '-c', 'while read -r _; do :; done']
/** An exec's output ends a moment before the engine knows its exit code. */
const EXIT_LOOKS = 100
const EXIT_LOOK_MS = 50

export interface KeptHooks extends Pick<RunHooks, 'activity' | 'registryAuth'> {
  /** A container of this image is about to run; `pulled`: it was fetched for it. */
  image(reference: string, pulled: boolean): void
}

/** One run in it. */
export interface ExecRequest {
  readonly args: readonly string[]
  /** `NAME=value`. */
  readonly env: readonly string[]
  output(stream: OutputStream, chunk: Buffer): Promise<void> | undefined
}

export interface ExecEnd {
  readonly exitCode: number
  /** The run's share of what the container used so far. */
  readonly cpuSeconds: number | null
}

export class KeptContainer {
  /** Resolves, in words, when it is over. */
  readonly ended: Promise<string>
  hasEnded = false
  /** Of all its processes, after the last run. */
  memoryBytes = 0
  private cpuSeconds = 0

  private constructor(
    private readonly engine: Engine,
    private readonly container: Docker.Container,
    /** The image's command, when no other is given. */
    private readonly image: { entrypoint: readonly string[]; cmd: readonly string[] },
    readonly facts: { readonly containerId: string; readonly imageId: string; readonly imageDigest: string | null },
    input: Duplex,
    gone: Promise<string>,
  ) {
    input.on('error', () => undefined)
    // Its own output is none; what is not read would hold the connection.
    input.resume()
    this.ended = gone.then((how) => {
      this.hasEnded = true
      input.destroy()
      return how
    })
  }

  /**
   * Creates and starts it; `spec.env` should hold only what removes variables of the image.
   * @throws EngineRefusedError (an image without a shell, too), EngineUnreachableError, the signal's reason
   */
  static async open(engine: Engine, spec: RunSpec, hooks: KeptHooks, signal: AbortSignal): Promise<KeptContainer> {
    const container = await create(engine, spec, hooks, signal)
    try {
      const attached = await ask(
        engine,
        'cannot attach to the container',
        container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true }),
      )
      const input = attached as unknown as Duplex // The upgraded connection; the types say only that it can be read.
      await ask(engine, 'cannot start the container', container.start())
      const gone = untilEnded(engine, container.id).then(
        (exitCode) => `exit code ${exitCode ?? 'unknown'}`,
        (error: unknown) => wordsOf(error),
      )
      const info = await ask(engine, 'cannot inspect the container', container.inspect())
      const { Config } = await ask(engine, 'cannot inspect the image', engine.docker.getImage(info.Image).inspect())
      const facts = { containerId: info.Id, imageId: info.Image, imageDigest: await digestOf(engine, info.Image, spec.image) }
      const image = { entrypoint: spec.entrypoint ?? list(Config.Entrypoint), cmd: spec.entrypoint ? [] : list(Config.Cmd) }
      signal.throwIfAborted()
      return new KeptContainer(engine, container, image, facts, input, gone)
    } catch (error) {
      await remove(container)
      throw error
    }
  }

  /** Runs a command as the container itself would have. @throws ContainerLostError when the container ended, EngineRefusedError */
  async run({ args, env, output }: ExecRequest): Promise<ExecEnd> {
    const command = [...this.image.entrypoint, ...(args.length > 0 ? args : this.image.cmd)]
    const broke = this.ended.then((how) => {
      throw new ContainerLostError(`the container that was kept open ended: ${how}`)
    })
    const work = async () => {
      const options = { Cmd: command, Env: [...env], AttachStdout: true, AttachStderr: true, Tty: false }
      const exec = await ask(this.engine, 'cannot run the command', this.container.exec(options))
      const stream = await ask(this.engine, 'cannot run the command', exec.start({ Detach: false, Tty: false }))
      await pumpOutput(stream as Readable, output)
      return this.exitCode(exec)
    }
    const exitCode = await Promise.race([work(), broke])
    return { exitCode, cpuSeconds: await this.measure() }
  }

  /** Ends it immediately with everything that runs in it. Resolves when it is removed. */
  close(): Promise<void> {
    return remove(this.container)
  }

  private async exitCode(exec: Docker.Exec): Promise<number> {
    for (let looks = 0; looks < EXIT_LOOKS; looks++) {
      const { Running, ExitCode } = await ask(this.engine, 'cannot ask for the exit code', exec.inspect())
      if (!Running && ExitCode !== null) return ExitCode
      await pause(EXIT_LOOK_MS)
    }
    throw new ContainerLostError('the connection to what ran in the container broke')
  }

  /** Looks at what the container used. No numbers are no reason to fail a run. */
  private async measure(): Promise<number | null> {
    const sample: unknown = await this.container.stats({ stream: false, 'one-shot': true }).catch(() => undefined)
    if (Value.Check(Memory, sample)) {
      const { usage = 0, stats } = sample.memory_stats
      // What the kernel keeps of files is given up when it is wanted.
      this.memoryBytes = Math.max(0, usage - (stats?.inactive_file ?? stats?.total_inactive_file ?? 0))
    }
    const used: Usage = isObject(sample) ? foldSample(NO_USAGE, sample) : NO_USAGE
    if (used.cpuSeconds === null) return null
    const share = Math.max(0, used.cpuSeconds - this.cpuSeconds)
    this.cpuSeconds = used.cpuSeconds
    return share
  }
}

const count = Type.Optional(Type.Number())
const Memory = Type.Object({
  memory_stats: Type.Object({ usage: count, stats: Type.Optional(Type.Object({ inactive_file: count, total_inactive_file: count })) }),
})

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

async function create(engine: Engine, spec: RunSpec, hooks: KeptHooks, signal: AbortSignal): Promise<Docker.Container> {
  const pull = async () => {
    hooks.activity(`pulling ${spec.image}`)
    await pullImage(engine, spec.image, hooks.registryAuth, hooks.activity, signal)
    hooks.image(spec.image, true)
  }
  if (spec.pull === 'always') await pull()
  const options = createOptions(spec)
  const kept: Docker.ContainerCreateOptions = {
    ...options,
    Entrypoint: WAITS,
    Cmd: [],
    AttachStdin: true,
    OpenStdin: true,
    StdinOnce: true,
    HostConfig: { ...options.HostConfig, AutoRemove: true },
  }
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted()
    try {
      const container = await engine.docker.createContainer(kept)
      hooks.image(spec.image, false)
      return container
    } catch (error) {
      if (statusOf(error) !== 404 || spec.pull !== 'missing' || tries > 1) {
        return await ask(engine, 'cannot create the container', Promise.reject(error))
      }
      await pull()
    }
  }
}

/** Gone already, or being removed by the engine, is as well. @throws EngineRefusedError */
async function remove(container: Docker.Container): Promise<void> {
  await container.remove({ force: true, v: true }).catch((error: unknown) => {
    // An engine that is away sees the connection of the worker end.
    if (isConnectionFailure(error) || statusOf(error) === 404 || statusOf(error) === 409) return
    throw error instanceof Error ? error : new EngineRefusedError(String(error), 500)
  })
}

function list(value: string | string[] | null | undefined): string[] {
  return value === null || value === undefined ? [] : typeof value === 'string' ? [value] : value
}
