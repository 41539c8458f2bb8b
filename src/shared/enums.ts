/**
 * Status words, spelled as in the database and in all our protocols.
 * Job, task and worker states are those of Flamenco 3 (protocols: Flamenco §1.6), so no dialect needs a second set.
 */
import { Type, type Static, type TEnum } from 'typebox'

/** A schema for "one of these words". */
export function oneOf<const T extends readonly string[]>(words: T): TEnum<T[number][]> {
  const values: T[number][] = [...words]
  return Type.Enum(values)
}

export const JOB_STATUSES = [
  'under-construction',
  'queued',
  'active',
  'completed',
  'failed',
  'canceled',
  'paused',
  'pause-requested',
  'cancel-requested',
  'requeueing',
] as const
export const JobStatus = oneOf(JOB_STATUSES)
export type JobStatus = Static<typeof JobStatus>

export const TASK_STATUSES = ['queued', 'active', 'completed', 'failed', 'canceled', 'soft-failed', 'paused'] as const
export const TaskStatus = oneOf(TASK_STATUSES)
export type TaskStatus = Static<typeof TaskStatus>

export const WORKER_STATUSES = ['starting', 'awake', 'asleep', 'error', 'testing', 'offline', 'restart'] as const
export const WorkerStatus = oneOf(WORKER_STATUSES)
export type WorkerStatus = Static<typeof WorkerStatus>

/** `active` until it ends; `lost` when its worker disappeared or returned the task. */
export const ATTEMPT_STATUSES = ['active', 'completed', 'failed', 'lost', 'canceled'] as const
export const AttemptStatus = oneOf(ATTEMPT_STATUSES)
export type AttemptStatus = Static<typeof AttemptStatus>

/** Why an attempt ended; the failure policy derives the task's next status from it. */
export const OUTCOMES = [
  'success',
  'exit-code',
  'could-not-start',
  'timed-out',
  'silent',
  'log-limit',
  'lost',
  'no-licence',
  'stopped',
] as const
export const Outcome = oneOf(OUTCOMES)
export type Outcome = Static<typeof Outcome>

export const FARM_STATUSES = ['active', 'idle', 'waiting', 'asleep', 'inoperative', 'unknown', 'starting'] as const
export const FarmStatus = oneOf(FARM_STATUSES)
export type FarmStatus = Static<typeof FarmStatus>

export const LEASE_KINDS = ['heartbeat', 'deadline', 'unbounded'] as const
export const LeaseKind = oneOf(LEASE_KINDS)
export type LeaseKind = Static<typeof LeaseKind>

export const ROLES = ['viewer', 'artist', 'admin'] as const
export const Role = oneOf(ROLES)
export type Role = Static<typeof Role>

/** What a token or key allows, in addition to its role. Every other scope implies `read`. */
export const SCOPES = ['read', 'submit', 'manage', 'tokens', 'admin', 'worker'] as const
export const Scope = oneOf(SCOPES)
export type Scope = Static<typeof Scope>

export const QUEUE_ORDERS = ['priority', 'age-priority', 'fifo', 'task-days', 'task-ages'] as const
export const QueueOrder = oneOf(QUEUE_ORDERS)
export type QueueOrder = Static<typeof QueueOrder>

export const LIMIT_SCOPES = ['attempt', 'machine'] as const
export const LimitScope = oneOf(LIMIT_SCOPES)
export type LimitScope = Static<typeof LimitScope>

export const LOG_STREAMS = ['stdout', 'stderr', 'farm'] as const
export const LogStream = oneOf(LOG_STREAMS)
export type LogStream = Static<typeof LogStream>

/** Jobs in these states have nothing left to do until a user acts. */
export const FINISHED_JOB_STATUSES: readonly JobStatus[] = ['completed', 'failed', 'canceled']
/** Tasks in these states can be assigned once nothing blocks them. */
export const RUNNABLE_TASK_STATUSES: readonly TaskStatus[] = ['queued', 'soft-failed']
/** Only tasks of jobs in these states are assigned. */
export const RUNNABLE_JOB_STATUSES: readonly JobStatus[] = ['queued', 'active']

/** Task kind that inspects a .blend before rendering. Only our own workers with Blender support it, foreign workers do not. */
export const BLENDER_LOOK_KIND = 'blender-look'
