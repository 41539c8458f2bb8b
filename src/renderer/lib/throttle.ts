/**
 * Runs `work` soon after the first call and at most once per `everyMs`; calls meanwhile are folded into one more run.
 * Never two runs at once. This is what turns a burst of hints into one request.
 */
export function debounce(work: () => Promise<void> | void, everyMs: number, firstMs = 40): { (): void; stop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined
  let running = false
  let again = false
  let last = 0
  const run = async () => {
    timer = undefined
    running = true
    last = performance.now()
    try {
      await work()
    } catch {
      // The work shows its own errors; a failed pull must not end the live view.
    } finally {
      running = false
      if (again) {
        again = false
        trigger()
      }
    }
  }
  const trigger = () => {
    if (running) {
      again = true
      return
    }
    if (timer !== undefined) return
    timer = setTimeout(() => void run(), Math.max(firstMs, last + everyMs - performance.now()))
  }
  trigger.stop = () => {
    clearTimeout(timer)
    timer = undefined
    again = false
  }
  return trigger
}
