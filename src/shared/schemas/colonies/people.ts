/** Colonies and who belongs to them, as the native API shows them. Names are the protocol's: an id is the hash of a public key. */
import { Type, type Static } from 'typebox'
import { Id, nullable, Time } from '../common.ts'

/** In the protocol's order: its number is the place in the list. */
export const PROCESS_STATES = ['waiting', 'running', 'successful', 'failed', 'cancelled'] as const
export type ProcessState = (typeof PROCESS_STATES)[number]
export const EXECUTOR_STATES = ['pending', 'approved', 'rejected', 'unregistered'] as const

export const ProcessStateSchema = Type.Enum([...PROCESS_STATES])
export const Identity = Type.String({ pattern: '^[0-9a-f]{64}$' })
export const ColonyName = Type.String({ minLength: 1, maxLength: 200 })

/** State → how many are in it. */
export const StateCounts = Type.Object({
  waiting: Type.Integer(),
  running: Type.Integer(),
  successful: Type.Integer(),
  failed: Type.Integer(),
  cancelled: Type.Integer(),
})
export type StateCounts = Static<typeof StateCounts>

export const ColonySummary = Type.Object({
  name: Type.String(),
  /** The identity of its owner. */
  ownerId: Type.String(),
  createdAt: Time,
  /** Its executors get no processes. */
  paused: Type.Boolean(),
  executors: Type.Object({ approved: Type.Integer(), pending: Type.Integer(), silent: Type.Integer() }),
  processes: StateCounts,
})
export type ColonySummary = Static<typeof ColonySummary>

export const ColonyUser = Type.Object({ name: Type.String(), id: Type.String(), email: Type.String(), phone: Type.String() })
export type ColonyUser = Static<typeof ColonyUser>

export const ColonyDetail = Type.Object({ ...ColonySummary.properties, workflows: StateCounts, users: Type.Array(ColonyUser) })
export type ColonyDetail = Static<typeof ColonyDetail>

export const ColonyList = Type.Object({
  /** Whether Colonies clients are answered. */
  enabled: Type.Boolean(),
  /** Where, `host:port`; empty: at the addresses of the farm. */
  address: Type.String(),
  items: Type.Array(ColonySummary),
})

/** What is needed to call as this identity. The private key is nowhere else: it is made for this reply and not kept. */
export const NewIdentity = Type.Object({
  name: Type.String(),
  id: Type.String(),
  /** Null: the caller brought an identity. */
  privateKey: nullable(Type.String()),
})
export type NewIdentity = Static<typeof NewIdentity>

/** A process that an executor runs. */
export const HeldProcess = Type.Object({
  id: Type.String(),
  name: Type.String(),
  jobId: Id,
  taskId: Id,
  since: nullable(Time),
})

export const ColonyExecutor = Type.Object({
  name: Type.String(),
  id: Type.String(),
  type: Type.String(),
  state: Type.Enum([...EXECUTOR_STATES]),
  location: Type.String(),
  registeredAt: Time,
  /** Its last signed call. */
  heardAt: nullable(Time),
  /** It holds processes and has not called since then. */
  silentSince: nullable(Time),
  /** The worker that stands for it. */
  workerId: nullable(Id),
  holds: Type.Array(HeldProcess),
  /** How many it holds. */
  held: Type.Integer(),
  /** What it says of its hardware and software, as JSON. */
  capabilities: Type.String(),
})
export type ColonyExecutor = Static<typeof ColonyExecutor>
