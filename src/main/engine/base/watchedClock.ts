/**
 * The farm's clock: it shows the time of day, and detects when that time cannot be used to measure durations. Two
 * events break it: the clock is set (manually, by NTP, after a paused virtual machine), and the program is suspended (a
 * suspended computer, SIGSTOP). Neither is a failure of a worker, so running durations skip the jump as if no time had
 * passed.
 */

export interface ClockJump {
  /** The time of day after it, milliseconds since the epoch. */
  readonly now: number
  /** Uncounted time of day in milliseconds; negative when the clock went back. Add it to the start of a running duration. */
  readonly shiftMs: number
  /** How far the time of day moved against the monotonic clock, milliseconds. */
  readonly steppedMs: number
  /** How long the program was suspended, by the monotonic clock, milliseconds; 0: it was running. */
  readonly stoppedMs: number
}

/** Less than this between two readings is drift or a busy moment. The farm reads its clock several times a second. */
export const STEP_MS = 2_000
export const STOP_MS = 5_000

interface Reading {
  readonly wall: number
  readonly steady: number
}

/** The jump between two readings, undefined when there was none. */
export function jumpBetween(before: Reading, after: Reading): ClockJump | undefined {
  const shiftMs = after.wall - before.wall
  const passed = after.steady - before.steady
  const steppedMs = shiftMs - passed
  const isStep = Math.abs(steppedMs) >= STEP_MS
  const isStop = passed >= STOP_MS
  if (!isStep && !isStop) return undefined
  return {
    now: after.wall,
    shiftMs: Math.round(shiftMs),
    steppedMs: isStep ? Math.round(steppedMs) : 0,
    stoppedMs: isStop ? Math.round(passed) : 0,
  }
}

export class WatchedClock {
  private wallBefore: number
  private steadyBefore: number
  private readonly listeners: ((jump: ClockJump) => void)[] = []

  /**
   * @param wall milliseconds since the epoch
   * @param steady milliseconds of a monotonic clock
   */
  constructor(
    private readonly wall: () => number = Date.now,
    private readonly steady: () => number = () => performance.now(),
  ) {
    this.wallBefore = wall()
    this.steadyBefore = steady()
  }

  /** The time of day in milliseconds since the epoch. Every reading checks for a jump, so a reader never sees half of one. */
  readonly now = (): number => {
    const wall = this.wall()
    const steady = this.steady()
    const { wallBefore, steadyBefore } = this
    this.wallBefore = wall
    this.steadyBefore = steady
    // Read several times for each task: without objects for what is nearly always.
    if (steady - steadyBefore >= STOP_MS || Math.abs(wall - wallBefore - (steady - steadyBefore)) >= STEP_MS) {
      const jump = jumpBetween({ wall: wallBefore, steady: steadyBefore }, { wall, steady })
      if (jump) for (const listener of this.listeners) listener(jump)
    }
    return wall
  }

  /** Called within the reading that detects a jump, before any reader sees the new time. */
  readonly onJump = (listener: (jump: ClockJump) => void): void => {
    this.listeners.push(listener)
  }
}
