/**
 * How an actor's message runs: the parameters of the commands `actor-run` and `actor-pull`, what is added to them as a task is
 * handed out, and their results. Bytes, milliseconds. The actors API decides all of it; workers only do it.
 */
import { Type, type Static } from 'typebox'
import { ContainerMount, ContainerRecord, PullPolicy } from './container.ts'

/** Kinds of tasks of the actors API. Workers offer the second one only where their owner allows privileged containers. */
export const ACTOR_KIND = 'actor'
export const PRIVILEGED_ACTOR_KIND = 'actor-privileged'

/** The longest result; what follows in its datagram is cut off. */
export const MAX_RESULT_BYTES = 131_072
/** Results and their bytes that an execution may send; further ones are dropped, and a warning says so. */
export const MAX_RESULTS = 10_000
export const MAX_RESULTS_BYTES = 256 * 1024 * 1024
/** Characters of an execution's log, unless the parameters say otherwise. */
export const DEFAULT_LOG_LIMIT = 1_000_000
/** Follows the log that reached its limit. */
export const LOG_LIMIT_NOTICE = ' LOG LIMIT EXCEEDED; this execution log was TRUNCATED!'
/** Where containers find their message and send their results. */
export const BINARY_MESSAGE_PATH = '/_abaco_binary_data'
export const RESULTS_SOCKET_PATH = '/_abaco_results.sock'

/** A blob of the manager's file store, by its content. */
export const BlobRef = Type.Object({ sha: Type.String({ pattern: '^[0-9a-f]{64}$' }), size: Type.Integer({ minimum: 0 }) })
export type BlobRef = Static<typeof BlobRef>

/** Parameters of `actor-run` as a worker receives them. */
export const ActorRunParameters = Type.Object({
  image: Type.String({ minLength: 1, maxLength: 1000 }),
  /** `always` for the first execution after an image was to be pulled again, else `missing`. */
  pull: Type.Optional(PullPolicy),
  /** A binary message: the file BINARY_MESSAGE_PATH of the container. Every other message is the variable MSG. */
  binaryMessage: Type.Optional(BlobRef),
  /** Subject to the worker's list of allowed mounts. */
  mounts: Type.Optional(Type.Array(ContainerMount, { maxItems: 100 })),
  /** `uid` or `uid:gid`; missing: the image's user. */
  user: Type.Optional(Type.String({ maxLength: 255 })),
  /** In 1e-9 processor cores; missing: no limit. */
  nanoCpus: Type.Optional(Type.Integer({ minimum: 1 })),
  memoryBytes: Type.Optional(Type.Integer({ minimum: 1 })),
  /** With the socket of the engine; needs the worker's consent. */
  privileged: Type.Optional(Type.Boolean()),
  /** Characters of output that are kept. */
  logLimit: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Time between SIGTERM and SIGKILL when it is stopped; 10 s if missing. */
  stopGraceMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 600_000 })),
  /** The text that the worker's pools match; missing: the job's name. */
  routingName: Type.Optional(Type.String({ maxLength: 1000 })),
})
export type ActorRunParameters = Static<typeof ActorRunParameters>

/** Added to an assignment as it is handed out; never stored by the worker. */
export const ActorGrant = Type.Object({
  /**
   * The whole environment, in any order, each name once; null removes a variable of the image. The worker replaces the value of
   * API_SERVER_VARIABLE by the address at which the container reaches the manager.
   */
  env: Type.Array(Type.Tuple([Type.String({ minLength: 1, pattern: '^[^=\\u0000]+$' }), Type.Union([Type.String(), Type.Null()])])),
  /** The credential of calls that come from the container without one of their own; null: they have none. */
  token: Type.Union([Type.String(), Type.Null()]),
})
export type ActorGrant = Static<typeof ActorGrant>
export const API_SERVER_VARIABLE = '_abaco_api_server'

/** Why no container ran to its end. `message`: it does not fit into the environment. */
export const ACTOR_FAILURES = ['image', 'message', 'start'] as const

/** The result of an attempt that ran `actor-run`; also kept when it failed or was stopped. */
export const ActorRunResult = Type.Object({
  /** One, or none when no container was made. */
  containers: Type.Array(ContainerRecord),
  failure: Type.Optional(Type.Enum(ACTOR_FAILURES)),
  /** The log reached its limit. */
  logTruncated: Type.Optional(Type.Boolean()),
  /** Results that were dropped. */
  resultsDropped: Type.Optional(Type.Integer({ minimum: 0 })),
})
export type ActorRunResult = Static<typeof ActorRunResult>

/** Parameters of `actor-pull`: makes sure that the image is on an engine of the worker. */
export const ActorPullParameters = Type.Object({
  image: Type.String({ minLength: 1, maxLength: 1000 }),
  routingName: Type.Optional(Type.String({ maxLength: 1000 })),
})
export type ActorPullParameters = Static<typeof ActorPullParameters>

export const ActorPullResult = Type.Object({
  imageId: Type.String(),
  /** False: the registry did not have it, and the image that was there is used. */
  pulled: Type.Boolean(),
})
export type ActorPullResult = Static<typeof ActorPullResult>

/** What a worker says at sign-on about running actors, as `capabilities.actors`. */
export const ActorCapabilities = Type.Object({
  available: Type.Boolean(),
  /** Why not; empty when it is available. */
  problem: Type.String(),
  privileged: Type.Boolean(),
})
export type ActorCapabilities = Static<typeof ActorCapabilities>
