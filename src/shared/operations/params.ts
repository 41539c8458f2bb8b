/** Parameters and replies that several operations share. */
import { Type, type Static } from 'typebox'
import { Id } from '../schemas/common.ts'

export const JobParams = Type.Object({ jobId: Id })
export const TaskParams = Type.Object({ taskId: Id })
export const AttemptParams = Type.Object({ taskId: Id, attempt: Type.Integer({ minimum: 1, maximum: 1_000_000 }) })
export const WorkerParams = Type.Object({ workerId: Id })
export const IdParams = Type.Object({ id: Id })
export type AttemptParams = Static<typeof AttemptParams>

/** For actions whose outcome the status alone tells. */
export const Nothing = { 204: Type.Null({ description: 'Done' }) }
