/**
 * The addresses at which other machines may reach this one, the likeliest first. Pure: takes what the system's list of network
 * interfaces says (Node's os.networkInterfaces()).
 */

export interface InterfaceAddress {
  address: string
  family: string
  internal: boolean
}
export type Interfaces = Readonly<Record<string, readonly InterfaceAddress[] | undefined>>

/** `selfAssigned`: an address that a machine gives itself when no router does. */
export const NETWORK_KINDS = ['lan', 'vpn', 'containers', 'selfAssigned'] as const
export type NetworkKind = (typeof NETWORK_KINDS)[number]

export interface ReachableAddress {
  address: string
  family: 4 | 6
  interfaceName: string
  kind: NetworkKind
}

/** Bridges to containers and virtual machines of this machine: no other machine is behind them. */
const CONTAINERS =
  /^(docker\d|br-[0-9a-f]{6,}|veth|virbr|vmnet|vboxnet|cni|cali|flannel|podman|lxc|lxdbr|incusbr|bridge1\d\d|vEthernet|VirtualBox|VMware)/i
const VPN = /^(tun|tap|wg|utun|ppp|ipsec|tailscale|zt|nordlynx|zerotier|wireguard|openvpn)/i

/**
 * Without loopback, and without IPv6 link-local addresses: they count only together with a zone, which no URL can hold.
 * Networks of the studio come first, then VPNs, then bridges to containers; IPv4 before IPv6.
 */
export function reachableAddresses(interfaces: Interfaces): ReachableAddress[] {
  const found: ReachableAddress[] = []
  for (const [interfaceName, addresses] of Object.entries(interfaces)) {
    for (const { address, family, internal } of addresses ?? []) {
      const isIpv6 = family === 'IPv6'
      const plain = address.replace(/%.*$/, '').toLowerCase()
      if (internal || (isIpv6 && /^fe[89ab]/.test(plain))) continue
      found.push({ address: plain, family: isIpv6 ? 6 : 4, interfaceName, kind: networkKind(interfaceName, plain) })
    }
  }
  return found.sort(
    (a, b) =>
      NETWORK_KINDS.indexOf(a.kind) - NETWORK_KINDS.indexOf(b.kind) ||
      a.family - b.family ||
      (a.address < b.address ? -1 : Number(a.address > b.address)),
  )
}

/** @param address without a zone */
export function networkKind(interfaceName: string, address: string): NetworkKind {
  if (CONTAINERS.test(interfaceName)) return 'containers'
  if (VPN.test(interfaceName) || isSharedRange(address)) return 'vpn'
  return address.startsWith('169.254.') ? 'selfAssigned' : 'lan'
}

/** 100.64.0.0/10: providers' and overlay VPNs' own. */
function isSharedRange(address: string): boolean {
  const match = /^100\.(\d+)\./.exec(address)
  return match !== null && Number(match[1]) >= 64 && Number(match[1]) < 128
}

/** An address as a URL holds it. */
export function inUrl(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}

/** URLs of a listener, the likeliest to work from another machine first; only loopback's where it listens on no other. */
export function listenerUrls(listener: { address: string; port: number; tls: boolean }, interfaces: Interfaces): string[] {
  const url = (address: string) => `${listener.tls ? 'https' : 'http'}://${inUrl(address)}:${listener.port}`
  if (listener.address !== '*' && listener.address !== '0.0.0.0' && listener.address !== '::') return [url(listener.address)]
  const all = reachableAddresses(interfaces).filter(({ family }) => listener.address !== '0.0.0.0' || family === 4)
  return all.length > 0 ? all.map(({ address }) => url(address)) : [url('127.0.0.1')]
}
