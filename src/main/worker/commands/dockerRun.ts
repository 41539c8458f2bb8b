/** `docker-run`: a container, or one for each frame, on an engine of this worker (docs/containers.md). */
import { realpath } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DockerRunParameters, type ContainerRecord } from '../../../shared/schemas/container.ts'
import { consentProblem } from '../../docker/consent.ts'
import type { Engines, Lent } from '../../docker/engines.ts'
import { ContainerError, ContainerLostError, EngineUnreachableError } from '../../docker/errors.ts'
import type { RunHooks, RunSpec } from '../../docker/executor.ts'
import { enginePath, mountProblem, volumeProblem, workerPath } from '../../docker/mounts.ts'
import { GivenBackError } from '../errors.ts'
import { LineSplitter } from '../tools/lines.ts'
import { ShellWordsError, shellSplit } from '../../../shared/shellWords.ts'
import { fileProblem } from './fileProblem.ts'
import { readFrames } from './frames.ts'
import { makeFolders } from './makeFolders.ts'
import { OutputWatch } from './outputWatch.ts'
import { readParameters, refuse } from './parameters.ts'
import { planRuns } from './runFrames.ts'
import { CommandFailedError, CouldNotStartError, ExitCodeError, TimedOutError } from './types.ts'
import type { Command, CommandContext, CommandRunner } from './types.ts'

const DEFAULT_GRACE_MS = 10_000

/** The command for a worker with these engines. */
export function dockerRun(engines: Engines): CommandRunner {
  return async (command, context) => {
    const parameters = readParameters(DockerRunParameters, command)
    checkNames(command, parameters)
    const mounts = await allowedMounts(command, parameters, engines, context)
    const runs = plan(command, parameters, mounts)
    const records: ContainerRecord[] = []
    for (const [index, run] of runs.entries()) {
      await runOne({ engines, parameters, mounts, run, index, records }, context)
    }
  }
}

type Run = ReturnType<typeof plan>[number]

interface RunOne {
  engines: Engines
  parameters: DockerRunParameters
  mounts: RunSpec['mounts']
  run: Run
  index: number
  records: ContainerRecord[]
}

async function runOne({ engines, parameters, mounts, run, index, records }: RunOne, context: CommandContext): Promise<void> {
  const { frame, outputs, steps } = run
  for (const { path } of outputs) {
    await makeFolders(dirname(path)).catch((error: unknown) => {
      throw new CommandFailedError(`could not make the output folder "${dirname(path)}": ${fileProblem(error)}`)
    })
  }
  let counted = 0
  const watch = await OutputWatch.start(outputs, (file) => {
    context.output(file)
    if (outputs.length === steps && steps > 1) {
      counted += 1
      context.progress(1)
    }
  })
  const record = await runContainer({ engines, parameters, mounts, run, index, records }, context).catch((error: unknown) => {
    watch.stop()
    throw error
  })
  const missing = await watch.finish()
  if (missing.length > 0) {
    const more = missing.length > 1 ? ` (and ${missing.length - 1} more)` : ''
    throw new CommandFailedError(
      `container ${record.containerId.slice(0, 12)} ended without an error, but did not write "${missing[0]}"${more}`,
    )
  }
  if (steps > counted) context.progress(steps - counted)
  if (frame !== undefined) context.activity(`frame ${frame} done`)
}

async function runContainer(
  { engines, parameters, mounts, run, index, records }: RunOne,
  context: CommandContext,
): Promise<ContainerRecord> {
  const lent = await engines.acquire(parameters.routingName ?? context.task.jobName).catch((error: unknown) => {
    throw asCommandError(error)
  })
  const timeout = parameters.timeoutMs ?? 0
  const limit = timeLimit(context.signal, timeout)
  const output = new Output(context)
  const finish = (record: ContainerRecord) => {
    output.end()
    records.push(record)
    context.result({ containers: records })
    if (record.cpuSeconds !== null) context.metrics.add('cpuSeconds', record.cpuSeconds)
    if (record.peakMemoryBytes !== null) context.metrics.max('peakMemoryBytes', record.peakMemoryBytes)
    if (record.ioReadBytes !== null) context.metrics.add('ioReadBytes', record.ioReadBytes)
    if (record.ioWriteBytes !== null) context.metrics.add('ioWriteBytes', record.ioWriteBytes)
  }
  try {
    const spec = specOf(parameters, mounts, run, index, lent, context)
    const hooks = hooksFor(run, output, finish, context)
    const record = await lent.executor.run(spec, hooks, { createdBefore: undefined }, limit.signal)
    finish(record)
    if (record.exitCode !== 0) throw endError(record, parameters)
    return record
  } catch (error) {
    output.end()
    throw asCommandError(error)
  } finally {
    limit.clear()
    lent.release()
  }
}

function hooksFor(run: Run, output: Output, stopped: (record: ContainerRecord) => void, context: CommandContext): RunHooks {
  const prefix = run.frame === undefined ? '' : `frame ${run.frame}, `
  return {
    output: (stream, chunk) => output.push(stream, chunk),
    replay: () => output.replay(),
    created: () => undefined,
    activity: (text) => context.activity(`${prefix}${text}`),
    registryAuth: () => undefined,
    stopped,
  }
}

/** Bytes of a container as whole lines of the attempt's log. After a replay, what was passed on before is skipped. */
class Output {
  private splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() }
  private readonly passed = { stdout: 0, stderr: 0 }
  private readonly skip = { stdout: 0, stderr: 0 }

  constructor(private readonly context: CommandContext) {}

  push(stream: 'stdout' | 'stderr', chunk: Buffer): Promise<void> | undefined {
    this.deliver(stream, this.splitters[stream].push(chunk))
    return this.context.congested()
  }

  replay(): void {
    this.splitters = { stdout: new LineSplitter(), stderr: new LineSplitter() }
    Object.assign(this.skip, this.passed)
  }

  /** The last lines, without a newline at their end. */
  end(): void {
    this.deliver('stdout', this.splitters.stdout.flush())
    this.deliver('stderr', this.splitters.stderr.flush())
  }

  private deliver(stream: 'stdout' | 'stderr', lines: readonly string[]): void {
    const skipped = Math.min(this.skip[stream], lines.length)
    this.skip[stream] -= skipped
    if (skipped === lines.length) return
    const fresh = skipped === 0 ? lines : lines.slice(skipped)
    this.passed[stream] += fresh.length
    this.context.log(stream, `${fresh.join('\n')}\n`)
  }
}

/** Aborts with the context's signal, or with a TimedOutError after `ms` (0: never). */
function timeLimit(signal: AbortSignal, ms: number): { signal: AbortSignal; clear: () => void } {
  if (ms === 0) return { signal, clear: () => undefined }
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(new TimedOutError(`ran longer than ${ms / 1000} s`)), Math.min(ms, 0x7fff_ffff))
  return { signal: AbortSignal.any([signal, controller.signal]), clear: () => clearTimeout(timer) }
}

function endError({ exitCode, oomKilled, error }: ContainerRecord, { memoryBytes }: DockerRunParameters): ExitCodeError {
  if (oomKilled) {
    const limit = memoryBytes === undefined ? '' : ` (limit: ${memoryBytes} bytes)`
    return new ContainerExitError(exitCode, `the container ran out of memory${limit} and was ended with exit code ${exitCode}`)
  }
  return new ContainerExitError(exitCode, `the container exited with code ${exitCode}${error === '' ? '' : `: ${error}`}`)
}

/** As ExitCodeError, in the words of containers. */
class ContainerExitError extends ExitCodeError {
  constructor(code: number | null, message: string) {
    super(code)
    this.message = message
  }
}

function asCommandError(error: unknown): unknown {
  if (error instanceof ContainerLostError || error instanceof EngineUnreachableError) return new GivenBackError(error.message)
  if (error instanceof ContainerError) return new CouldNotStartError(error.message)
  return error
}

function specOf(
  parameters: DockerRunParameters,
  mounts: RunSpec['mounts'],
  run: Run,
  index: number,
  lent: Lent,
  context: CommandContext,
): RunSpec {
  const { task } = context
  const { command: _command, env: _env, mounts: _mounts, frames: _frames, labels = {}, user, ...rest } = parameters
  return {
    ...rest,
    name: `framehouse-${task.taskId}-${task.attempt}-${index}`,
    args: run.args,
    user: user === 'worker' ? workerUser() : user,
    env: [...Object.entries(context.env).map(([name, value]) => `${name}=${value}`), ...run.variables],
    mounts: mounts.map((mount) =>
      (mount.type ?? 'bind') === 'bind' && mount.source !== undefined
        ? { ...mount, source: enginePath(mount.source, lent.config.paths) }
        : mount,
    ),
    labels: {
      ...labels,
      'framehouse.job': task.jobId,
      'framehouse.task': task.taskId,
      'framehouse.attempt': String(task.attempt),
      'framehouse.run': String(index),
    },
    pull: parameters.pull ?? 'missing',
    localFallback: parameters.localFallback ?? true,
    stopGraceMs: parameters.stopGraceMs ?? DEFAULT_GRACE_MS,
  }
}

function workerUser(): string | undefined {
  const uid = process.getuid?.()
  return uid === undefined ? undefined : `${uid}:${process.getgid?.() ?? uid}`
}

/** The containers to run: one, or one a frame when a placeholder asks for it. */
function plan(command: Command, parameters: DockerRunParameters, mounts: RunSpec['mounts']) {
  const args = argumentsOf(command, parameters.command)
  const env = Object.entries(parameters.env ?? {})
  const pattern = parameters.outputPattern ? workerPath(parameters.outputPattern, mounts) : undefined
  // What removes a variable of the image has no value to fill.
  const removed = env.filter(([, value]) => value === null).map(([name]) => name)
  const set = env.flatMap(([name, value]) => (value === null ? [] : [[name, String(value)] as const]))
  const finished = (
    run: { args: string[]; env: Record<string, string>; frame: number | undefined; outputs: { path: string; frame: number | undefined }[] },
    steps: number,
  ) => ({
    args: run.args,
    variables: [...Object.entries(run.env).map(([name, value]) => `${name}=${value}`), ...removed],
    frame: run.frame,
    outputs: run.outputs,
    steps,
  })
  if (parameters.frames === undefined) {
    const outputs = pattern === undefined ? [] : [{ path: pattern, frame: undefined }]
    return [
      finished({ args, env: Object.fromEntries(set), frame: undefined, outputs }, command.totalStepCount > 0 ? command.totalStepCount : 0),
    ]
  }
  const frames = readFrames(command, parameters.frames)
  const runs = planRuns({ args, env: set, chunk: parameters.frames, frames, outputPattern: pattern, cwd: '/' })
  return runs.map((run) => finished(run, run.frame === undefined ? frames.length : 1))
}

function argumentsOf(command: Command, given: DockerRunParameters['command']): string[] {
  if (given === undefined) return []
  if (Array.isArray(given)) return given
  try {
    return shellSplit(given)
  } catch (error) {
    if (error instanceof ShellWordsError) return refuse(command, 'command', `cannot be split: ${error.message}`)
    throw error
  }
}

function checkNames(command: Command, { env = {}, labels = {} }: DockerRunParameters): void {
  const variable = Object.keys(env).find((name) => name === '' || /[=\0]/.test(name))
  if (variable !== undefined) refuse(command, 'env', `has a name that no variable can have: "${variable}"`)
  const label = Object.keys(labels).find((name) => name.startsWith('framehouse.'))
  if (label !== undefined) refuse(command, 'labels', `has "${label}": names that begin with framehouse. are ours`)
}

/** The mounts, each allowed by the worker's owner. @throws InvalidParameterError */
async function allowedMounts(
  command: Command,
  parameters: DockerRunParameters,
  { config, sockets }: Engines,
  context: CommandContext,
): Promise<RunSpec['mounts']> {
  const mounts = parameters.mounts ?? []
  const sources: string[] = []
  for (const { type = 'bind', source, readOnly = false, target } of mounts) {
    if (type === 'tmpfs') continue
    if (source === undefined) refuse(command, 'mounts', `needs a source for "${target}"`)
    const resolved = type === 'bind' ? await resolvedPath(source) : source
    const problem =
      type === 'bind' ? mountProblem([source, resolved], readOnly, config.mounts) : volumeProblem(source, readOnly, config.mounts)
    if (problem !== undefined) refuse(command, 'mounts', `cannot be: ${problem}`)
    if (type === 'bind') sources.push(resolved)
  }
  const refusal = consentProblem(parameters, sources, { config, isAdminJob: context.task.isAdminJob ?? false, sockets })
  if (refusal !== undefined) refuse(command, refusal.parameter, refusal.reason)
  return mounts
}

/** Where links lead; of what does not exist (or only on the engine's machine) the path itself. */
async function resolvedPath(path: string): Promise<string> {
  return realpath(path).catch(() => path)
}
