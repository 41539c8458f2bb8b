/**
 * The names that the farm's authority may vouch for. They are written into its certificate as critical name constraints, so that a
 * stolen key, or an authority that a person installed in a browser, is worth nothing for any other name. Pure.
 */
import { isIP } from 'node:net'

/** Loopback, private and link-local networks, and the shared range that VPNs use. */
const PERMITTED_RANGES = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '100.64.0.0/10',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
] as const

/** Every name under a permitted one is permitted, too. */
const PERMITTED_ALWAYS = ['localhost', 'local'] as const

/** Workers' gateways for containers have names below it, and nothing else has. Every farm's authority may vouch for them. */
export const GATEWAY_DOMAIN = 'framehouse.local'

export const isGatewayDomain = (domain: string): boolean => isHostName(domain) && domain.endsWith(`.${GATEWAY_DOMAIN}`)

export interface NameConstraint {
  dns: readonly string[]
  ranges: readonly string[]
}

/** @param hostNames of this machine, and further ones that the owner named */
export function constraintFor(hostNames: Iterable<string>): NameConstraint {
  const named = [...hostNames].map((name) => name.toLowerCase()).filter((name) => isHostName(name) && !isUnder(name, PERMITTED_ALWAYS))
  return { dns: [...new Set([...PERMITTED_ALWAYS, ...named])], ranges: PERMITTED_RANGES }
}

/** The names and addresses for a server's certificate: those that the constraint permits, loopback first, each once. */
export function certifiableNames(names: Iterable<string>, { dns, ranges }: NameConstraint): string[] {
  const wanted = new Set(['localhost', '127.0.0.1', '::1', ...[...names].map((name) => name.toLowerCase())])
  return [...wanted].filter((name) =>
    isIP(name) ? ranges.some((range) => isInRange(name, range)) : isHostName(name) && isUnder(name, dns),
  )
}

function isHostName(name: string): boolean {
  return /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/.test(name) && isIP(name) === 0 && name.length <= 253
}

function isUnder(name: string, permitted: readonly string[]): boolean {
  return permitted.some((parent) => name === parent || name.endsWith(`.${parent}`))
}

/** Whether an address lies in a network, `10.0.0.0/8`. */
export function isInRange(address: string, range: string): boolean {
  const [network = '', length = ''] = range.split('/')
  const [mine, theirs] = [bitsOf(address), bitsOf(network)]
  return mine !== undefined && mine.length === theirs?.length && mine.startsWith(theirs.slice(0, Number(length)))
}

/** 32 or 128 binary digits; undefined for what is no address. */
function bitsOf(address: string): string | undefined {
  const family = isIP(address)
  if (family === 4) {
    return address
      .split('.')
      .map((part) => Number(part).toString(2).padStart(8, '0'))
      .join('')
  }
  if (family !== 6 || address.includes('.')) return undefined
  const [head = '', tail] = address.split('::')
  const groups = (text: string | undefined) => (text === undefined || text === '' ? [] : text.split(':'))
  const [before, after] = [groups(head), groups(tail)]
  const zeros = new Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('')
}
