/** When a warm application is closed, and what counts as hanging: pure decisions over what the pool observes. */
import type { WarmAppLimits } from '../contract/commands.ts'

export interface WarmAppFacts {
  readonly frames: number
  readonly memoryBytes: number
  /** Memory after its first task; 0 before. */
  readonly firstMemoryBytes: number
  /** The manager reported that its job no longer needs it. */
  readonly jobOver: boolean
}

/** Memory beyond twice the usage of the first task plus this much is not needed by the scene. */
const GROWTH_BYTES = 512 * 1024 * 1024

/** Why the application must be closed now that a task is done; undefined when it is kept. */
export function closeReason(session: WarmAppFacts, limits: WarmAppLimits): string | undefined {
  if (session.jobOver) return 'its job no longer needs it'
  if (session.frames >= limits.maxFrames) return `it has done ${session.frames} frames`
  if (session.memoryBytes > limits.maxMemoryBytes) return `it uses ${mebibytes(session.memoryBytes)} of memory`
  if (session.firstMemoryBytes > 0 && session.memoryBytes > 2 * session.firstMemoryBytes + GROWTH_BYTES) {
    return `its memory grew from ${mebibytes(session.firstMemoryBytes)} to ${mebibytes(session.memoryBytes)}`
  }
  return undefined
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`
}

export interface IdleWarmApp {
  readonly id: string
  readonly jobId: string
  /** When its last task ended. */
  readonly since: number
}

/**
 * Which idle applications make room when an attempt of `jobId` starts among `active` attempts (including itself): the worker keeps
 * no more applications open than it has slots. Those of other jobs go first, the longest idle before others.
 */
export function makeRoom(idle: readonly IdleWarmApp[], active: number, slots: number, jobId: string): string[] {
  const surplus = idle.length + active - slots
  if (surplus <= 0) return []
  const inOrder = idle.toSorted((a, b) => Number(a.jobId === jobId) - Number(b.jobId === jobId) || a.since - b.since)
  return inOrder.slice(0, surplus).map(({ id }) => id)
}

/** What was observed when an application last showed activity. */
export interface Pulse {
  readonly at: number
  readonly lines: number
  /** Undefined where the system does not report it. */
  readonly cpuSeconds: number | undefined
}

/** This little processor time is no work: a process that waits indefinitely still wakes up now and then. */
const IDLE_SHARE = 0.01

/** The newer pulse when it shows work since the older one, else the older one. */
export function laterPulse(last: Pulse, now: Pulse): Pulse {
  if (now.lines > last.lines) return now
  if (now.cpuSeconds === undefined || last.cpuSeconds === undefined) return now
  return now.cpuSeconds - last.cpuSeconds > (IDLE_SHARE * (now.at - last.at)) / 1000 ? now : last
}

/** After this many tasks that had to be repeated, the same scene is no longer tried in a warm application. */
export const STRIKES_ALLOWED = 2
