/** Sessions: applications that a worker keeps open between tasks of one job (docs/sessions.md). */
import { Type, type Static } from 'typebox'
import { Id, NamedRef, Time, nullable } from './common.ts'

export const SessionState = Type.Union([Type.Literal('opening'), Type.Literal('busy'), Type.Literal('idle'), Type.Literal('closed')])
export type SessionState = Static<typeof SessionState>

/** A session as its worker reports it. Times are milliseconds since the epoch. */
export const SessionReport = Type.Object({
  id: Id,
  jobId: Id,
  /** Kind of the tasks that use it. */
  kind: Type.String({ minLength: 1, maxLength: 100 }),
  /** For people: `Blender, scene.blend`. */
  title: Type.String({ maxLength: 200 }),
  state: SessionState,
  openedAt: Type.Integer(),
  closedAt: nullable(Type.Integer()),
  /** Why it was closed; empty while it is open. */
  reason: Type.String({ maxLength: 1000 }),
  /** Done in it so far. */
  tasks: Type.Integer({ minimum: 0 }),
  frames: Type.Integer({ minimum: 0 }),
  memoryBytes: Type.Integer({ minimum: 0 }),
})
export type SessionReport = Static<typeof SessionReport>

/** All that are open, and those that were closed since the manager answered last. */
export const SessionReports = Type.Array(SessionReport, { maxItems: 2048 })

/** A session as the native API shows it. */
export const Session = Type.Object({
  id: Id,
  jobId: Id,
  worker: NamedRef,
  kind: Type.String(),
  title: Type.String(),
  state: SessionState,
  openedAt: Time,
  closedAt: nullable(Time),
  reason: Type.String(),
  tasks: Type.Integer(),
  frames: Type.Integer(),
  memoryBytes: Type.Integer(),
})
export type Session = Static<typeof Session>
