/**
 * Streams that outlive their request: event sockets, followed logs. Each belongs to a caller: it ends when the caller's
 * token ends or its rights change, and each caller has a limit, so that none can shut out the others.
 */
import { TooManyError } from '../engine/base/errors.ts'
import type { Caller } from './accounts/callers.ts'
import type { TokenBook } from './tokens/tokenBook.ts'

/** Most streams of one account (a user, a farm's token with its descendants, an address without a token). */
export const STREAMS_PER_ACCOUNT = 64
/** Most streams of all accounts. Beyond it, the account with the most loses its oldest. */
export const STREAMS_IN_ALL = 2_000
/** Longer timers are split: setTimeout overflows beyond this. */
const MAX_TIMER_MS = 2_147_000_000

interface Stream {
  caller: Caller
  account: string
  close(): void
  timer: NodeJS.Timeout | undefined
}

export class OpenStreams {
  private readonly byAccount = new Map<string, Set<Stream>>()
  private total = 0
  private readonly stopListening: () => void

  constructor(
    private readonly tokens: Pick<TokenBook, 'isCurrent' | 'onChange' | 'findById' | 'endOf'>,
    private readonly now: () => number,
    private readonly limits = { perAccount: STREAMS_PER_ACCOUNT, inAll: STREAMS_IN_ALL },
  ) {
    this.stopListening = tokens.onChange(() => this.check())
  }

  /**
   * Whether this caller may open one more. @param address the account of callers without a token
   * @throws TooManyError
   */
  assertRoom(caller: Caller, address: string): void {
    const own = this.byAccount.get(accountOf(caller, address))?.size ?? 0
    if (own >= this.limits.perAccount) {
      throw new TooManyError(`${caller.actor} has ${own} event streams open already; close some of them first`)
    }
    if (this.total >= this.limits.inAll && own >= this.largest().size) throw new TooManyError('too many event streams are open')
  }

  /**
   * Counts a stream, and ends it with `close` when its caller's time is over.
   * @returns call this when the stream has closed on its own
   */
  add(caller: Caller, address: string, close: () => void): () => void {
    const account = accountOf(caller, address)
    if (this.total >= this.limits.inAll) {
      const [oldest] = this.largest()
      if (oldest) this.end(oldest)
    }
    const stream: Stream = { caller, account, close, timer: undefined }
    const streams = this.byAccount.get(account) ?? new Set()
    this.byAccount.set(account, streams.add(stream))
    this.total += 1
    this.watchExpiry(stream)
    // The token may have ended since the ticket was created.
    if (!this.tokens.isCurrent(caller)) this.end(stream)
    return () => this.drop(stream)
  }

  /** Ends the streams whose callers' tokens have ended. */
  check(): void {
    for (const streams of this.byAccount.values()) {
      for (const stream of streams) if (!this.tokens.isCurrent(stream.caller)) this.end(stream)
    }
  }

  stop(): void {
    this.stopListening()
    for (const streams of this.byAccount.values()) for (const stream of streams) clearTimeout(stream.timer)
  }

  private watchExpiry(stream: Stream): void {
    const token = stream.caller.token && this.tokens.findById(stream.caller.token.publicId)
    const end = token ? this.tokens.endOf(token) : null
    if (end === null) return
    stream.timer = setTimeout(
      () => {
        if (this.tokens.isCurrent(stream.caller)) this.watchExpiry(stream)
        else this.end(stream)
      },
      Math.min(MAX_TIMER_MS, Math.max(50, end - this.now())),
    ).unref()
  }

  private end(stream: Stream): void {
    this.drop(stream)
    stream.close()
  }

  private drop(stream: Stream): void {
    clearTimeout(stream.timer)
    const streams = this.byAccount.get(stream.account)
    if (!streams?.delete(stream)) return
    this.total -= 1
    if (streams.size === 0) this.byAccount.delete(stream.account)
  }

  private largest(): Set<Stream> {
    let largest = new Set<Stream>()
    for (const streams of this.byAccount.values()) if (streams.size > largest.size) largest = streams
    return largest
  }
}

/** The account that the limits count for. */
function accountOf(caller: Caller, address: string): string {
  return caller.token?.account ?? `${caller.id} at ${address}`
}
