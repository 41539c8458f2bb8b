/** Processes, workflows and channels of a colony, as the native API shows them. */
import { Type, type Static } from 'typebox'
import { Id, nullable, Time } from '../common.ts'
import { ProcessStateSchema, StateCounts } from './people.ts'

export const ColonyProcess = Type.Object({
  id: Type.String(),
  /** The function that it calls. */
  name: Type.String(),
  /** Its name in its workflow. */
  node: Type.String(),
  state: ProcessStateSchema,
  jobId: Id,
  taskId: Id,
  /** It is part of a workflow, which is the job. */
  inWorkflow: Type.Boolean(),
  executorType: Type.String(),
  /** Who runs it or ran it last. */
  executor: nullable(Type.String()),
  label: Type.String(),
  submittedBy: Type.String(),
  priority: Type.Integer(),
  submittedAt: Time,
  startedAt: nullable(Time),
  finishedAt: nullable(Time),
  channels: Type.Array(Type.String()),
})
export type ColonyProcess = Static<typeof ColonyProcess>

/** The same with its values, as JSON: integers of 64 bits are exact in a text. */
export const ColonyProcessDetail = Type.Object({
  ...ColonyProcess.properties,
  args: Type.String(),
  kwargs: Type.String(),
  conditions: Type.String(),
  input: Type.String(),
  output: Type.String(),
  errors: Type.Array(Type.String()),
  attributes: Type.Array(Type.Object({ key: Type.String(), value: Type.String() })),
})
export type ColonyProcessDetail = Static<typeof ColonyProcessDetail>

export const ColonyWorkflow = Type.Object({
  id: Type.String(),
  jobId: Id,
  state: ProcessStateSchema,
  submittedBy: Type.String(),
  submittedAt: Time,
  startedAt: nullable(Time),
  finishedAt: nullable(Time),
  /** Its processes. */
  processes: StateCounts,
})
export type ColonyWorkflow = Static<typeof ColonyWorkflow>

export const ChannelEntry = Type.Object({
  /** Grows with each entry of any channel. */
  id: Type.Integer(),
  at: Time,
  /** Who wrote it: a name where the colony has one. */
  sender: Type.String(),
  type: Type.String(),
  sequence: Type.String(),
  /** Null: the bytes are no text. */
  text: nullable(Type.String()),
  bytes: Type.Integer(),
})
export type ChannelEntry = Static<typeof ChannelEntry>

export const ChannelEntries = Type.Object({
  items: Type.Array(ChannelEntry),
  /** The process has ended, and its channels with it. */
  ended: Type.Boolean(),
})
export type ChannelEntries = Static<typeof ChannelEntries>
