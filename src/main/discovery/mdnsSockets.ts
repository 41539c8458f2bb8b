/** Multicast DNS on all networks of this machine, as they come and go: one instance of the library for each interface and family. */
import { networkInterfaces } from 'node:os'
import makeMdns from 'multicast-dns'
import type { Logger } from '../../shared/logger.ts'
import type { DnsRecord } from './announcement.ts'
import { isFrom, networksOf, type Network } from './networks.ts'

export interface MdnsPacket {
  questions: readonly { name: string; type: string }[]
  records: readonly { type: string; name: string; ttl?: number | undefined; data?: unknown }[]
  network: Network
  sender: { address: string; port: number }
}

interface Instance {
  network: Network
  mdns: makeMdns.MulticastDNS
}

const REFRESH_MS = 5_000
const MDNS_PORT = 5353

export class MdnsSockets {
  private readonly instances = new Map<string, Instance>()
  /** Networks on which it failed, so that it is logged once. */
  private readonly failed = new Set<string>()
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly log: Logger,
    private readonly onPacket: (packet: MdnsPacket) => void,
    /** Called for each network that is new. */
    private readonly onNetwork: (network: Network) => void,
  ) {}

  start(): void {
    if (this.timer) return
    this.timer = setInterval(() => this.refresh(), REFRESH_MS).unref()
    this.refresh()
  }

  networks(): Network[] {
    return [...this.instances.values()].map(({ network }) => network)
  }

  ask(name: string): void {
    for (const { mdns } of this.instances.values()) mdns.query([{ name, type: 'PTR' }])
  }

  /** @param to the asker's address and port where it asked from another port than 5353: it listens only there */
  answer(network: Network, records: readonly DnsRecord[], to?: { address: string; port: number }): void {
    const instance = this.instances.get(network.key)
    if (!instance) return
    // The library's records have the same shape, as one type for each kind of data.
    const answers = records as Parameters<makeMdns.MulticastDNS['respond']>[0]
    if (to && to.port !== MDNS_PORT) instance.mdns.respond(answers, to)
    else instance.mdns.respond(answers)
  }

  async stop(): Promise<void> {
    clearInterval(this.timer)
    this.timer = undefined
    await Promise.all([...this.instances.values()].map(({ mdns }) => new Promise<void>((resolve) => mdns.destroy(resolve))))
    this.instances.clear()
  }

  private refresh(): void {
    const current = new Map(networksOf(networkInterfaces()).map((network) => [network.key, network]))
    for (const [key, { mdns }] of this.instances) {
      if (current.has(key)) continue
      mdns.destroy()
      this.instances.delete(key)
    }
    for (const [key, network] of current) if (!this.instances.has(key)) this.open(network)
  }

  private open(network: Network): void {
    const [address = ''] = network.addresses
    const options =
      network.family === 4
        ? { type: 'udp4' as const, interface: address, bind: '0.0.0.0' }
        : { type: 'udp6' as const, ip: 'ff02::fb', interface: `::%${network.interfaceName}`, bind: '::' }
    const mdns = makeMdns({ ...options, reuseAddr: true })
    this.instances.set(network.key, { network, mdns })
    const problem = (error: Error): void => {
      if (!this.failed.has(network.key))
        this.log.warn({ err: error, network: network.interfaceName }, 'multicast DNS does not work on a network')
      this.failed.add(network.key)
    }
    mdns.on('error', (error: Error) => {
      problem(error)
      mdns.destroy()
      // Tried again at the next refresh: another program may have had the port.
      if (this.instances.get(network.key)?.mdns === mdns) this.instances.delete(network.key)
    })
    // Broken packets of others are theirs; a network that goes away is noticed at the next refresh.
    mdns.on('warning', () => undefined)
    mdns.on('query', (packet, sender) => this.received(network, sender, packet.questions, []))
    mdns.on('response', (packet, sender) => this.received(network, sender, [], [...packet.answers, ...packet.additionals]))
    mdns.on('ready', () => this.onNetwork(network))
  }

  private received(
    network: Network,
    sender: { address: string; port: number },
    questions: MdnsPacket['questions'],
    records: MdnsPacket['records'],
  ): void {
    if (isFrom(network, sender.address)) this.onPacket({ questions, records, network, sender })
  }
}
