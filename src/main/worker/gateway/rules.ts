/** What the gateway passes on between a container and the manager. Pure. */
import type { IncomingHttpHeaders } from 'node:http'

/** Of one connection only, or set anew for the next one. */
const NOT_PASSED_ON = new Set([
  'host',
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'cookie',
  'forwarded',
  'x-real-ip',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
])

/** Whether a path belongs to the actors API; doubled slashes are as good as one there. */
export function isForwarded(url: string): boolean {
  return /^\/+actors(?:[/?]|$)/.test(url) && !/(?:^|\/)(?:\.|%2e){1,2}(?:[/?]|$)/i.test(url)
}

/**
 * The headers of a container's call as the manager gets them. The execution's token is added where the caller brings no credential.
 * @param peer the container's address: a forwarded call is not one of the manager's own machine
 */
export function forwardedHeaders(
  headers: IncomingHttpHeaders,
  { url, token, peer }: { url: string; token: string | null; peer: string },
): Record<string, string | string[]> {
  const passed: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(headers)) {
    // An assertion of a gateway is believed because of who sends it; clients make one up when they have no token.
    if (value === undefined || NOT_PASSED_ON.has(name) || name === 'assertion' || name.startsWith('x-jwt-assertion')) continue
    passed[name] = value
  }
  passed['x-forwarded-for'] = peer.replace(/^::ffff:/, '')
  const hasNonce = /[?&]x-nonce=/.test(url)
  if (passed['authorization'] === undefined && token !== null && !hasNonce) passed['authorization'] = `Bearer ${token}`
  return passed
}

/** The headers of the manager's reply as the container gets them. */
export function replyHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined || NOT_PASSED_ON.has(name) ? [] : [[name, value]])),
  )
}
