/**
 * Limits password guesses: for one name from one address, for one name from everywhere, for one address with any name.
 * Where a user has logged in before, only their own wrong passwords count: neither guesses from elsewhere nor those of
 * a neighbour behind the same address lock them out.
 */
import { Sequencer } from '../../../shared/async.ts'
import { TooManyError } from '../../engine/base/errors.ts'
import { placeOf } from '../../engine/rules/workers/joinRules.ts'
import { Throttle } from './throttle.ts'

/** Wrong passwords within the window. */
const PAIR_FAILURES = 10
const NAME_FAILURES = 30
const ADDRESS_FAILURES = 50
/** Of one address. */
const CHECKS_WAITING = 40
const WINDOW_MS = 5 * 60_000
/** Most pairs of name and address that are remembered as good. */
const MAX_KNOWN = 5_000

export class LoginLock {
  private readonly pairs: Throttle
  private readonly names: Throttle
  private readonly addresses: Throttle
  private readonly known = new Set<string>()
  /** Checks by address. */
  private readonly checking = new Sequencer()

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.pairs = new Throttle(PAIR_FAILURES, WINDOW_MS, now)
    this.names = new Throttle(NAME_FAILURES, WINDOW_MS, now)
    this.addresses = new Throttle(ADDRESS_FAILURES, WINDOW_MS, now)
  }

  /**
   * Checks of one address, one after the other: of many at once each would be let through before the first was counted, and all of
   * them would keep the processors from everything else. @throws TooManyError
   */
  async inTurn<T>(address: string, check: () => Promise<T>): Promise<T> {
    const place = placeOf(address)
    if (this.checking.count(place) >= CHECKS_WAITING) throw new TooManyError('too many logins at once; try again in a moment')
    return this.checking.run(place, check)
  }

  /** Milliseconds until this name may be tried from this address; 0: now. */
  waitMs(name: string, address: string): number {
    const pair = pairOf(name, address)
    const own = this.pairs.waitMs(pair)
    return this.known.has(pair) ? own : Math.max(own, this.names.waitMs(name), this.addresses.waitMs(placeOf(address)))
  }

  failed(name: string, address: string): void {
    this.pairs.failed(pairOf(name, address))
    this.names.failed(name)
    this.addresses.failed(placeOf(address))
  }

  succeeded(name: string, address: string): void {
    const pair = pairOf(name, address)
    this.pairs.succeeded(pair)
    this.known.delete(pair)
    this.known.add(pair)
    if (this.known.size > MAX_KNOWN) {
      const [oldest] = this.known
      if (oldest !== undefined) this.known.delete(oldest)
    }
  }
}

const pairOf = (name: string, address: string): string => JSON.stringify([name, placeOf(address)])
