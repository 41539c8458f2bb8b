/** Announces a farm on the machine's networks, and answers who asks for farms. */
import type { Logger } from '../../shared/logger.ts'
import { isAbout, recordsFor, SERVICE_LIST, SERVICE_TYPE, type FarmAnnouncement } from './announcement.ts'
import { MdnsSockets, type MdnsPacket } from './mdnsSockets.ts'
import type { Network } from './networks.ts'

/** Announced again after this time: the first packet of a network that just came up is often lost. */
const AGAIN_MS = 1_000
/** An answer to all listens for several askers. */
const QUIET_MS = 200

export class FarmAnnouncer {
  private sockets: MdnsSockets | undefined
  private farm: FarmAnnouncement | undefined
  /** The addresses that the farm listens on; undefined: all. */
  private only: ReadonlySet<string> | undefined
  private readonly answeredAt = new Map<string, number>()
  private readonly timers = new Set<NodeJS.Timeout>()
  private working: Promise<void> = Promise.resolve()

  constructor(private readonly log: Logger) {}

  /** What to announce from now on; undefined: nothing, and no socket is open. @param only addresses that the farm listens on; missing: all */
  announce(farm: FarmAnnouncement | undefined, only?: ReadonlySet<string>): Promise<void> {
    this.working = this.working.then(() => this.change(farm, only))
    return this.working
  }

  private async change(farm: FarmAnnouncement | undefined, only: ReadonlySet<string> | undefined): Promise<void> {
    const before = this.farm
    const state = (one: FarmAnnouncement | undefined, at: ReadonlySet<string> | undefined) => JSON.stringify([one, at && [...at]])
    if (state(before, this.only) === state(farm, only)) return
    if (before && (farm === undefined || farm.farmId !== before.farmId)) this.tellAll(before, 0)
    this.farm = farm
    this.only = only
    if (farm === undefined) {
      for (const timer of this.timers) clearTimeout(timer)
      this.timers.clear()
      await this.sockets?.stop()
      this.sockets = undefined
      return
    }
    if (this.sockets) return this.tellAll(farm, 1)
    this.sockets = new MdnsSockets(
      this.log,
      (packet) => this.received(packet),
      (network) => this.greet(network),
    )
    this.sockets.start()
  }

  private tellAll(farm: FarmAnnouncement, ttlFactor: 0 | 1): void {
    for (const network of this.sockets?.networks() ?? []) this.tell(network, farm, ttlFactor)
  }

  private greet(network: Network): void {
    const tell = () => this.farm && this.tell(network, this.farm)
    tell()
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      tell()
    }, AGAIN_MS).unref()
    this.timers.add(timer)
  }

  private received({ questions, network, sender }: MdnsPacket): void {
    const { farm, sockets } = this
    const asked = farm && questions.filter((question) => isAbout(farm.farmId, question))
    if (!farm || !sockets || asked === undefined || asked.length === 0) return
    const now = performance.now()
    const key = `${network.key} ${sender.port === 5353 ? '' : sender.address}`
    if (now - (this.answeredAt.get(key) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return
    if (this.answeredAt.size > 1000) this.answeredAt.clear()
    this.answeredAt.set(key, now)
    const isList = asked.every(({ name }) => name.toLowerCase() === SERVICE_LIST)
    if (isList) sockets.answer(network, [{ type: 'PTR', name: SERVICE_LIST, ttl: 4500, data: SERVICE_TYPE }], sender)
    else this.tell(network, farm, 1, sender)
  }

  /** Nothing on a network where the farm does not listen. IPv6 without an address of its own: the other family's record has one. */
  private tell(network: Network, farm: FarmAnnouncement, ttlFactor: 0 | 1 = 1, to?: { address: string; port: number }): void {
    const addresses = network.addresses.filter((address) => this.only?.has(address) ?? true)
    if (addresses.length > 0) this.sockets?.answer(network, recordsFor(farm, addresses, ttlFactor), to)
  }
}
