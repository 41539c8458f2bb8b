/** Replies of the native API as this page asks for them: the shared schemas, and the lists made of them. */
import { Type, type Static } from 'typebox'
import { Token, User } from '../../shared/schemas/account.ts'
import { pageOf } from '../../shared/schemas/common.ts'
import { AuditPage, Overview, Statistics, Status, BulkResult, WallFrame } from '../../shared/schemas/farm.ts'
import { DryRun, Frame, Grid, JobExplanation, JobGraph, JobSummary, TaskSummary, Timeline } from '../../shared/schemas/job.ts'
import { JobTypeSchema } from '../../shared/schemas/jobType.ts'
import { LogLines, LogMatches } from '../../shared/schemas/log.ts'
import { FiringPage, Schedule } from '../../shared/schemas/schedule.ts'
import { Limit, Machine, MachineSample, Tag, Worker } from '../../shared/schemas/worker.ts'

export type { Token } from '../../shared/schemas/account.ts'
export { CreatedToken, Whoami } from '../../shared/schemas/account.ts'
export type { AuditRow } from '../../shared/schemas/farm.ts'
export type { GraphNode, TimelineItem } from '../../shared/schemas/job.ts'
export type { LogLine } from '../../shared/schemas/log.ts'
export { AuditPage, BulkResult, DryRun, Grid, JobExplanation, JobGraph, LogLines, LogMatches }
export { Overview, Statistics, Status, Timeline, WallFrame }

const listOf = <T extends Parameters<typeof Type.Array>[0]>(item: T) => Type.Object({ items: Type.Array(item) })

export const JobPage = pageOf(JobSummary)
export type JobPage = Static<typeof JobPage>
export const TaskPage = pageOf(TaskSummary)
export const FramePage = Type.Object({ items: Type.Array(Frame) })
export const Workers = listOf(Worker)
export const Machines = listOf(Machine)
export const Tags = listOf(Tag)
export const Schedules = listOf(Schedule)
export { FiringPage }
export const Limits = listOf(Limit)
export const Samples = listOf(MachineSample)
export type Sample = Static<typeof MachineSample>
export const Tokens = listOf(Token)
export const Users = listOf(User)
export const JobTypes = Type.Object({
  items: Type.Array(JobTypeSchema),
  broken: Type.Array(Type.Object({ file: Type.String(), message: Type.String() })),
})
