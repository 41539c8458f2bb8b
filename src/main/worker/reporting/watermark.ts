/** Waiting until a number that only grows has reached a value. */
import { deferred, type Deferred } from '../../../shared/async.ts'

export class Watermark {
  private readonly waiting = new Map<Deferred<void>, number>()

  /** Resolves at the first `reached` with this value or a higher one. */
  wait(value: number): Promise<void> {
    const waiter = deferred<void>()
    this.waiting.set(waiter, value)
    return waiter.promise
  }

  reached(value: number): void {
    for (const [waiter, wanted] of this.waiting) {
      if (wanted > value) continue
      this.waiting.delete(waiter)
      waiter.resolve()
    }
  }
}
