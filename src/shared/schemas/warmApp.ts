/** Warm applications: a worker keeps them open between tasks of one job (docs/sessions.md). */
import { Type, type Static } from 'typebox'
import { Id, NamedRef, Time, nullable } from './common.ts'

export const WarmAppState = Type.Union([Type.Literal('opening'), Type.Literal('busy'), Type.Literal('idle'), Type.Literal('closed')])
export type WarmAppState = Static<typeof WarmAppState>

/** A warm application as its worker reports it. Times are milliseconds since the epoch. */
export const WarmAppReport = Type.Object({
  id: Id,
  jobId: Id,
  /** Kind of the tasks that use it. */
  kind: Type.String({ minLength: 1, maxLength: 100 }),
  /** For people: `Blender, scene.blend`. */
  title: Type.String({ maxLength: 200 }),
  state: WarmAppState,
  openedAt: Type.Integer(),
  closedAt: nullable(Type.Integer()),
  /** Why it was closed; empty while it is open. */
  reason: Type.String({ maxLength: 1000 }),
  /** Work done in it so far. */
  tasks: Type.Integer({ minimum: 0 }),
  frames: Type.Integer({ minimum: 0 }),
  memoryBytes: Type.Integer({ minimum: 0 }),
})
export type WarmAppReport = Static<typeof WarmAppReport>

/** All open applications, and those closed since the manager's last reply. */
export const WarmAppReports = Type.Array(WarmAppReport, { maxItems: 2048 })

/** A warm application as the native API shows it. */
export const Session = Type.Object({
  id: Id,
  jobId: Id,
  worker: NamedRef,
  kind: Type.String(),
  title: Type.String(),
  state: WarmAppState,
  openedAt: Time,
  closedAt: nullable(Time),
  reason: Type.String(),
  tasks: Type.Integer(),
  frames: Type.Integer(),
  memoryBytes: Type.Integer(),
})
export type Session = Static<typeof Session>
