/** Which containers a `docker-run` starts, and with what. Pure, but for the user that the worker runs as. */
import { ShellWordsError, shellSplit } from '../../../../shared/text/shellWords.ts'
import type { DockerRunParameters } from '../../../../shared/schemas/container.ts'
import type { EngineConfig } from '../../../docker/config.ts'
import type { RunSpec } from '../../../docker/executor.ts'
import { LABELS } from '../../../docker/engines/sweep.ts'
import { enginePath, workerPath } from '../../../docker/runs/mounts.ts'
import { readFrames } from '../frames.ts'
import type { ExpectedFile } from '../outputWatch.ts'
import { refuse } from '../parameters.ts'
import { planRuns } from '../runPlan.ts'
import type { Command, CommandContext } from '../../contract/commands.ts'

const DEFAULT_GRACE_MS = 10_000

/** One container. */
export interface PlannedRun {
  args: string[]
  /** `NAME=value`, or `NAME` to remove it. */
  variables: string[]
  /** Missing when it does all frames, or none. */
  frame: number | undefined
  outputs: ExpectedFile[]
  steps: number
}

/** The containers to run: one, or one a frame when a placeholder asks for it. */
export function planContainers(command: Command, parameters: DockerRunParameters, mounts: RunSpec['mounts']): PlannedRun[] {
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

/** The executor's specification of a container. `paths`: where the worker's paths are on the engine's machine. */
export function specOf(
  { parameters, mounts, owner }: { parameters: DockerRunParameters; mounts: RunSpec['mounts']; owner: string },
  run: PlannedRun,
  index: number,
  paths: EngineConfig['paths'],
  { task, env, commandIndex = 0 }: Pick<CommandContext, 'task' | 'env' | 'commandIndex'>,
): RunSpec {
  const { command: _command, env: _env, mounts: _mounts, frames: _frames, labels = {}, user, ...rest } = parameters
  return {
    ...rest,
    name: `framehouse-${task.taskId}-${task.attempt}-${commandIndex}-${index}`,
    args: run.args,
    user: user === 'worker' ? workerUser() : user,
    env: [...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...run.variables],
    mounts: mounts.map((mount) =>
      (mount.type ?? 'bind') === 'bind' && mount.source !== undefined ? { ...mount, source: enginePath(mount.source, paths) } : mount,
    ),
    labels: {
      ...labels,
      [LABELS.owner]: owner,
      [LABELS.job]: task.jobId,
      [LABELS.task]: task.taskId,
      [LABELS.attempt]: String(task.attempt),
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
