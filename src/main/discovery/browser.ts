/** Looks for farms on the machine's networks: what is announced there now, by any sender. */
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
  /** All addresses that were announced, by any sender; the encrypted ones first. */
  urls: string[]
}

interface Sighting extends SeenFarm {
  expiresAt: number
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
    const found = new Map<string, FoundFarm>()
    for (const [key, { farmId, name, version, owner, machine, authority, urls, expiresAt }] of this.sightings) {
      if (expiresAt <= this.now()) {
        this.sightings.delete(key)
        continue
      }
      const id = `${farmId} ${authority}`
      const farm = found.get(id) ?? { farmId, name, version, owner, machine, authority, urls: [] }
      farm.urls = [...new Set([...farm.urls, ...urls])].sort((a, b) => Number(b.startsWith('https')) - Number(a.startsWith('https')))
      found.set(id, farm)
    }
    return [...found.values()].sort((a, b) => a.name.localeCompare(b.name) || a.farmId.localeCompare(b.farmId))
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

  private received({ records, sender }: MdnsPacket): void {
    const seen = farmsIn(records, sender.address.replace(/%.*$/, ''))
    for (const farm of seen) {
      const key = `${farm.farmId} ${farm.authority} ${sender.address}`
      if (farm.ttl === 0) this.sightings.delete(key)
      else if (this.sightings.has(key) || this.sightings.size < MAX_SIGHTINGS) {
        this.sightings.set(key, { ...farm, expiresAt: this.now() + farm.ttl * 1000 })
      }
    }
    if (seen.length > 0) for (const watcher of this.watchers) watcher()
  }
}
