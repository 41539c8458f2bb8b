/** Watches an application while it runs a task: its resource usage, and whether it still makes progress. */
import { usageNow } from '../tools/process/usage.ts'
import { laterPulse, type Pulse } from './warmAppPolicy.ts'

export interface TaskUsage {
  /** Since the application was started. */
  cpuSeconds: number
  memoryBytes: number
  peakMemoryBytes: number
}

const LOOK_EVERY_MS = 1_000

export class HangWatch {
  /** Resolves with a reason when it hangs; never otherwise. */
  readonly hung: Promise<string>
  private lines = 0
  private peak = 0
  private last: Pulse = { at: performance.now(), lines: 0, cpuSeconds: 0 }
  private timer: NodeJS.Timeout | undefined
  private stopped = false

  /** @param hangMs no output and no processor time for this long counts as hanging; 0: never */
  constructor(
    private readonly pid: number,
    private readonly hangMs: number,
  ) {
    this.hung = new Promise((resolve) => this.lookLater(resolve))
  }

  /** It wrote output. */
  saw(lines: number): void {
    this.lines += lines
  }

  /** Ends the watch. Undefined where the system does not report a process's usage. */
  async stop(): Promise<TaskUsage | undefined> {
    this.stopped = true
    clearTimeout(this.timer)
    const used = await usageNow(this.pid)
    return used === undefined ? undefined : { ...used, peakMemoryBytes: Math.max(this.peak, used.memoryBytes) }
  }

  private lookLater(resolve: (reason: string) => void): void {
    this.timer = setTimeout(() => {
      void this.look().then((reason) => {
        if (this.stopped) return
        if (reason === undefined) this.lookLater(resolve)
        else resolve(reason)
      })
    }, LOOK_EVERY_MS)
    this.timer.unref()
  }

  private async look(): Promise<string | undefined> {
    const used = await usageNow(this.pid)
    this.peak = Math.max(this.peak, used?.memoryBytes ?? 0)
    this.last = laterPulse(this.last, { at: performance.now(), lines: this.lines, cpuSeconds: used?.cpuSeconds })
    const quietMs = performance.now() - this.last.at
    if (this.hangMs === 0 || quietMs < this.hangMs) return undefined
    return `it hung: no output and no processor time for ${Math.round(quietMs / 1000)} s`
  }
}
