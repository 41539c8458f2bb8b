/** `docker-run`: a container, or one for each frame, on an engine of this worker (docs/containers.md). */
import { dirname } from 'node:path'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { ContainerRecord, DockerRunParameters } from '../../../../shared/schemas/container.ts'
import { consentProblem } from '../../../docker/runs/consent.ts'
import type { Engines } from '../../../docker/engines/engines.ts'
import { EngineUnreachableError } from '../../../docker/errors.ts'
import type { EngineConfig } from '../../../docker/config.ts'
import type { RunSpec } from '../../../docker/executor.ts'
import { afterRunning } from '../../attempt/awakeTimer.ts'
import { lookAt, reportKept, setAside, settleExisting, WrittenFiles } from '../../attempt/existing/index.ts'
import { warmContainer } from './warmContainer.ts'
import { repeatable } from '../../apps/repeatable.ts'
import { ContainerOutput } from '../../tools/containers/containerOutput.ts'
import { asCommandError, checkMounts, countUsage, pauseForWatch } from '../../tools/containers/runSupport.ts'
import { planContainers, specOf, type PlannedRun } from './containerPlan.ts'
import { fileProblem } from '../fileProblem.ts'
import { ensureDir } from '../../../system/ensureDir.ts'
import { OutputWatch } from '../outputWatch.ts'
import { readParameters, refuse } from '../parameters.ts'
import { CommandFailedError, ExitCodeError, TimedOutError } from '../../contract/commands.ts'
import type { Command, CommandContext, CommandRunner } from '../../contract/commands.ts'

/** Beyond the time that a container is given to end: to stop it, read it and tell. */
const STOP_SLACK_MS = 20_000

/** What is kept in the attempt's journal: which container this is about, and those before it. */
const Kept = Type.Object({
  run: Type.Integer({ minimum: 0 }),
  engine: Type.String(),
  /** Null until it exists for certain. */
  containerId: Type.Union([Type.String(), Type.Null()]),
  startedAt: Type.Number(),
  /** Lines of the attempt before its first. */
  base: Type.Object({ stdout: Type.Integer(), stderr: Type.Integer() }),
  /** Those that ended, this one too once its output is safe. */
  records: Type.Array(ContainerRecord),
})
type Kept = Static<typeof Kept>

/** The command for a worker with these engines. */
export function dockerRun(engines: Engines): CommandRunner {
  return async (command, context) => {
    const parameters = readParameters(DockerRunParameters, command)
    checkNames(command, parameters)
    const mounts = await allowedMounts(command, parameters, engines, context)
    const runs = planContainers(command, parameters, mounts)
    const { first, again } = repeatable(context)
    // A container of its own that an earlier run of the worker began is waited for.
    const wasBegun = Value.Check(Kept, context.journal?.earlier?.state)
    if (parameters.keepContainer === true && !wasBegun && (await doneInKept(engines, { parameters, mounts, runs }, first))) return
    await new DockerRun(engines, parameters, mounts, runs, again).run()
  }
}

/** True when a container that is kept open did all runs; false when each needs one of its own. */
async function doneInKept(
  engines: Engines,
  { parameters, mounts, runs }: { parameters: DockerRunParameters; mounts: RunSpec['mounts']; runs: readonly PlannedRun[] },
  context: CommandContext,
): Promise<boolean> {
  const [run] = runs
  if (context.sessions === undefined || run === undefined) return false
  const spec = (index: number, paths: EngineConfig['paths']) =>
    specOf({ parameters, mounts, owner: engines.owner }, runs[index] ?? run, index, paths, context)
  const timed = new AbortController()
  const limited = { ...context, journal: undefined, signal: AbortSignal.any([context.signal, timed.signal]) }
  const end = await context.sessions.run(warmContainer(engines, parameters, spec), limited, async (kept) => {
    const inKept = async (each: PlannedRun, index: number): Promise<ContainerRecord> => {
      const stop = (): void => timed.abort(new TimedOutError(`ran longer than ${(parameters.timeoutMs ?? 0) / 1000} s`))
      const timer = parameters.timeoutMs ? setTimeout(stop, Math.min(parameters.timeoutMs, 0x7fff_ffff)) : undefined
      if (each.frame !== undefined) context.activity(`frame ${each.frame}`)
      try {
        return await kept.run((paths) => spec(index, paths), limited)
      } finally {
        clearTimeout(timer)
      }
    }
    await new DockerRun(engines, parameters, mounts, runs, limited, inKept).run()
    return { ok: true, frames: runs.length }
  })
  return end.ok
}

class DockerRun {
  private records: ContainerRecord[] = []

  constructor(
    private readonly engines: Engines,
    private readonly parameters: DockerRunParameters,
    private readonly mounts: RunSpec['mounts'],
    private readonly runs: readonly PlannedRun[],
    private readonly context: CommandContext,
    /** Does a run in a container that is there already. */
    private readonly inKept?: (run: PlannedRun, index: number) => Promise<ContainerRecord>,
  ) {}

  async run(): Promise<void> {
    const { context, parameters } = this
    if (parameters.stopGraceMs !== undefined) context.endsWithin?.(parameters.stopGraceMs + STOP_SLACK_MS)
    const state = context.journal?.earlier?.state
    const kept = Value.Check(Kept, state) ? state : undefined
    this.records = [...(kept?.records ?? [])]
    if (this.records.length > 0) this.tell()
    for (const [index, run] of this.runs.entries()) {
      if (kept !== undefined && index < kept.run) context.progress(run.steps)
      else await this.withOutputs(run, index, kept?.run === index ? kept : undefined)
    }
  }

  /** One container and the files that it saves. */
  private async withOutputs(run: PlannedRun, index: number, kept: Kept | undefined): Promise<void> {
    const { context } = this
    const { outputs, steps } = run
    for (const { path } of outputs) {
      await ensureDir(dirname(path)).catch((error: unknown) => {
        throw new CommandFailedError(`could not make the output folder "${dirname(path)}": ${fileProblem(error)}`)
      })
    }
    // A container that is taken up again has written some of its files already.
    if (kept === undefined && (await this.keepsAll(outputs))) return context.progress(steps)
    let counted = 0
    const written = new WrittenFiles(context, () => {
      if (outputs.length === steps && steps > 1) {
        counted += 1
        context.progress(1)
      }
    })
    const watch = await OutputWatch.start(outputs, (file) => written.add(file), kept?.startedAt)
    const record = await this.container(run, index, kept).catch((error: unknown) => {
      watch.stop()
      throw error
    })
    const missing = await watch.finish()
    if (missing.length > 0) {
      const more = missing.length > 1 ? ` (and ${missing.length - 1} more)` : ''
      const which = record.containerId.slice(0, 12)
      throw new CommandFailedError(`container ${which} ended without an error, but did not write "${missing[0]}"${more}`)
    }
    await written.finish()
    if (steps > counted) context.progress(steps - counted)
  }

  /**
   * Whether all that it would save is there and is kept; else old files are moved out of the way. What a container reads is not
   * known to us, so a retry keeps nothing of an earlier attempt's: only "Keep whole frames" does.
   */
  private async keepsAll(outputs: PlannedRun['outputs']): Promise<boolean> {
    const { context } = this
    if (outputs.length === 0) return false
    const { kept, open } = await settleExisting(outputs, {}, context, async ({ path }) => {
      return (await lookAt(path, context)) ?? { state: 'unchecked', reason: 'it is no picture' }
    }).catch((error: unknown) => {
      context.signal.throwIfAborted()
      throw new CommandFailedError(`could not set aside what was there before: ${fileProblem(error)}`)
    })
    if (open.length > 0) {
      // The container writes all of them anew.
      for (const { path } of kept) await setAside(path)
      return false
    }
    reportKept(kept, context)
    return true
  }

  private async container(run: PlannedRun, index: number, kept: Kept | undefined): Promise<ContainerRecord> {
    // An earlier run of the worker saw its end, and all its output is safe.
    const ended = this.records[index]
    const record = ended ?? (await (this.inKept === undefined ? this.execute(run, index, kept) : this.noted(this.inKept(run, index))))
    if (record.exitCode !== 0) throw endError(record, this.parameters)
    return record
  }

  private async noted(ending: Promise<ContainerRecord>): Promise<ContainerRecord> {
    const record = await ending
    this.records = [...this.records, record]
    this.tell()
    countUsage(record, this.context.metrics)
    return record
  }

  private async execute(run: PlannedRun, index: number, kept: Kept | undefined): Promise<ContainerRecord> {
    const { context, engines, parameters, mounts } = this
    const { journal, task } = context
    const routingName = parameters.routingName ?? task.jobName
    const startedAt = kept?.startedAt ?? context.now()
    const limit = timeLimit(context.signal, parameters.timeoutMs ?? 0, Math.max(0, context.now() - startedAt))
    let release: ((failed: boolean) => void) | undefined
    let output: ContainerOutput | undefined
    try {
      const lent = await engines.acquire(routingName, task.container?.blacklist ?? [], kept?.engine, limit.signal)
      release = lent.release
      const base = kept?.base ?? journal?.entered() ?? { stdout: 0, stderr: 0 }
      const keep = (containerId: string | null, records: ContainerRecord[]) =>
        journal?.save({ run: index, engine: lent.engine.name, containerId, startedAt, base, records } satisfies Kept)
      const logged = journal?.earlier?.logged
      const passed =
        kept === undefined || logged === undefined
          ? undefined
          : { stdout: logged.stdout - base.stdout, stderr: logged.stderr - base.stderr }
      output = new ContainerOutput(context, passed)
      const passOn = output
      const before = [...this.records]
      keep(kept?.containerId ?? null, before)
      const spec = specOf({ parameters, mounts, owner: engines.owner }, run, index, lent.config.paths, context)
      const prefix = run.frame === undefined ? '' : `frame ${run.frame}, `
      const record = await lent.executor.run(
        spec,
        {
          output: (stream, chunk) => passOn.push(stream, chunk),
          replay: () => passOn.replay(),
          created: (containerId) => {
            lent.answered()
            keep(containerId, before)
          },
          activity: (text) => context.activity(`${prefix}${text}`),
          registryAuth: (registry) => task.container?.registries.find((known) => known.registry === registry),
          ended: (found) => {
            passOn.end()
            this.records = [...before, found]
            this.tell()
            countUsage(found, context.metrics)
          },
          settled: async () => {
            await journal?.settled()
            keep(kept?.containerId ?? null, this.records)
          },
        },
        { createdBefore: kept?.containerId ?? undefined },
        limit.signal,
      )
      release(false)
      release = undefined
      return record
    } catch (error) {
      output?.end()
      const isAway = error instanceof EngineUnreachableError
      release?.(isAway)
      release = undefined
      if (isAway && !context.signal.aborted) await pauseForWatch(context.signal)
      throw asCommandError(error)
    } finally {
      limit.clear()
    }
  }

  private tell(): void {
    this.context.result({ containers: this.records })
  }
}

/** Aborts with the context's signal, or with a TimedOutError `ms` after the container's start (0: never). */
function timeLimit(signal: AbortSignal, ms: number, elapsedMs: number): { signal: AbortSignal; clear: () => void } {
  if (ms === 0) return { signal, clear: () => undefined }
  const controller = new AbortController()
  const clear = afterRunning(ms - elapsedMs, () => controller.abort(new TimedOutError(`ran longer than ${ms / 1000} s`)))
  return { signal: AbortSignal.any([signal, controller.signal]), clear }
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
  const checked = await checkMounts(mounts, config)
  if ('problem' in checked) return refuse(command, 'mounts', checked.problem)
  const refusal = consentProblem(parameters, checked.sources, { config, isAdminJob: context.task.container?.isAdminJob ?? false, sockets })
  if (refusal !== undefined) refuse(command, refusal.parameter, refusal.reason)
  return mounts
}
