/** A clock that jumps from one appointment to the next: a day passes as fast as what happens in it can be done. */
import type { MockClock } from './worker.ts'

interface Appointment {
  at: number
  /** Of those at the same moment the first that was made. */
  made: number
  what: () => Promise<void>
}

export class Timeline implements MockClock {
  private time: number
  private made = 0
  private appointments: Appointment[] = []

  constructor(begin: number) {
    this.time = begin
  }

  readonly now = (): number => this.time

  after(ms: number, what: () => Promise<void>): void {
    this.at(this.time + ms, what)
  }

  at(time: number, what: () => Promise<void>): void {
    this.appointments.push({ at: Math.max(time, this.time), made: this.made++, what })
  }

  /** Does all that is due until then, in order; the rest is forgotten. @param then after each appointment */
  async runUntil(end: number, then: () => Promise<void>): Promise<void> {
    for (;;) {
      this.appointments.sort((a, b) => a.at - b.at || a.made - b.made)
      const next = this.appointments.shift()
      if (!next || next.at > end) break
      this.time = next.at
      await next.what()
      await then()
    }
    this.time = end
  }
}
