/** Files that another machine wrote: caches of network disks show them late, or a part of them first. */
import { setTimeout as sleep } from 'node:timers/promises'
import { checkPicture, type CheckOptions } from './checkPicture.ts'
import type { Verdict } from './verdict.ts'

export interface ForeignOptions extends CheckOptions {
  /** How long to look again while the file is missing or damaged, in milliseconds. */
  waitMs: number
  /** For tests. */
  clock?: Clock
}

export interface Clock {
  /** Milliseconds that only grow. */
  now(): number
  /** @throws the signal's reason */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

const CLOCK: Clock = {
  now: () => performance.now(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, { signal }).catch(() => signal?.throwIfAborted())
  },
}

/** The first look again comes soon, the later ones less often. */
const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 5_000

/** Such errors end by themselves when the other machine's changes arrive. */
const PASSING = new Set(['ENOENT', 'ESTALE', 'EBUSY', 'EAGAIN', 'EIO'])

/**
 * As checkPicture, but looks again for up to `waitMs` while the file is missing or looks damaged.
 * @throws what the last look threw: NodeJS errors, the signal's reason
 */
export async function checkForeignPicture(path: string, options: ForeignOptions): Promise<Verdict> {
  const { waitMs, clock = CLOCK, signal } = options
  const until = clock.now() + waitMs
  for (let pause = FIRST_WAIT_MS; ; pause = Math.min(2 * pause, LONGEST_WAIT_MS)) {
    const look = await lookOnce(path, options)
    const left = until - clock.now()
    if (!look.again || left <= 0) return look.result()
    await clock.sleep(Math.min(pause, left), signal)
  }
}

async function lookOnce(path: string, options: CheckOptions): Promise<{ again: boolean; result: () => Verdict }> {
  try {
    const verdict = await checkPicture(path, options)
    return { again: verdict.state === 'damaged', result: () => verdict }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const fail = (): never => {
      throw error
    }
    return { again: PASSING.has(code), result: fail }
  }
}
