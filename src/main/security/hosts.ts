/**
 * The host names under which this manager may be called. A page of a foreign site whose name resolves to this machine
 * ("DNS rebinding") sends that name in Host, so requests with an unknown name are rejected first.
 */
import { hostname, networkInterfaces } from 'node:os'

/** Own names are looked up again at most this often when an unknown name arrives: addresses change with Wi-Fi, VPN and sleep. */
const REFRESH_MS = 5_000
const MAX_REMEMBERED = 1_000

/** The name without port, in lower case, IPv6 without brackets. Undefined when the header is not a host. */
export function hostName(header: string): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:/?#@\\[\]]+))(?::\d{1,5})?$/.exec(header)
  return (match?.[1] ?? match?.[2])?.toLowerCase().replace(/\.$/, '')
}

/** Names that always mean this machine. `*.localhost` resolves to loopback by its standard. */
function isLocalName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name)
}

/** Addresses of this machine's network interfaces and its own names. */
export function ownNames(): Set<string> {
  const names = new Set<string>()
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address } of addresses ?? []) names.add(address.toLowerCase().replace(/%.*$/, ''))
  }
  const own = hostname().toLowerCase()
  names.add(own)
  if (!own.endsWith('.local')) names.add(`${own.split('.')[0]}.local`)
  return names
}

export class HostPolicy {
  private names: Set<string>
  private refreshedAt: number
  private readonly remembered = new Map<string, boolean>()

  /** @param extra further names: settings.allowedHosts @param lookUp this machine's own names */
  constructor(
    private readonly extra: () => readonly string[],
    private readonly now: () => number,
    private readonly lookUp: () => Set<string> = ownNames,
  ) {
    this.names = lookUp()
    this.refreshedAt = now()
  }

  /** Whether a request with this Host header is meant for this manager. Costs one look-up for headers seen before. */
  allows(header: string | undefined): boolean {
    if (header === undefined) return false
    const known = this.remembered.get(header)
    if (known === true) return true
    if (known === false && this.now() - this.refreshedAt < REFRESH_MS) return false
    const allowed = this.decide(header)
    if (this.remembered.size >= MAX_REMEMBERED) this.remembered.clear()
    this.remembered.set(header, allowed)
    return allowed
  }

  /** Call it when settings.allowedHosts changes. */
  forget(): void {
    this.remembered.clear()
  }

  private decide(header: string): boolean {
    const name = hostName(header)
    if (name === undefined) return false
    if (isLocalName(name)) return true
    if (this.extra().some((allowed) => allowed.toLowerCase() === name)) return true
    if (!this.names.has(name) && this.now() - this.refreshedAt >= REFRESH_MS) {
      this.names = this.lookUp()
      this.refreshedAt = this.now()
    }
    return this.names.has(name)
  }
}

/** Whether a browser's Origin header names the server in the request's Host header. `null` never does. */
export function isOwnOrigin(origin: string, host: string | undefined): boolean {
  if (host === undefined) return false
  const scheme = origin.startsWith('https://') ? 8 : origin.startsWith('http://') ? 7 : 0
  return scheme > 0 && origin.slice(scheme).toLowerCase() === host.toLowerCase()
}

/** Whether a socket's address is this machine's loopback. */
export function isLoopbackAddress(address: string | undefined): boolean {
  return address !== undefined && (address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.'))
}
