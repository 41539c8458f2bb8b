/**
 * Containers in all protocols: the parameters of the command `docker-run` (from a job type, the Fastlane API or a script),
 * the result of a run, and a worker's report on its engines. Bytes, milliseconds.
 */
import { Type, type Static } from 'typebox'
import { oneOf } from '../enums.ts'
import { Time, nullable } from './common.ts'

/** `missing`: only when the image is absent. `always`: before each run. `never`: an absent image is an error. */
export const PULL_POLICIES = ['missing', 'always', 'never'] as const
export const PullPolicy = oneOf(PULL_POLICIES)
export type PullPolicy = Static<typeof PullPolicy>

const Name = Type.String({ minLength: 1, maxLength: 4096 })
const NoNul = { maxLength: 131_072, pattern: '^[^\\u0000]*$' }

/** `bind`: a folder or file of the worker; `volume`: a named volume of the engine; `tmpfs`: memory, without a source. */
export const ContainerMount = Type.Object({
  type: Type.Optional(Type.Enum(['bind', 'volume', 'tmpfs'])),
  /** Path as seen by the worker (two-way variables are resolved before), or the volume's name. */
  source: Type.Optional(Name),
  /** Absolute path in the container. */
  target: Type.String({ minLength: 1, maxLength: 4096, pattern: '^/' }),
  readOnly: Type.Optional(Type.Boolean()),
})
export type ContainerMount = Static<typeof ContainerMount>

/** Parameters of `docker-run`. Only `image` is required. */
export const DockerRunParameters = Type.Object({
  /** `name`, `name:tag`, `registry:port/name:tag`, `name@sha256:…`; without a tag `latest`. */
  image: Type.String({ minLength: 1, maxLength: 1000 }),
  /**
   * Arguments: a list is used as is, text is split like a POSIX shell would (without expansion, and without a shell).
   * Missing or empty: the image's command. With `frames`, `{frame}`, `{start}`, `{end}`, `{count}`, `{chunk}` are filled in.
   */
  command: Type.Optional(Type.Union([Type.String(NoNul), Type.Array(Type.String(NoNul), { maxItems: 10_000 })])),
  entrypoint: Type.Optional(Type.Array(Type.String(NoNul), { maxItems: 100 })),
  /** Values are converted to text; null removes a variable that the image sets. */
  env: Type.Optional(
    Type.Record(Type.String({ pattern: '^[^=\\u0000]+$' }), Type.Union([Type.String(NoNul), Type.Number(), Type.Boolean(), Type.Null()])),
  ),
  mounts: Type.Optional(Type.Array(ContainerMount, { maxItems: 100 })),
  workDir: Type.Optional(Type.String({ maxLength: 4096 })),
  /** In Docker's notation: name, uid, uid:gid. `worker`: the user that the worker runs as. */
  user: Type.Optional(Type.String({ maxLength: 255 })),
  /** Processor cores; fractions allowed. */
  cpus: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 4096 })),
  memoryBytes: Type.Optional(Type.Integer({ minimum: 6_291_456 })),
  shmBytes: Type.Optional(Type.Integer({ minimum: 1 })),
  /** Maximum processes and threads. */
  pids: Type.Optional(Type.Integer({ minimum: 1 })),
  /** `all`, a number of GPUs, or ids in the notation of the engine's driver (`0`, `GPU-…`). */
  gpus: Type.Optional(
    Type.Union([
      Type.Literal('all'),
      Type.Integer({ minimum: 1 }),
      Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 64 }),
    ]),
  ),
  /** `bridge` (the default) or `none`; `host`, `container:…` and other networks require the worker's consent. */
  network: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  /** Host name → address, for the container's hosts file. */
  extraHosts: Type.Optional(Type.Record(Type.String({ minLength: 1 }), Type.String({ minLength: 1 }))),
  readOnlyRoot: Type.Optional(Type.Boolean()),
  /** Docker's default set of capabilities is kept unless this is true. */
  dropCapabilities: Type.Optional(Type.Boolean()),
  /** Capabilities beyond Docker's default; require an admin and the worker's consent, as do the next three. */
  addCapabilities: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 64 })),
  privileged: Type.Optional(Type.Boolean()),
  /** Device files of the worker, e.g. `/dev/dri`. */
  devices: Type.Optional(Type.Array(Type.String({ pattern: '^/dev/' }), { maxItems: 64 })),
  /** Shares the process table of the host. */
  hostPid: Type.Optional(Type.Boolean()),
  pull: Type.Optional(PullPolicy),
  /** When a pull fails and the image exists already: use it (the default), or fail. */
  localFallback: Type.Optional(Type.Boolean()),
  /** Frames of this task: `1-10`. With `{frame}` in the command one container per frame, else one for all. */
  frames: Type.Optional(Type.String({ minLength: 1, maxLength: 100_000 })),
  /** Files that it saves, with frame placeholders; a path of the worker, or of the container when it is inside a mount. */
  outputPattern: Type.Optional(Type.String({ maxLength: 4096 })),
  /**
   * One container for several tasks of the job: each command runs in it as with `docker exec`. For images with a shell whose
   * command leaves nothing behind that affects the next one (docs/sessions.md).
   */
  keepContainer: Type.Optional(Type.Boolean()),
  /** Maximum duration of each container; then it is stopped, and the attempt is `timed-out`. 0 or missing: no limit. */
  timeoutMs: Type.Optional(Type.Integer({ minimum: 0 })),
  /** `SIGTERM` unless the image defines another one. */
  stopSignal: Type.Optional(Type.String({ pattern: '^(SIG)?[A-Z0-9+-]{1,16}$' })),
  /** Time from the stop signal to the kill; default 10 s. */
  stopGraceMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 600_000 })),
  /** The text that the worker's pools match to choose an engine; default: the job's name. */
  routingName: Type.Optional(Type.String({ maxLength: 1000 })),
  /** Added to our labels; names that begin with `framehouse.` are rejected. */
  labels: Type.Optional(Type.Record(Type.String({ minLength: 1, maxLength: 255 }), Type.String({ maxLength: 4096 }))),
})
export type DockerRunParameters = Static<typeof DockerRunParameters>

/** How one container ended. Numbers are null when it ran shorter than a sample. */
export const ContainerRecord = Type.Object({
  containerId: Type.String(),
  containerName: Type.String(),
  /** The worker's name for the engine, and the engine's address. */
  engine: Type.String(),
  host: Type.String(),
  image: Type.String(),
  /** Id of the image that ran (`sha256:…`), and the registry's digest (`name@sha256:…`); null for an image that came from no registry. */
  imageId: Type.String(),
  imageDigest: nullable(Type.String()),
  exitCode: nullable(Type.Integer()),
  oomKilled: Type.Boolean(),
  /** The engine's error message, or who ended the container when the farm did not. */
  error: Type.String(),
  startedAt: nullable(Time),
  finishedAt: nullable(Time),
  cpuSeconds: nullable(Type.Number()),
  /** The part of it outside the kernel; missing in records of older workers. */
  userCpuSeconds: Type.Optional(nullable(Type.Number())),
  peakMemoryBytes: nullable(Type.Number()),
  ioReadBytes: nullable(Type.Number()),
  ioWriteBytes: nullable(Type.Number()),
  networkReceivedBytes: nullable(Type.Number()),
  networkSentBytes: nullable(Type.Number()),
})
export type ContainerRecord = Static<typeof ContainerRecord>

/** The result of an attempt that ran containers, in the order in which they ran; also kept when it failed or was stopped. */
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

/** One engine as its worker sees it; reported at each sign-on as `capabilities.containers`. */
export const ContainerEngine = Type.Object({
  name: Type.String(),
  host: Type.String(),
  available: Type.Boolean(),
  /** Why not; empty while it is available. */
  problem: Type.String(),
  /** State of the worker's circuit breaker: `open`: gets no work for now; `half-open`: one container probes it. */
  circuit: Type.Optional(Type.Union([Type.Literal('closed'), Type.Literal('open'), Type.Literal('half-open')])),
  version: Type.String(),
  apiVersion: Type.String(),
  os: Type.String(),
  arch: Type.String(),
  cpus: Type.Integer(),
  memoryBytes: Type.Number(),
  /** Whether the engine can provide GPUs to containers (its runtimes and devices). */
  gpus: Type.Boolean(),
  images: Type.Array(ContainerImage),
})
export type ContainerEngine = Static<typeof ContainerEngine>

export const ContainerCapabilities = Type.Object({ engines: Type.Array(ContainerEngine) })
export type ContainerCapabilities = Static<typeof ContainerCapabilities>

/** The activity of a task while its container runs: for people, and for dialects that name running containers. */
export function runningActivity(containerId: string, host: string): string {
  return `running in container ${containerId.slice(0, 12)} on ${host}`
}

/** The container named by `runningActivity` (the first 12 digits of its id), and its engine's address. */
export function containerOfActivity(activity: string): { id: string; host: string } | undefined {
  const [, id, host] = /(?:^|, )running in container ([0-9a-f]{12}) on (\S+)$/.exec(activity) ?? []
  return id === undefined || host === undefined ? undefined : { id, host }
}
