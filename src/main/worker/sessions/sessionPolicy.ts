/** When an open application is closed, and what counts as hanging: pure decisions over what the pool sees. */
import type { SessionLimits } from '../commands/types.ts'

export interface SessionFacts {
  readonly frames: number
  readonly memoryBytes: number
  /** What it held after its first task; 0 before. */
  readonly firstMemoryBytes: number
  /** The manager said that its job has nothing left for it. */
  readonly jobOver: boolean
}

/** Beyond twice what the first task took and this much more, memory is not for the scene any more. */
const GROWTH_BYTES = 512 * 1024 * 1024

/** Why the session must be closed now that a task of it is done; undefined when it is kept. */
export function closeReason(session: SessionFacts, limits: SessionLimits): string | undefined {
  if (session.jobOver) return 'its job has nothing left for it'
  if (session.frames >= limits.maxFrames) return `it has done ${session.frames} frames`
  if (session.memoryBytes > limits.maxMemoryBytes) return `it holds ${mebibytes(session.memoryBytes)} of memory`
  if (session.firstMemoryBytes > 0 && session.memoryBytes > 2 * session.firstMemoryBytes + GROWTH_BYTES) {
    return `its memory grew from ${mebibytes(session.firstMemoryBytes)} to ${mebibytes(session.memoryBytes)}`
  }
  return undefined
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`
}

export interface IdleSession {
  readonly id: string
  readonly jobId: string
  /** When its last task ended. */
  readonly since: number
}

/**
 * Which idle sessions make room when an attempt of `jobId` begins beside `active` others (itself among them): no more
 * applications are open than the worker has slots. Those of other jobs go first, the longest idle before others.
 */
export function makeRoom(idle: readonly IdleSession[], active: number, slots: number, jobId: string): string[] {
  const surplus = idle.length + active - slots
  if (surplus <= 0) return []
  const inOrder = idle.toSorted((a, b) => Number(a.jobId === jobId) - Number(b.jobId === jobId) || a.since - b.since)
  return inOrder.slice(0, surplus).map(({ id }) => id)
}

/** What was seen of an application the last time that it showed life. */
export interface Pulse {
  readonly at: number
  readonly lines: number
  /** Undefined where the system does not tell. */
  readonly cpuSeconds: number | undefined
}

/** So much of a processor is no work: a process that waits for ever still wakes up now and then. */
const IDLE_SHARE = 0.01

/** The newer pulse when it shows work since the older one, else the older one. */
export function laterPulse(last: Pulse, now: Pulse): Pulse {
  if (now.lines > last.lines) return now
  if (now.cpuSeconds === undefined || last.cpuSeconds === undefined) return now
  return now.cpuSeconds - last.cpuSeconds > (IDLE_SHARE * (now.at - last.at)) / 1000 ? now : last
}

/** After so many tasks that had to be run again the same scene is not tried in an open application any more. */
export const STRIKES_ALLOWED = 2
