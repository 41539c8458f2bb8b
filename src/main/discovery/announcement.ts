/**
 * What a farm announces of itself by DNS-SD, as records and back. A list of what is there: anyone on the network can announce anything,
 * so nothing of it is proof. Pure.
 */
import { inUrl } from '../../shared/lan/addresses.ts'

export const SERVICE_TYPE = '_framehouse._tcp.local'
/** By which browsers of all services find ours. */
export const SERVICE_LIST = '_services._dns-sd._udp.local'

export interface FarmAnnouncement {
  farmId: string
  name: string
  version: string
  /** The person who runs the manager, by the system's name. */
  owner: string
  /** Name of the manager's computer. */
  machine: string
  /** SHA-256 of the public key of the farm's authority, hex with colons; empty: it has none. */
  authority: string
  /** Ports; 0: there is no such listener. */
  tlsPort: number
  plainPort: number
}

/** A record as the mDNS library takes and gives it. */
export interface DnsRecord {
  type: 'PTR' | 'SRV' | 'TXT' | 'A' | 'AAAA'
  name: string
  ttl: number
  flush?: boolean
  data: unknown
}

/** What one sender announced of one farm. */
export interface SeenFarm extends FarmAnnouncement {
  /** The encrypted ones first. */
  urls: string[]
  /** Seconds for which it counts; 0: the farm says goodbye. */
  ttl: number
}

const HOST_TTL_S = 120
const LIST_TTL_S = 4500
const MAX_TEXT_BYTES = 200

/** The host name that only this farm's announcements use, so that they never disagree with those of the system itself. */
export function hostOf(farmId: string): string {
  return `framehouse-${farmId.slice(0, 8)}.local`
}

/** @param addresses of the interface that they are sent through @param ttlFactor 0 says goodbye */
export function recordsFor(farm: FarmAnnouncement, addresses: readonly string[], ttlFactor: 0 | 1 = 1): DnsRecord[] {
  const instance = `${farm.farmId}.${SERVICE_TYPE}`
  const target = hostOf(farm.farmId)
  const [hostTtl, listTtl] = [HOST_TTL_S * ttlFactor, LIST_TTL_S * ttlFactor]
  const texts: Record<string, string> = {
    id: farm.farmId,
    name: farm.name,
    v: farm.version,
    owner: farm.owner,
    host: farm.machine,
    ca: farm.authority.replaceAll(':', ''),
    tls: String(farm.tlsPort),
    http: String(farm.plainPort),
  }
  return [
    { type: 'PTR', name: SERVICE_TYPE, ttl: listTtl, data: instance },
    {
      type: 'SRV',
      name: instance,
      ttl: hostTtl,
      flush: true,
      data: { port: farm.tlsPort || farm.plainPort, target, priority: 0, weight: 0 },
    },
    {
      type: 'TXT',
      name: instance,
      ttl: hostTtl,
      flush: true,
      data: Object.entries(texts).map(([key, value]) => `${key}=${cut(value)}`),
    },
    ...addresses.map((address): DnsRecord => ({
      type: address.includes(':') ? 'AAAA' : 'A',
      name: target,
      ttl: hostTtl,
      flush: true,
      data: address,
    })),
  ]
}

/** Whether a question is answered with `recordsFor`. */
export function isAbout(farmId: string, question: { name: string }): boolean {
  const name = question.name.toLowerCase()
  return name === SERVICE_TYPE || name === SERVICE_LIST || name === `${farmId}.${SERVICE_TYPE}` || name === hostOf(farmId)
}

/** The farms in an answer. @param sender its address, which counts where the answer names no other */
export function farmsIn(
  records: readonly { type: string; name: string; ttl?: number | undefined; data?: unknown }[],
  sender: string,
): SeenFarm[] {
  const addresses = records.flatMap(({ type, name, data }) =>
    (type === 'A' || type === 'AAAA') && typeof data === 'string' && !/^fe[89ab]/i.test(data)
      ? [{ name: name.toLowerCase(), address: data }]
      : [],
  )
  return records.flatMap((record): SeenFarm[] => {
    if (record.type !== 'TXT' || !record.name.toLowerCase().endsWith(`.${SERVICE_TYPE}`)) return []
    const texts = textsOf(record.data)
    const farmId = texts.get('id') ?? ''
    const [tlsPort, plainPort] = [portOf(texts.get('tls')), portOf(texts.get('http'))]
    if (!/^[0-9a-f-]{8,64}$/i.test(farmId) || (tlsPort === 0 && plainPort === 0)) return []
    const named = addresses.filter(({ name }) => name === hostOf(farmId)).map(({ address }) => address)
    const hosts = named.length > 0 || /^fe[89ab]/i.test(sender) ? named : [sender]
    const urls = (scheme: string, port: number) => (port === 0 ? [] : hosts.map((host) => `${scheme}://${inUrl(host)}:${port}`))
    return [
      {
        farmId,
        name: texts.get('name') ?? '',
        version: texts.get('v') ?? '',
        owner: texts.get('owner') ?? '',
        machine: texts.get('host') ?? '',
        authority: fingerprintOf(texts.get('ca')),
        tlsPort,
        plainPort,
        urls: [...urls('https', tlsPort), ...urls('http', plainPort)],
        ttl: record.ttl ?? 0,
      },
    ]
  })
}

function textsOf(data: unknown): Map<string, string> {
  const found = new Map<string, string>()
  for (const one of Array.isArray(data) ? data : [data]) {
    if (!Buffer.isBuffer(one) && typeof one !== 'string') continue
    const text = one.toString()
    const at = text.indexOf('=')
    // Control characters would write into a terminal.
    if (at > 0) found.set(text.slice(0, at).toLowerCase(), text.slice(at + 1).replace(/[\p{Cc}\p{Cf}]/gu, ''))
  }
  return found
}

function portOf(text: string | undefined): number {
  const port = Number(text)
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : 0
}

function fingerprintOf(hex: string | undefined): string {
  return /^[0-9a-f]{64}$/i.test(hex ?? '') ? (hex ?? '').toUpperCase().replace(/..(?=.)/g, '$&:') : ''
}

/** At a character: half of one would be unreadable. */
function cut(text: string): string {
  let kept = ''
  for (const char of text) {
    if (Buffer.byteLength(kept + char) > MAX_TEXT_BYTES) break
    kept += char
  }
  return kept
}
