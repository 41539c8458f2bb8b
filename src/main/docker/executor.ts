/**
 * The seam between the command `docker-run` and what runs containers: a specification in; output, exit state and numbers
 * out. A second implementation (a cluster engine) serves the same command.
 */
import type { Readable } from 'node:stream'
import type { ContainerMount, ContainerRecord, DockerRunParameters, PullPolicy } from '../../shared/schemas/container.ts'

export type OutputStream = 'stdout' | 'stderr'

/** One container, with everything decided: no placeholders, paths as the engine sees them. */
export interface RunSpec extends Pick<
  DockerRunParameters,
  | 'entrypoint'
  | 'workDir'
  | 'user'
  | 'cpus'
  | 'memoryBytes'
  | 'shmBytes'
  | 'pids'
  | 'gpus'
  | 'network'
  | 'extraHosts'
  | 'readOnlyRoot'
  | 'dropCapabilities'
  | 'addCapabilities'
  | 'privileged'
  | 'devices'
  | 'hostPid'
  | 'stopSignal'
> {
  /** Unique for the run of a task: a container of this name is this run, begun earlier. */
  name: string
  image: string
  args: readonly string[]
  /** `NAME=value`; `NAME` alone removes a variable of the image. */
  env: readonly string[]
  mounts: readonly ContainerMount[]
  labels: Readonly<Record<string, string>>
  pull: PullPolicy
  localFallback: boolean
  stopGraceMs: number
}

export interface RegistryAuth {
  username: string
  password: string
}

/** What the caller hears while a container runs. */
export interface RunHooks {
  /** Bytes of its output; a returned promise asks to read no more until it resolves. */
  output(stream: OutputStream, chunk: Buffer): Promise<void> | undefined
  /** Output comes from the container's start once more (its connection was lost): what was passed on already must be skipped. */
  replay(): void
  /** It exists under this id; it is started only after this returns. */
  created(containerId: string): void
  /** It exists, and is started when this resolves. `put` unpacks a tar stream at the container's root. */
  prepare?(put: (tar: Readable) => Promise<void>): Promise<void>
  /** What is being done, for people. */
  activity(text: string): void
  /** Credentials for a registry's host, if the manager gave any for this run. */
  registryAuth(registry: string): RegistryAuth | undefined
  /** How it ended; also when it was stopped for a reason of the caller's. */
  ended(record: ContainerRecord): void
  /** Resolves when everything reported is stored: only then is it removed, so that a killed worker finds it. */
  settled(): Promise<void>
}

export interface RunOptions {
  /** An earlier run of this worker created the container under this id: when it no longer exists, it is lost. */
  createdBefore: string | undefined
}

export interface Executor {
  /**
   * Runs it to its end, whatever the exit code; adopts the container of this name when there is one. When `signal`
   * aborts it is stopped, collected, and the signal's reason thrown.
   * @throws EngineUnreachableError, EngineRefusedError, ContainerLostError
   */
  run(spec: RunSpec, hooks: RunHooks, options: RunOptions, signal: AbortSignal): Promise<ContainerRecord>
}
