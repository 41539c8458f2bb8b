/** Which engine runs a container: pools by the task's name, room, blacklist, circuit breakers. Pure; time and randomness are parameters. */
import type { PoolConfig } from '../config.ts'

/** Failures of the connection in a row; open since a moment once there were too many. */
export interface Circuit {
  readonly failures: number
  readonly openedAt: number | null
}

export const CLOSED: Circuit = { failures: 0, openedAt: null }

/** `half-open`: one trial decides. */
export type CircuitState = 'closed' | 'open' | 'half-open'

export function circuitState({ openedAt }: Circuit, resetMs: number, now: number): CircuitState {
  if (openedAt === null) return 'closed'
  // In the future: the clock was set back since.
  return now - openedAt >= resetMs || now < openedAt ? 'half-open' : 'open'
}

/** A success closes it; the `maxFails`-th failure in a row, and each one after it, opens it anew. */
export function circuitAfter(circuit: Circuit, failed: boolean, maxFails: number, now: number): Circuit {
  if (!failed) return CLOSED
  const failures = circuit.failures + 1
  return { failures, openedAt: failures >= maxFails ? now : null }
}

export interface EngineFacts {
  name: string
  up: boolean
  running: number
  isBlacklisted: boolean
  circuit: Circuit
}

export interface ChoiceFacts {
  routingName: string
  pools: readonly PoolConfig[]
  engines: readonly EngineFacts[]
  resetMs: number
  now: number
  /** In [0, 1). */
  random: number
}

/**
 * `wait`: an engine is down for now, or the pool is full. `none`: no pool fits the name, or everything that fits is
 * blacklisted, so waiting would not help.
 */
export type Choice = { decision: 'run'; engine: string } | { decision: 'wait' } | { decision: 'none' }

/** The first matching pool with a usable engine; a random engine in it. Waits for a full pool rather than skipping it. */
export function chooseEngine({ routingName, pools, engines, resetMs, now, random }: ChoiceFacts): Choice {
  let mayCome = false
  for (const { match, engines: names, maxRunning } of pools) {
    if (!fits(match, routingName)) continue
    const members = engines.filter(({ name, isBlacklisted }) => names.includes(name) && !isBlacklisted)
    const usable = members.filter(({ up, circuit, running }) => {
      const state = circuitState(circuit, resetMs, now)
      return up && (state === 'closed' || (state === 'half-open' && running === 0))
    })
    mayCome ||= members.length > 0
    if (usable.length === 0) continue
    const running = engines.filter(({ name }) => names.includes(name)).reduce((sum, engine) => sum + engine.running, 0)
    if (running >= maxRunning) return { decision: 'wait' }
    const chosen = usable[Math.min(usable.length - 1, Math.floor(random * usable.length))]
    if (chosen !== undefined) return { decision: 'run', engine: chosen.name }
  }
  return { decision: mayCome ? 'wait' : 'none' }
}

/** Matches at the beginning of the name; an invalid expression matches nothing. */
function fits(match: string, name: string): boolean {
  try {
    return new RegExp(`^(?:${match})`).test(name)
  } catch {
    return false
  }
}
