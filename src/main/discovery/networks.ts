/** The networks of this machine that multicast goes to: one entry for each interface and address family. Pure. */
import { isIP } from 'node:net'

export interface SystemAddress {
  address: string
  netmask: string
  family: string
  internal: boolean
}

export interface Network {
  /** Unique; changes when the interface gets another address. */
  key: string
  interfaceName: string
  family: 4 | 6
  /** Of the interface in this family; IPv6 without link-local ones. */
  addresses: string[]
  /** For IPv4: whether a sender is on this network. */
  netmask: string
}

/** @param interfaces what os.networkInterfaces() returns */
export function networksOf(interfaces: Readonly<Record<string, readonly SystemAddress[] | undefined>>): Network[] {
  const networks: Network[] = []
  for (const [interfaceName, all] of Object.entries(interfaces)) {
    const outside = (all ?? []).filter(({ internal }) => !internal)
    for (const { address, netmask } of outside.filter(({ family }) => family === 'IPv4')) {
      networks.push({ key: `4 ${interfaceName} ${address}`, interfaceName, family: 4, addresses: [address], netmask })
    }
    const ipv6 = outside.filter(({ family }) => family === 'IPv6').map(({ address }) => address.replace(/%.*$/, ''))
    const addresses = ipv6.filter((address) => !/^fe[89ab]/i.test(address))
    if (ipv6.length > 0) networks.push({ key: `6 ${interfaceName} ${ipv6.join(' ')}`, interfaceName, family: 6, addresses, netmask: '' })
  }
  return networks
}

/**
 * Whether a packet belongs to this network. Linux hands a multicast packet to every socket of the port, whichever interface it came
 * in by; each is answered through its own only.
 */
export function isFrom({ family, interfaceName, addresses, netmask }: Network, sender: string): boolean {
  const [plain = '', zone] = sender.split('%')
  if (family === 6) return isIP(plain) === 6 && (zone === undefined || zone === interfaceName)
  const [own] = addresses
  return isIP(plain) === 4 && own !== undefined && (bits(plain) & bits(netmask)) === (bits(own) & bits(netmask))
}

function bits(address: string): number {
  return address.split('.').reduce((sum, part) => (sum << 8) | Number(part), 0)
}
