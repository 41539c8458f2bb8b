/** The actors API as this page calls it; replies without the shape that they must have are refused. */
import { Type, type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { ApiFailure } from '../../api/client.ts'

export const Actor = Type.Object({
  id: Type.String(),
  name: Type.Optional(Type.String()),
  image: Type.String(),
  status: Type.String(),
  statusMessage: Type.String(),
  stateless: Type.Boolean(),
  owner: Type.String(),
  description: Type.String(),
  webhook: Type.String(),
  defaultEnvironment: Type.Record(Type.String(), Type.Unknown()),
  cronSchedule: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  cronOn: Type.Boolean(),
  revision: Type.Integer(),
  state: Type.Unknown(),
  jobId: Type.Optional(Type.String()),
  counts: Type.Optional(
    Type.Object({
      waiting: Type.Integer(),
      running: Type.Integer(),
      done: Type.Integer(),
      failed: Type.Integer(),
      workers: Type.Integer(),
    }),
  ),
})
export type Actor = Static<typeof Actor>

/** What a description may say: all of it is sent with each change. */
const WRITTEN = [
  'image',
  'stateless',
  'type',
  'link',
  'token',
  'webhook',
  'hints',
  'description',
  'privileged',
  'maxWorkers',
  'memLimit',
  'maxCpus',
  'useContainerUid',
  'defaultEnvironment',
  'queue',
  'logEx',
  'cronSchedule',
  'cronOn',
] as const
const Writable = Type.Record(Type.String(), Type.Unknown())

const Nonce = Type.Object({ id: Type.String(), owner: Type.String(), level: Type.String(), remainingUses: Type.Integer() })
export type Nonce = Static<typeof Nonce>
const Alias = Type.Object({ alias: Type.String(), actorId: Type.String() })

export const Execution = Type.Object({
  id: Type.String(),
  status: Type.String(),
  executor: Type.String(),
  messageReceivedTime: Type.String(),
  startTime: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  finishTime: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  runtime: Type.Integer(),
  exitCode: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
})
export type Execution = Static<typeof Execution>

const Executions = Type.Object({ items: Type.Array(Execution), next: Type.Union([Type.String(), Type.Null()]) })
const Results = Type.Array(Type.Object({ at: Type.String(), bytes: Type.Integer(), data: Type.String() }))
const Sent = Type.Object({ executionId: Type.String() })
const Failure = Type.Object({ message: Type.String() })

async function ask<T extends TSchema>(schema: T, method: string, path: string, body?: unknown): Promise<Static<T>> {
  const response = await fetch(`/actors/v2${path}`, {
    method,
    credentials: 'same-origin',
    // Whatever the server shows to others.
    headers: { 'x-framehouse-case': 'camel', ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const reply: unknown = await response.json().catch(() => undefined)
  if (!response.ok) throw new ApiFailure(response.status, 'actors', Value.Check(Failure, reply) ? reply.message : response.statusText)
  const result: unknown = typeof reply === 'object' && reply !== null && 'result' in reply ? reply.result : undefined
  if (!Value.Check(schema, result)) throw new ApiFailure(response.status, 'shape', `unexpected reply of ${method} /actors/v2${path}`)
  return result
}

export const listActors = (): Promise<Actor[]> => ask(Type.Array(Actor), 'GET', '?counts=true')
export const getActor = (id: string): Promise<Actor> => ask(Actor, 'GET', `/${id}?counts=true`)
export const addActor = (body: object): Promise<Actor> => ask(Actor, 'POST', '', body)
/** Writes what is given; what its description says beside that stays. */
export async function changeActor(id: string, changes: object): Promise<Actor> {
  const before = await ask(Writable, 'GET', `/${id}`)
  return ask(Actor, 'PUT', `/${id}`, { ...Object.fromEntries(WRITTEN.map((key) => [key, before[key]])), ...changes })
}
export const deleteActor = (id: string): Promise<unknown> => ask(Type.Null(), 'DELETE', `/${id}`)
export const sendMessage = (id: string, message: string): Promise<Static<typeof Sent>> => ask(Sent, 'POST', `/${id}/messages`, { message })
export const purgeMessages = (id: string): Promise<unknown> => ask(Type.Unknown(), 'DELETE', `/${id}/messages`)
export const haltExecution = (id: string, execution: string): Promise<unknown> =>
  ask(Type.Null(), 'DELETE', `/${id}/executions/${execution}`)
export const permissionsOf = (id: string): Promise<Record<string, string>> =>
  ask(Type.Record(Type.String(), Type.String()), 'GET', `/${id}/permissions`)

/** All levels afterwards; NONE takes what the user had. */
export const grant = (id: string, user: string, level: string): Promise<Record<string, string>> =>
  ask(Type.Record(Type.String(), Type.String()), 'POST', `/${id}/permissions`, { user, level })

export const noncesOf = (id: string): Promise<Nonce[]> => ask(Type.Array(Nonce), 'GET', `/${id}/nonces`)

/** @param maxUses -1: any number */
export const addNonce = (id: string, level: string, maxUses: number): Promise<Nonce> =>
  ask(Nonce, 'POST', `/${id}/nonces`, { level, maxUses })
export const removeNonce = (id: string, nonce: string): Promise<unknown> => ask(Type.Null(), 'DELETE', `/${id}/nonces/${nonce}`)
export const addAlias = (id: string, alias: string): Promise<unknown> => ask(Alias, 'POST', '/aliases', { alias, actorId: id })
export const removeAlias = (alias: string): Promise<unknown> => ask(Type.Null(), 'DELETE', `/aliases/${encodeURIComponent(alias)}`)

/** Names of the actor. */
export async function aliasesOf(id: string): Promise<string[]> {
  const all = await ask(Type.Array(Alias), 'GET', '/aliases')
  return all.filter(({ actorId }) => actorId === id).map(({ alias }) => alias)
}

/** The newest executions first. @param before `next` of the page before */
export const executionsOf = (id: string, limit: number, before: string | null): Promise<Static<typeof Executions>> =>
  ask(Executions, 'GET', `/${id}/executions?newest=true&limit=${limit}${before === null ? '' : `&before=${before}`}`)

export const logOf = (id: string, execution: string): Promise<{ logs: string }> =>
  ask(Type.Object({ logs: Type.String() }), 'GET', `/${id}/executions/${execution}/logs`)

/** What is left, without taking it away. */
export const resultsOf = (id: string, execution: string): Promise<Static<typeof Results>> =>
  ask(Results, 'GET', `/${id}/executions/${execution}/results?peek=true`)
