/**
 * Rejects query parameters that a route of the native API does not have: a filter with a typing error would otherwise
 * return everything. The other dialects follow their originals, which ignore them.
 */
import type { FastifyInstance, RouteOptions } from 'fastify'
import { InvalidInputError } from '../../engine/base/errors.ts'
import { hooksOf } from '../routeHooks.ts'

/**
 * Applies to every route below `prefix` that is registered on `app` from now on. Runs after access control, so that
 * strangers learn nothing.
 */
export function refuseUnknownQuery(app: FastifyInstance, prefix: string): void {
  app.addHook('onRoute', (route) => {
    if (!route.url.startsWith(prefix)) return
    const known = knownTo(route)
    route.onRequest = [...hooksOf(route.onRequest), (request, _reply, done) => done(unknownIn(request.query, known))]
  })
}

/** The parameter names in a route's schema, and the ticket where access control accepts one. */
function knownTo({ schema, config }: RouteOptions): ReadonlySet<string> {
  const query: unknown = schema?.querystring
  const properties: unknown = typeof query === 'object' && query !== null && 'properties' in query ? query.properties : {}
  const names = new Set(Object.keys(Object(properties)))
  if (config?.ticket !== undefined) names.add('ticket')
  return names
}

/** The error for the first parameter that is not in `known`; lists those that are. */
function unknownIn(query: unknown, known: ReadonlySet<string>): InvalidInputError | undefined {
  const name = Object.keys(Object(query)).find((each) => !known.has(each))
  if (name === undefined) return undefined
  const instead = known.size === 0 ? 'this operation has none' : `use ${[...known].sort().join(', ')}`
  return new InvalidInputError(name, `unknown query parameter ${name}; ${instead}`)
}
