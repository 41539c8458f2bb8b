/** What a colony keeps beside its work: crons, generators, blueprints, files, functions, as the native API shows them. */
import { Type, type Static } from 'typebox'
import { Id, nullable, Time } from '../common.ts'

export const ColonyCron = Type.Object({
  id: Type.String(),
  colony: Type.String(),
  name: Type.String(),
  /** Empty: it runs each `everySeconds`. */
  expression: Type.String(),
  everySeconds: nullable(Type.Integer()),
  random: Type.Boolean(),
  waitForPrevious: Type.Boolean(),
  submittedBy: Type.String(),
  nextAt: nullable(Time),
  lastAt: nullable(Time),
  /** The job of its last run. */
  lastJobId: nullable(Id),
  /** Functions that its workflow calls. */
  functions: Type.Array(Type.String()),
})
export type ColonyCron = Static<typeof ColonyCron>

export const ColonyGenerator = Type.Object({
  id: Type.String(),
  name: Type.String(),
  submittedBy: Type.String(),
  /** It submits its workflow when so many arguments wait, or after so many seconds; 0: never by time. */
  trigger: Type.Integer(),
  timeoutSeconds: Type.Integer(),
  queued: Type.Integer(),
  lastAt: nullable(Time),
  functions: Type.Array(Type.String()),
})
export type ColonyGenerator = Static<typeof ColonyGenerator>

export const BlueprintDefinition = Type.Object({
  name: Type.String(),
  kind: Type.String(),
  /** Who reconciles blueprints of this kind; empty: each blueprint says so itself. */
  executorType: Type.String(),
  /** JSON. */
  spec: Type.String(),
})
export type BlueprintDefinition = Static<typeof BlueprintDefinition>

export const ColonyBlueprint = Type.Object({
  name: Type.String(),
  kind: Type.String(),
  location: Type.String(),
  generation: Type.Integer(),
  /** JSON. */
  spec: Type.String(),
  /** JSON; null: no reconciler has told. */
  status: nullable(Type.String()),
})
export type ColonyBlueprint = Static<typeof ColonyBlueprint>

export const BlueprintGeneration = Type.Object({
  generation: Type.Integer(),
  change: Type.String(),
  at: Time,
  /** A name where the colony has one. */
  changedBy: Type.String(),
  /** JSON. */
  spec: Type.String(),
})
export type BlueprintGeneration = Static<typeof BlueprintGeneration>

export const ColonyFile = Type.Object({
  id: Type.String(),
  label: Type.String(),
  name: Type.String(),
  size: Type.Integer(),
  version: Type.Integer(),
  checksum: Type.String(),
  checksumAlgorithm: Type.String(),
  addedAt: Time,
})
export type ColonyFile = Static<typeof ColonyFile>

export const ColonySnapshot = Type.Object({
  id: Type.String(),
  name: Type.String(),
  label: Type.String(),
  files: Type.Integer(),
  takenAt: Time,
})
export type ColonySnapshot = Static<typeof ColonySnapshot>

export const ColonyFunction = Type.Object({
  id: Type.String(),
  name: Type.String(),
  executor: Type.String(),
  executorType: Type.String(),
  description: Type.String(),
  /** Processes that called it. */
  calls: Type.Integer(),
  /** Seconds. */
  wait: Type.Object({ min: Type.Number(), average: Type.Number(), max: Type.Number() }),
  run: Type.Object({ min: Type.Number(), average: Type.Number(), max: Type.Number() }),
})
export type ColonyFunction = Static<typeof ColonyFunction>
