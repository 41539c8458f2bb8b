/** The circuit breaker of one engine: the connection results of its containers, and when it may be tried again. */
import { CLOSED, circuitAfter, circuitState, type Circuit, type CircuitState } from './pools.ts'

export interface BreakerOptions {
  maxFails: number
  resetMs: number
  now(): number
  /** The state changed. */
  onChange(): void
}

export class Breaker {
  private known: Circuit = CLOSED
  private timer: NodeJS.Timeout | undefined

  constructor(private readonly options: BreakerOptions) {}

  get circuit(): Circuit {
    return this.known
  }

  get state(): CircuitState {
    return circuitState(this.known, this.options.resetMs, this.options.now())
  }

  /** The engine was queried and answered. */
  close(): void {
    this.become(CLOSED)
  }

  /** A container's run ended; `failed`: because of the connection. */
  note(failed: boolean): void {
    this.become(circuitAfter(this.known, failed, this.options.maxFails, this.options.now()))
  }

  private become(circuit: Circuit): void {
    const before = this.state
    this.known = circuit
    if (this.state === before && circuit.openedAt === null) return
    clearTimeout(this.timer)
    if (circuit.openedAt !== null) {
      // When it is half-open, a trial may begin.
      this.timer = setTimeout(this.options.onChange, Math.min(this.options.resetMs, 0x7fff_ffff))
      this.timer.unref()
    }
    if (this.state !== before) this.options.onChange()
  }
}
