/** How the tests of rights ask a route. */
import type { LiveManager } from '../../support/liveManager.ts'

export interface Credentials {
  prefix?: string
  headers?: Record<string, string>
  query?: string
}

/** Instead of a status: it was let in and is being worked on (the door refuses at once). */
export const NO_ANSWER = 102

export interface Asked {
  path: string
  method: string
  body?: unknown
}

export async function ask(
  farm: LiveManager,
  { method, path, body }: Asked,
  { prefix = '', headers = {}, query }: Credentials,
): Promise<number> {
  const address = `${farm.url}${prefix}${path}${query === undefined ? '' : `${path.includes('?') ? '&' : '?'}${query}`}`
  const hasBody = method !== 'GET' && method !== 'HEAD' && method !== 'DELETE' ? true : body !== undefined
  const stop = new AbortController()
  const patience = setTimeout(() => stop.abort(), 10_000)
  try {
    const response = await fetch(address, {
      method,
      redirect: 'manual',
      headers: { ...(hasBody && { 'content-type': 'application/json' }), ...headers },
      ...(hasBody && { body: JSON.stringify(body ?? {}) }),
      signal: stop.signal,
    })
    void response.body?.cancel()
    return response.status
  } catch {
    return NO_ANSWER
  } finally {
    clearTimeout(patience)
  }
}

/** The row of a route: spellings of one address have one. */
export function ruleName({ method, url }: { method: string; url: string }): string {
  const path = url.startsWith('/app/assets/') ? '/app/assets/*' : url.replace(/(?<=.)\/$/, '').replace('/job/:job', '/jobs/:job')
  return `${method === 'HEAD' ? 'GET' : method} ${path}`
}

/** An address of the route, with ids that nothing has. */
export const nowhere = (url: string): string =>
  url
    .replace(/:attempt\b|:number\b|:frame\b/g, '1')
    .replace(/:(checksum)\b/g, 'a'.repeat(64))
    .replace(/:(filesize|size)\b/g, '1')
    .replace(/:(day|days)\b/g, '1')
    .replace(/:[A-Za-z_]*[iI]d\b/g, '99999999-0000-4000-8000-000000000000')
    .replace(/:[A-Za-z_]+/g, '99999999-0000-4000-8000-000000000000')
    .replace(/\*$/, 'x')
