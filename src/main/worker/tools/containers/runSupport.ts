/** What the commands that run containers share: allowed mounts, numbers for statistics, and the engine's failures as the command's. */
import { realpath } from 'node:fs/promises'
import type { ContainerMount, ContainerRecord } from '../../../../shared/schemas/container.ts'
import type { ContainerConfig } from '../../../docker/config.ts'
import { ContainerError, ContainerLostError, EngineUnreachableError } from '../../../docker/errors.ts'
import { mountProblem, volumeProblem } from '../../../docker/runs/mounts.ts'
import { CommandError, CouldNotStartError, type Metrics } from '../../contract/commands.ts'
import { GivenBackError } from '../../contract/errors.ts'

/** An engine that vanished is noticed by its watch a moment later; until then no further task should come. */
const GIVE_BACK_PAUSE_MS = 1000

/** Adds what a container used to the attempt's statistics. */
export function countUsage(record: ContainerRecord, metrics: Metrics): void {
  if (record.cpuSeconds !== null) metrics.add('cpuSeconds', record.cpuSeconds)
  if (record.peakMemoryBytes !== null) metrics.max('peakMemoryBytes', record.peakMemoryBytes)
  if (record.ioReadBytes !== null) metrics.add('ioReadBytes', record.ioReadBytes)
  if (record.ioWriteBytes !== null) metrics.add('ioWriteBytes', record.ioWriteBytes)
}

/** The engine's failures as the command's: a lost container or engine returns the task. */
export function asCommandError(error: unknown): unknown {
  if (error instanceof CommandError) return error
  if (error instanceof ContainerLostError || error instanceof EngineUnreachableError) return new GivenBackError(error.message)
  if (error instanceof ContainerError) return new CouldNotStartError(error.message)
  return error
}

/** Waits until the worker knows that its engine is away, so that it takes no further task before. */
export function pauseForWatch(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, GIVE_BACK_PAUSE_MS)
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done, { once: true })
  })
}

/**
 * Why the worker's owner does not allow one of the mounts: the end of a sentence that begins with "mounts". Otherwise the resolved paths of
 * the bind mounts.
 */
export async function checkMounts(
  mounts: readonly ContainerMount[],
  config: Pick<ContainerConfig, 'mounts'>,
): Promise<{ problem: string } | { sources: string[] }> {
  const sources: string[] = []
  for (const { type = 'bind', source, readOnly = false, target } of mounts) {
    if (type === 'tmpfs') continue
    if (source === undefined) return { problem: `needs a source for "${target}"` }
    const resolved = type === 'bind' ? await resolvedPath(source) : source
    const problem =
      type === 'bind' ? mountProblem([source, resolved], readOnly, config.mounts) : volumeProblem(source, readOnly, config.mounts)
    if (problem !== undefined) return { problem: `cannot be: ${problem}` }
    if (type === 'bind') sources.push(resolved)
  }
  return { sources }
}

/** Where links lead; of what does not exist (or only on the engine's machine) the path itself. */
async function resolvedPath(path: string): Promise<string> {
  return realpath(path).catch(() => path)
}
