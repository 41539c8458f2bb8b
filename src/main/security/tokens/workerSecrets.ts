/**
 * Checks workers' HTTP Basic headers. The slow hash is computed once per secret; after that, one keyed SHA-256 of the
 * header and a look-up decide. The key is random per process, so neither the map nor its timing reveals anything about
 * secrets.
 */
import { hash, randomBytes } from 'node:crypto'
import { TooManyError } from '../../engine/base/errors.ts'
import type { WorkerState } from '../../engine/base/model.ts'
import { UNMATCHABLE_HASH, verifySecret } from './secrets.ts'

/** A rejected header is not hashed again for this long, so that a misconfigured worker in a loop costs nothing. */
const REFUSED_FOR_MS = 10_000
const MAX_REMEMBERED = 20_000
/** Concurrent slow hashes; they share the thread pool with SQLite's reads. */
const MAX_CONCURRENT = 2
/** More than the largest farm has: a Flamenco Worker that is rejected at sign-on registers again, so real ones must not be. */
const MAX_WAITING = 5_000

interface Verified {
  workerId: string
  secretHash: string
}

export class WorkerSecrets {
  private readonly key = randomBytes(32).toString('base64')
  private readonly verified = new Map<string, Verified>()
  private readonly refused = new Map<string, number>()
  private readonly pending = new Map<string, Promise<WorkerState | null>>()
  private readonly waiting: (() => void)[] = []
  private running = 0

  constructor(
    private readonly findWorker: (publicId: string) => WorkerState | undefined,
    private readonly now: () => number,
  ) {}

  /**
   * The worker whose id and secret the header contains; null when they are wrong. Answers synchronously for headers
   * seen before, otherwise with a promise. @throws TooManyError when too many unknown headers are being checked
   */
  check(header: string | undefined): WorkerState | null | Promise<WorkerState | null> {
    if (header === undefined || header.length > 2_000) return null
    const digest = hash('sha256', this.key + header, 'base64')
    const known = this.verified.get(digest)
    if (known) {
      const worker = this.findWorker(known.workerId)
      if (worker && worker.secretHash === known.secretHash && worker.deletedAt === null) return worker
      this.verified.delete(digest)
      return null
    }
    const refusedUntil = this.refused.get(digest)
    if (refusedUntil !== undefined && refusedUntil > this.now()) return null
    return this.pending.get(digest) ?? this.verify(digest, header)
  }

  private verify(digest: string, header: string): Promise<WorkerState | null> {
    if (this.waiting.length >= MAX_WAITING) throw new TooManyError('too many workers are signing in; try again later')
    const result = this.slowCheck(header).then((found) => {
      if (found) remember(this.verified, digest, { workerId: found.publicId, secretHash: found.secretHash })
      else remember(this.refused, digest, this.now() + REFUSED_FOR_MS)
      return found
    })
    this.pending.set(digest, result)
    void result.finally(() => this.pending.delete(digest)).catch(() => undefined)
    return result
  }

  private async slowCheck(header: string): Promise<WorkerState | null> {
    const credentials = parseBasic(header)
    if (!credentials) return null
    const worker = this.findWorker(credentials.name)
    const usable = worker && worker.deletedAt === null ? worker : undefined
    if (this.running >= MAX_CONCURRENT) await new Promise<void>((resolve) => this.waiting.push(resolve))
    this.running++
    try {
      const matches = await verifySecret(credentials.password, usable?.secretHash ?? UNMATCHABLE_HASH)
      return matches && usable ? usable : null
    } finally {
      this.running--
      this.waiting.shift()?.()
    }
  }
}

/** Name and password of a Basic header; undefined when it is malformed. The name is in lower case: workers' ids are UUIDs. */
export function parseBasic(header: string): { name: string; password: string } | undefined {
  const match = /^basic ([A-Za-z0-9+/=_-]+)$/i.exec(header)
  if (!match?.[1]) return undefined
  const text = Buffer.from(match[1], 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1) return undefined
  return { name: text.slice(0, colon).toLowerCase(), password: text.slice(colon + 1) }
}

/** Sets and keeps the map small; the oldest entries go first. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= MAX_REMEMBERED) {
    const oldest = map.keys().next().value
    if (oldest !== undefined) map.delete(oldest)
  }
  map.set(key, value)
}
