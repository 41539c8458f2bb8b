/**
 * Where webhooks may go. Any submitter may set an address, and the manager calls it: so the manager's own loopback,
 * where callers are trusted, and link-local addresses, where clouds keep their credentials, are blocked unless a
 * setting allows them. Private addresses of the LAN are allowed: the studio's own services are there.
 */
import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { BlockList, isIP } from 'node:net'
import { FarmError } from '../engine/base/errors.ts'

/** The address may not be called. */
export class ForbiddenAddressError extends FarmError {
  readonly code = 'forbidden-address'
  constructor(host: string, address: string) {
    const where = host === address ? address : `${host} (${address})`
    super(`webhooks may not reach ${where}: it is this machine itself or a link-local address; the setting webhooksToLocal allows it`)
  }
}

const FORBIDDEN_V4 = [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['255.255.255.255', 32],
] as const
const FORBIDDEN_V6 = [
  ['::', 128],
  ['::1', 128],
  ['fe80::', 10],
  ['ff00::', 8],
] as const

/** Spellings of an IPv4 address as IPv6: mapped, compatible, translated (NAT64). */
const EMBEDDING = ['::ffff:', '::', '64:ff9b::']

const forbidden = makeBlockList()

function makeBlockList(): BlockList {
  const list = new BlockList()
  for (const [net, prefix] of FORBIDDEN_V4) {
    list.addSubnet(net, prefix, 'ipv4')
    for (const head of EMBEDDING) list.addSubnet(`${head}${net}`, 96 + prefix, 'ipv6')
  }
  for (const [net, prefix] of FORBIDDEN_V6) list.addSubnet(net, prefix, 'ipv6')
  return list
}

/** Whether an IP address (not a name) is one that webhooks may not reach. */
export function isForbiddenAddress(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
  const family = isIP(bare)
  if (family === 0) return false
  return forbidden.check(bare, family === 4 ? 'ipv4' : 'ipv6')
}

/** @throws ForbiddenAddressError for a URL whose host is such an address; a name is checked when it has been looked up */
export function assertAllowedHost(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isForbiddenAddress(host)) throw new ForbiddenAddressError(host, host)
}

type LookupDone = (error: Error | null, address: string | LookupAddress[], family?: number) => void
export type Lookup = (hostname: string, options: LookupOptions, done: LookupDone) => void

/**
 * A look-up for sockets that refuses names which stand for such an address. The very address that was checked is the one
 * that is connected to, so a name that changes its mind in between gains nothing.
 */
export function guardedLookup(resolve: typeof dnsLookup = dnsLookup): Lookup {
  return (hostname, options, done) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error) return done(error, [])
      const bad = found.find(({ address }) => isForbiddenAddress(address))
      if (bad) return done(new ForbiddenAddressError(hostname, bad.address), [])
      const [first] = found
      if (options.all === true || !first) done(null, found)
      else done(null, first.address, first.family)
    })
  }
}
