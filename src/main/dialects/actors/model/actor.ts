/** An actor: an image with a mailbox. Times are milliseconds since the epoch. */
import { actorId } from '../values/ids.ts'

export type ActorStatus = 'SUBMITTED' | 'READY' | 'ERROR' | 'SHUTTING_DOWN'

/** What clients describe. */
export interface ActorSpec {
  image: string
  stateless: boolean
  type: string
  link: string
  token: boolean
  /** The description did not have it: it is the setting of the day on which the actor was described. */
  tokenByDefault?: true
  webhook: string
  hints: string[]
  description: string
  privileged: boolean
  maxWorkers: number | null
  memLimit: string | null
  /** Billionths of a processor. */
  maxCpus: number | null
  useContainerUid: boolean
  /** A JSON object; numbers as they were written. */
  defaultEnvironment: string
  queue: string
  /** Seconds. */
  logEx: number | null
  cronSchedule: string | null
  cronOn: boolean
}

export interface Actor {
  readonly key: number
  readonly tenant: string
  readonly jobKey: number
  /** Public id of its job. */
  readonly jobId: string
  readonly name: string | null
  readonly ownerId: string
  readonly owner: string
  spec: ActorSpec
  /** JSON; numbers as they were written. */
  state: string
  status: ActorStatus
  statusMessage: string
  revision: number
  readonly createdAt: number
  updatedAt: number
  cronNext: number | null
}

/** Its public id. */
export const idOf = (actor: Pick<Actor, 'key'>): string => actorId(actor.key)

/** Its id with the tenant, which containers get. */
export const dbidOf = (actor: Pick<Actor, 'key' | 'tenant'>): string => `${actor.tenant}_${actorId(actor.key)}`

export interface Alias {
  readonly tenant: string
  readonly alias: string
  actorKey: number
  readonly ownerId: string
  readonly owner: string
  readonly createdAt: number
}

export interface Nonce {
  readonly key: number
  /** `TENANT_…`, the credential itself. */
  readonly id: string
  readonly tenant: string
  /** `actor:KEY` or `alias:TENANT/NAME`. */
  readonly target: string
  readonly ownerId: string
  readonly owner: string
  readonly roles: readonly string[]
  readonly level: number
  /** −1: unlimited. */
  readonly maxUses: number
  currentUses: number
  readonly description: string
  readonly createdAt: number
  lastUsedAt: number | null
}

export interface Config {
  readonly tenant: string
  readonly name: string
  /** Sealed when it is a secret. */
  value: string
  isSecret: boolean
  /** Ids and aliases of actors, separated by commas, as the client wrote them. */
  actors: string
}

export const actorTarget = (actor: Pick<Actor, 'key'>): string => `actor:${actor.key}`
export const aliasTarget = ({ tenant, alias }: Pick<Alias, 'tenant' | 'alias'>): string => `alias:${tenant}/${alias}`
export const configTarget = ({ tenant, name }: Pick<Config, 'tenant' | 'name'>): string => `config:${tenant}/${name}`
