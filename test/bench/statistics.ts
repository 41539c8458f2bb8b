/** Percentiles of measured milliseconds. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Runs `probe` again and again while `work` is under way; returns how long each took, in milliseconds. */
export async function meanwhile<T>(work: Promise<T>, probe: () => Promise<unknown>): Promise<{ result: T; latencies: number[] }> {
  let over = false
  const done = work.finally(() => (over = true))
  const latencies: number[] = []
  while (!over) {
    const began = performance.now()
    await probe()
    latencies.push(performance.now() - began)
    await sleep(5)
  }
  return { result: await done, latencies }
}
