/** The SSDP messages by which a Flamenco Worker looks for its Manager. Pure. */

export const SSDP_ADDRESS = '239.255.255.250'
export const SSDP_PORT = 1900
export const MANAGER_TYPE = 'urn:flamenco:manager:0'
/** The same for every Manager. */
export const MANAGER_UUID = 'aa80bc5f-d0af-46b8-8630-23bd7e80ec4d'
const USN = `uuid:${MANAGER_UUID}::${MANAGER_TYPE}`
const MAX_AGE_S = 3600

/** Whether a datagram is a search that a Manager answers. */
export function isSearchForManager(datagram: string): boolean {
  const [first = '', ...lines] = datagram.split(/\r?\n/)
  if (!/^M-SEARCH \* HTTP\/1\.[01]$/i.test(first.trim())) return false
  const headers = headersOf(lines)
  const target = headers.get('st') ?? ''
  if (!headers.get('man') || !headers.get('mx') || target === '') return false
  return target === 'ssdp:all' || target === MANAGER_TYPE || target === `uuid:${MANAGER_UUID}`
}

/** @param url of the listener for plain HTTP @param now milliseconds since the epoch */
export function searchReply(url: string, server: string, now: number): string {
  return message('HTTP/1.1 200 OK', {
    ST: MANAGER_TYPE,
    USN,
    LOCATION: locationOf(url),
    'CACHE-CONTROL': `max-age=${MAX_AGE_S}`,
    DATE: new Date(now).toUTCString(),
    SERVER: server,
    EXT: '',
  })
}

export function aliveNotice(url: string, server: string): string {
  return message('NOTIFY * HTTP/1.1', {
    HOST: `${SSDP_ADDRESS}:${SSDP_PORT}`,
    NT: MANAGER_TYPE,
    NTS: 'ssdp:alive',
    USN,
    LOCATION: locationOf(url),
    'CACHE-CONTROL': `max-age=${MAX_AGE_S}`,
    SERVER: server,
  })
}

export function searchRequest(): string {
  const headers = { HOST: `${SSDP_ADDRESS}:${SSDP_PORT}`, ST: MANAGER_TYPE, MAN: '"ssdp:discover"', MX: '3' }
  return message('M-SEARCH * HTTP/1.1', headers)
}

/** The address of a Manager in the reply to a search, with the path `/`; undefined: it is none. */
export function managerIn(datagram: string): string | undefined {
  const [first = '', ...lines] = datagram.split(/\r?\n/)
  if (!/^HTTP\/1\.[01] 200\b/.test(first)) return undefined
  const headers = headersOf(lines)
  if (/^uuid:([^:]*)/.exec(headers.get('usn') ?? '')?.[1] !== MANAGER_UUID) return undefined
  try {
    const url = new URL(headers.get('location') ?? '')
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.origin : undefined
  } catch {
    return undefined
  }
}

function locationOf(url: string): string {
  return new URL('/upnp/description.xml', url).href
}

function message(first: string, headers: Record<string, string>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return `${[first, ...lines].join('\r\n')}\r\n\r\n`
}

function headersOf(lines: readonly string[]): Map<string, string> {
  return new Map(
    lines.flatMap((line): [string, string][] => {
      const at = line.indexOf(':')
      return at > 0 ? [[line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim()]] : []
    }),
  )
}
