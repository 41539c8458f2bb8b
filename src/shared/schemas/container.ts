/**
 * Containers on every wire: the parameters of the command `docker-run` (what a job type, the Fastlane API or a script
 * writes), what a run leaves as the attempt's result, and what a worker tells of its engines. Bytes, milliseconds.
 */
import { Type, type Static } from 'typebox'
import { oneOf } from '../enums.ts'
import { Time, nullable } from './common.ts'

/** `missing`: only when the image is not there. `always`: before each run. `never`: what is not there is an error. */
export const PULL_POLICIES = ['missing', 'always', 'never'] as const
export const PullPolicy = oneOf(PULL_POLICIES)
export type PullPolicy = Static<typeof PullPolicy>

const Name = Type.String({ minLength: 1, maxLength: 4096 })
const NoNul = { maxLength: 131_072, pattern: '^[^\\u0000]*$' }

/** `bind`: a folder or file of the worker; `volume`: a named volume of the engine; `tmpfs`: memory, without a source. */
export const ContainerMount = Type.Object({
  type: Type.Optional(Type.Enum(['bind', 'volume', 'tmpfs'])),
  /** Path as the worker sees it (two-way variables are replaced before), or the volume's name. */
  source: Type.Optional(Name),
  /** Absolute path in the container. */
  target: Type.String({ minLength: 1, maxLength: 4096, pattern: '^/' }),
  readOnly: Type.Optional(Type.Boolean()),
})
export type ContainerMount = Static<typeof ContainerMount>

/** Parameters of `docker-run`. Only `image` is needed. */
export const DockerRunParameters = Type.Object({
  /** `name`, `name:tag`, `registry:port/name:tag`, `name@sha256:…`; without a tag `latest`. */
  image: Type.String({ minLength: 1, maxLength: 1000 }),
  /**
   * Arguments: a list as it is, or a text that is split as a POSIX shell would (nothing is expanded, no shell runs).
   * Missing or empty: what the image says. With `frames`, `{frame}`, `{start}`, `{end}`, `{count}`, `{chunk}` are filled.
   */
  command: Type.Optional(Type.Union([Type.String(NoNul), Type.Array(Type.String(NoNul), { maxItems: 10_000 })])),
  entrypoint: Type.Optional(Type.Array(Type.String(NoNul), { maxItems: 100 })),
  /** Values are written as texts; null removes a variable that the image sets. */
  env: Type.Optional(
    Type.Record(Type.String({ pattern: '^[^=\\u0000]+$' }), Type.Union([Type.String(NoNul), Type.Number(), Type.Boolean(), Type.Null()])),
  ),
  mounts: Type.Optional(Type.Array(ContainerMount, { maxItems: 100 })),
  workDir: Type.Optional(Type.String({ maxLength: 4096 })),
  /** As Docker takes it: name, uid, uid:gid. `worker`: the user that the worker runs as. */
  user: Type.Optional(Type.String({ maxLength: 255 })),
  /** Processor cores; fractions allowed. */
  cpus: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 4096 })),
  memoryBytes: Type.Optional(Type.Integer({ minimum: 6_291_456 })),
  shmBytes: Type.Optional(Type.Integer({ minimum: 1 })),
  /** Processes and threads. */
  pids: Type.Optional(Type.Integer({ minimum: 1 })),
  /** `all`, a number of them, or ids as the engine's driver names them (`0`, `GPU-…`). */
  gpus: Type.Optional(
    Type.Union([
      Type.Literal('all'),
      Type.Integer({ minimum: 1 }),
      Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 64 }),
    ]),
  ),
  /** `bridge` (the default) or `none`; `host`, `container:…` and other networks need the worker's consent. */
  network: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  /** Host name → address, for the container's hosts file. */
  extraHosts: Type.Optional(Type.Record(Type.String({ minLength: 1 }), Type.String({ minLength: 1 }))),
  readOnlyRoot: Type.Optional(Type.Boolean()),
  /** Docker's default set of capabilities is kept unless this is true. */
  dropCapabilities: Type.Optional(Type.Boolean()),
  /** Capabilities beyond Docker's default; need an admin and the worker's consent, as the next three do. */
  addCapabilities: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 64 })),
  privileged: Type.Optional(Type.Boolean()),
  /** Device files of the worker, e.g. `/dev/dri`. */
  devices: Type.Optional(Type.Array(Type.String({ pattern: '^/dev/' }), { maxItems: 64 })),
  /** Shares the process table of the host. */
  hostPid: Type.Optional(Type.Boolean()),
  pull: Type.Optional(PullPolicy),
  /** When a pull fails and the image is there already: go on with it (the default), or fail. */
  localFallback: Type.Optional(Type.Boolean()),
  /** Frames of this task: `1-10`. With `{frame}` in the command a container for each, else one for all. */
  frames: Type.Optional(Type.String({ minLength: 1, maxLength: 100_000 })),
  /** Files that it saves, with frame placeholders; a path of the worker, or of the container when it lies in a mount. */
  outputPattern: Type.Optional(Type.String({ maxLength: 4096 })),
  /**
   * One container for several tasks of the job: each command runs in it as `docker exec` does. For images with a shell whose
   * command leaves nothing behind that the next one minds (docs/sessions.md).
   */
  keepContainer: Type.Optional(Type.Boolean()),
  /** Each container may run this long; then it is stopped, and the attempt is `timed-out`. 0 or missing: no limit. */
  timeoutMs: Type.Optional(Type.Integer({ minimum: 0 })),
  /** `SIGTERM` unless the image says otherwise. */
  stopSignal: Type.Optional(Type.String({ pattern: '^(SIG)?[A-Z0-9+-]{1,16}$' })),
  /** From the stop signal to the kill; default 10 s. */
  stopGraceMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 600_000 })),
  /** What the worker's pools are matched with to choose an engine; default: the job's name. */
  routingName: Type.Optional(Type.String({ maxLength: 1000 })),
  /** Added to ours; names that begin with `framehouse.` are refused. */
  labels: Type.Optional(Type.Record(Type.String({ minLength: 1, maxLength: 255 }), Type.String({ maxLength: 4096 }))),
})
export type DockerRunParameters = Static<typeof DockerRunParameters>

/** How one container ended. Numbers are null where it was shorter than a sample. */
export const ContainerRecord = Type.Object({
  containerId: Type.String(),
  containerName: Type.String(),
  /** The worker's name for the engine, and its address. */
  engine: Type.String(),
  host: Type.String(),
  image: Type.String(),
  /** Id of the image that ran (`sha256:…`), and the registry's digest (`name@sha256:…`); null for an image that no registry gave. */
  imageId: Type.String(),
  imageDigest: nullable(Type.String()),
  exitCode: nullable(Type.Integer()),
  oomKilled: Type.Boolean(),
  /** The engine's own words when it could not run it, or who ended it when that was not the farm. */
  error: Type.String(),
  startedAt: nullable(Time),
  finishedAt: nullable(Time),
  cpuSeconds: nullable(Type.Number()),
  peakMemoryBytes: nullable(Type.Number()),
  ioReadBytes: nullable(Type.Number()),
  ioWriteBytes: nullable(Type.Number()),
  networkReceivedBytes: nullable(Type.Number()),
  networkSentBytes: nullable(Type.Number()),
})
export type ContainerRecord = Static<typeof ContainerRecord>

/** The result of an attempt that ran containers, in the order in which they ran; kept when it failed or was stopped, too. */
export const ContainerResult = Type.Object({ containers: Type.Array(ContainerRecord) })
export type ContainerResult = Static<typeof ContainerResult>

export const ContainerImage = Type.Object({
  id: Type.String(),
  tags: Type.Array(Type.String()),
  digests: Type.Array(Type.String()),
  bytes: Type.Number(),
  createdAt: nullable(Time),
})
export type ContainerImage = Static<typeof ContainerImage>

/** One engine as its worker sees it; told at each sign-on as `capabilities.containers`. */
export const ContainerEngine = Type.Object({
  name: Type.String(),
  host: Type.String(),
  available: Type.Boolean(),
  /** Why not; empty while it is. */
  problem: Type.String(),
  /** Of the worker's circuit breaker: `open`, it gets nothing for now; `half-open`, one container tries it. */
  circuit: Type.Optional(Type.Union([Type.Literal('closed'), Type.Literal('open'), Type.Literal('half-open')])),
  version: Type.String(),
  apiVersion: Type.String(),
  os: Type.String(),
  arch: Type.String(),
  cpus: Type.Integer(),
  memoryBytes: Type.Number(),
  /** Whether the engine can give GPUs to containers (its runtimes and devices). */
  gpus: Type.Boolean(),
  images: Type.Array(ContainerImage),
})
export type ContainerEngine = Static<typeof ContainerEngine>

export const ContainerCapabilities = Type.Object({ engines: Type.Array(ContainerEngine) })
export type ContainerCapabilities = Static<typeof ContainerCapabilities>

/** What a task says of itself while its container runs: for people, and for dialects that name running containers. */
export function runningActivity(containerId: string, host: string): string {
  return `running in container ${containerId.slice(0, 12)} on ${host}`
}

/** The container that `runningActivity` told of (the first 12 digits of its id), and its engine's address. */
export function containerOfActivity(activity: string): { id: string; host: string } | undefined {
  const [, id, host] = /(?:^|, )running in container ([0-9a-f]{12}) on (\S+)$/.exec(activity) ?? []
  return id === undefined || host === undefined ? undefined : { id, host }
}
