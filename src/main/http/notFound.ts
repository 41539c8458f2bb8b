/** 404 for what does not exist, 405 with Allow for what exists under other methods; in the dialect's format. */
import type { FastifyInstance } from 'fastify'
import type { Failure } from './errors.ts'

interface Known {
  pattern: RegExp
  methods: Set<string>
}

/** Remembers the routes of `app`; the returned function describes an unmatched request. */
export function collectRoutes(app: FastifyInstance): (method: string, url: string) => Failure {
  const known = new Map<string, Known>()
  app.addHook('onRoute', (route) => {
    const entry = known.get(route.url) ?? { pattern: patternOf(route.url), methods: new Set<string>() }
    for (const method of [route.method].flat()) entry.methods.add(method)
    known.set(route.url, entry)
  })
  return (method, url) => {
    const path = url.split('?', 1)[0] ?? url
    const methods = new Set<string>()
    for (const entry of known.values()) {
      // A catch-all (static files) does not show what exists.
      if (!entry.pattern.source.endsWith('.*$') && entry.pattern.test(path)) for (const each of entry.methods) methods.add(each)
    }
    if (methods.size === 0 || methods.has(method)) return { status: 404, code: 'not-found', message: `${path} not found` }
    const allow = [...methods].sort().join(', ')
    return { status: 405, code: 'method-not-allowed', message: `${method} is not supported here; use ${allow}`, headers: { allow } }
  }
}

/** Fastify's route pattern as a regular expression. */
function patternOf(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part === '*') return '.*'
    return part
      .split(/(:[A-Za-z0-9_]+(?:\([^)]*\))?)/)
      .map((piece) => (piece.startsWith(':') ? '[^/]+' : piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
      .join('')
  })
  return new RegExp(`^${parts.join('/')}$`)
}
