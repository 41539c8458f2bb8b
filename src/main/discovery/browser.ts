/** Looks for farms on the machine's networks: what is announced there now, by any sender. */
import { NETWORK_KINDS, networkKind, type NetworkKind } from '../../shared/lan/addresses.ts'
import type { Logger } from '../../shared/logger.ts'
import { farmsIn, SERVICE_TYPE, type SeenFarm } from './announcement.ts'
import { MdnsSockets, type MdnsPacket } from './mdnsSockets.ts'

/** A farm by its id and authority: one that copies only the id is another entry. */
export interface FoundFarm {
  farmId: string
  name: string
  version: string
  owner: string
  machine: string
  /** SHA-256 of the authority's public key as announced, hex with colons; empty: none. */
  authority: string
  /** All addresses that were announced, by any sender: encrypted ones first, then those on the studio's own networks. */
  urls: string[]
  /** Of the best network on which it was seen. */
  network: NetworkKind
}

interface Sighting extends SeenFarm {
  expiresAt: number
  /** Of this machine: what was seen there no longer counts when it is gone. */
  networkKey: string
  kind: NetworkKind
}

/** Asked soon and then ever more rarely, as the standard wants it. */
const ASK_AFTER_MS = [0, 1_000, 3_000, 9_000, 27_000]
const ASK_EVERY_MS = 60_000
/** Memory that strangers can fill. */
const MAX_SIGHTINGS = 500

export class FarmBrowser {
  /** By farm, authority and sender. */
  private readonly sightings = new Map<string, Sighting>()
  private sockets: MdnsSockets | undefined
  private timers: NodeJS.Timeout[] = []
  private readonly watchers = new Set<() => void>()

  constructor(
    private readonly log: Logger,
    /** Milliseconds of a monotonic clock. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  start(): void {
    if (this.sockets) return
    this.sockets = new MdnsSockets(
      this.log,
      (packet) => this.received(packet),
      () => this.sockets?.ask(SERVICE_TYPE),
    )
    this.sockets.start()
    const ask = () => this.sockets?.ask(SERVICE_TYPE)
    this.timers = ASK_AFTER_MS.map((ms) => setTimeout(ask, ms).unref())
    this.timers.push(setInterval(ask, ASK_EVERY_MS).unref())
  }

  farms(): FoundFarm[] {
    const present = new Set(this.sockets?.networks().map(({ key }) => key))
    const current = [...this.sightings].filter(([key, { expiresAt, networkKey }]) => {
      const isCurrent = expiresAt > this.now() && present.has(networkKey)
      if (!isCurrent) this.sightings.delete(key)
      return isCurrent
    })
    const found = new Map<string, FoundFarm>()
    for (const { farmId, name, version, owner, machine, authority, urls, kind } of current.map(([, seen]) => seen).sort(byNetwork)) {
      const id = `${farmId} ${authority}`
      const farm = found.get(id) ?? { farmId, name, version, owner, machine, authority, urls: [], network: kind }
      farm.urls = [...new Set([...farm.urls, ...urls])]
      found.set(id, farm)
    }
    for (const farm of found.values()) farm.urls.sort((a, b) => Number(b.startsWith('https')) - Number(a.startsWith('https')))
    return [...found.values()].sort(
      (a, b) => rank(a.network) - rank(b.network) || a.name.localeCompare(b.name) || a.farmId.localeCompare(b.farmId),
    )
  }

  onChange(watcher: () => void): () => void {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  async stop(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer)
    this.timers = []
    const { sockets } = this
    this.sockets = undefined
    await sockets?.stop()
  }

  private received({ records, sender, network }: MdnsPacket): void {
    const seen = farmsIn(records, sender.address.replace(/%.*$/, ''))
    for (const farm of seen) {
      const key = `${farm.farmId} ${farm.authority} ${sender.address}`
      if (farm.ttl === 0) this.sightings.delete(key)
      else if (this.sightings.has(key) || this.sightings.size < MAX_SIGHTINGS) {
        this.sightings.set(key, {
          ...farm,
          expiresAt: this.now() + farm.ttl * 1000,
          networkKey: network.key,
          kind: networkKind(network.interfaceName, sender.address.replace(/%.*$/, '')),
        })
      }
    }
    if (seen.length > 0) for (const watcher of this.watchers) watcher()
  }
}

const rank = (kind: NetworkKind): number => NETWORK_KINDS.indexOf(kind)

function byNetwork(a: Sighting, b: Sighting): number {
  return rank(a.kind) - rank(b.kind)
}
