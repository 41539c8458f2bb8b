/**
 * Query parameters that a route of the native API does not know are refused: a filter with a typing error would otherwise answer
 * everything. The other dialects keep the rules of their originals, which pass over them.
 */
import type { FastifyInstance, RouteOptions } from 'fastify'
import { InvalidInputError } from '../engine/errors.ts'
import { hooksOf } from './routeHooks.ts'

/** For every route below `prefix` that is registered on `app` from now on; after the door, so that strangers learn nothing. */
export function refuseUnknownQuery(app: FastifyInstance, prefix: string): void {
  app.addHook('onRoute', (route) => {
    if (!route.url.startsWith(prefix)) return
    const known = knownTo(route)
    route.onRequest = [...hooksOf(route.onRequest), (request, _reply, done) => done(unknownIn(request.query, known))]
  })
}

/** The names that a route's schema has, and the ticket where the door takes one. */
function knownTo({ schema, config }: RouteOptions): ReadonlySet<string> {
  const query: unknown = schema?.querystring
  const properties: unknown = typeof query === 'object' && query !== null && 'properties' in query ? query.properties : {}
  const names = new Set(Object.keys(Object(properties)))
  if (config?.ticket !== undefined) names.add('ticket')
  return names
}

/** The error for the first parameter that is not `known`; says what is. */
function unknownIn(query: unknown, known: ReadonlySet<string>): InvalidInputError | undefined {
  const name = Object.keys(Object(query)).find((each) => !known.has(each))
  if (name === undefined) return undefined
  const instead = known.size === 0 ? 'it takes none' : `it takes ${[...known].sort().join(', ')}`
  return new InvalidInputError(name, `query parameter ${name}: is not known here; ${instead}`)
}
