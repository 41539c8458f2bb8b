/** The container settings of a worker's owner: engines, pools, allowed mounts, permissions. Read from a JSON file. */
import { Type, type Static } from 'typebox'

const Name = Type.String({ minLength: 1, maxLength: 100, pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]*$' })
const Path = Type.String({ minLength: 1, maxLength: 4096 })

export const EngineConfig = Type.Object(
  {
    name: Name,
    /** `unix:///var/run/docker.sock`, `tcp://host:2376`, `ssh://user@host`. */
    host: Type.String({ minLength: 1, maxLength: 1000 }),
    /** Files of the certificates, for `tcp://`. */
    tls: Type.Optional(Type.Object({ ca: Path, cert: Path, key: Path }, { additionalProperties: false })),
    /** A manager node of a Docker Swarm: containers run as services of the cluster, on whichever node has room. */
    swarm: Type.Optional(Type.Boolean()),
    /** File of the private key, for `ssh://`; without it the keys of the worker's user. */
    sshKey: Type.Optional(Path),
    /** File of options for the `ssh` program, for `ssh://`; without it those of the worker's user. */
    sshConfig: Type.Optional(Path),
    /** Where this worker's paths are on the engine's machine, when they differ. The first that fits counts. */
    paths: Type.Optional(Type.Array(Type.Object({ worker: Path, engine: Path }, { additionalProperties: false }), { maxItems: 100 })),
  },
  { additionalProperties: false },
)
export type EngineConfig = Static<typeof EngineConfig>

export const PoolConfig = Type.Object(
  {
    /** Regular expression for the beginning of the task's routing name; empty fits all. */
    match: Type.String({ maxLength: 1000 }),
    engines: Type.Array(Name, { minItems: 1, maxItems: 100 }),
    /** Concurrent containers in the pool. */
    maxRunning: Type.Integer({ minimum: 1, maximum: 1024, default: 10 }),
  },
  { additionalProperties: false },
)
export type PoolConfig = Static<typeof PoolConfig>

export const ContainerConfig = Type.Object(
  {
    engines: Type.Array(EngineConfig, { minItems: 1, maxItems: 100 }),
    /** Concurrent containers. Not needed when given outside this file. */
    slots: Type.Optional(Type.Integer({ minimum: 1, maximum: 1024 })),
    /** In order; the first matching pool with a usable engine is used. Without any: all engines, as many as the worker's slots. */
    pools: Type.Array(PoolConfig, { maxItems: 100, default: [] }),
    /** Engines (name or host) that get no new containers. */
    blacklist: Type.Array(Type.String({ minLength: 1 }), { maxItems: 100, default: [] }),
    circuit: Type.Object(
      {
        /** This many consecutive connection failures take an engine out of service. */
        maxFails: Type.Integer({ minimum: 1, default: 5 }),
        /** After this time, one trial decides. */
        resetSeconds: Type.Number({ exclusiveMinimum: 0, default: 60 }),
      },
      { additionalProperties: false, default: { maxFails: 5, resetSeconds: 60 } },
    ),
    /** What may be mounted: folders with their contents, or `volume:NAME` (`volume:*`: any). Nothing else. */
    mounts: Type.Array(Type.Object({ path: Path, readOnly: Type.Boolean({ default: false }) }, { additionalProperties: false }), {
      maxItems: 1000,
      default: [],
    }),
    /** Folders in which the manager may open what containers saved, once its admin has allowed them (docs/security.md). */
    folders: Type.Optional(Type.Array(Path, { maxItems: 100 })),
    /** What jobs of an admin may ask for; others never may. */
    allow: Type.Object(
      {
        privileged: Type.Boolean({ default: false }),
        /** The host's network or process table, or those of another container. */
        hostNamespaces: Type.Boolean({ default: false }),
        dockerSocket: Type.Boolean({ default: false }),
        capabilities: Type.Boolean({ default: false }),
        /** Device files, with what is below a folder. */
        devices: Type.Array(Path, { maxItems: 100, default: [] }),
      },
      {
        additionalProperties: false,
        default: { privileged: false, hostNamespaces: false, dockerSocket: false, capabilities: false, devices: [] },
      },
    ),
    /** Networks beside `bridge` and `none` that any job may join. */
    networks: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { maxItems: 100, default: [] }),
    /** What is cleaned up on the engines, once an hour; 0: never. */
    prune: Type.Object(
      {
        /** Images that were pulled for the farm and not used for so many days. */
        imageDays: Type.Number({ minimum: 0, default: 0 }),
        /** Images that were pulled for the farm go, oldest use first, while the engine's disk (of a local engine) has less room. */
        minFreeGiB: Type.Number({ minimum: 0, default: 0 }),
        /** Containers of other workers of a farm that ended so many days ago. This worker's own go when they have ended. */
        containerDays: Type.Number({ minimum: 0, default: 0 }),
      },
      { additionalProperties: false, default: { imageDays: 0, minFreeGiB: 0, containerDays: 0 } },
    ),
    /** Where containers of actors reach the manager through this worker: an https server on the engine's own network. */
    gateway: Type.Object(
      {
        /** Each execution gets a name below it. */
        domain: Type.String({
          minLength: 1,
          maxLength: 200,
          pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
          default: 'actors.framehouse.local',
        }),
        /** Clients send their token to this port only when it is 443. */
        port: Type.Integer({ minimum: 0, maximum: 65_535, default: 443 }),
        /** Files of a certificate for `*.domain`; otherwise the farm's authority issues one, for domains below framehouse.local. */
        certificate: Type.Optional(Type.Object({ cert: Path, key: Path }, { additionalProperties: false })),
      },
      { additionalProperties: false, default: { domain: 'actors.framehouse.local', port: 443 } },
    ),
    /** How long a container waits for an unreachable engine before the task is returned. */
    engineGraceSeconds: Type.Number({ minimum: 0, maximum: 3600, default: 120 }),
  },
  { additionalProperties: false },
)
export type ContainerConfig = Static<typeof ContainerConfig>

export const DEFAULT_SOCKET = process.platform === 'win32' ? 'npipe:////./pipe/docker_engine' : 'unix:///var/run/docker.sock'
