/**
 * The Fastlane dialect: `/tasks`, `/search`, `/status`, `/healthcheck`, `/docker-executor`. Operations, their states and
 * every deliberate difference stand in docs/fastlane-api.md.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ApiContext } from '../context.ts'
import { HttpError } from '../errors.ts'
import type { Dialect } from '../server.ts'
import { registerEnds } from './ends.ts'
import { fastlaneError } from './errors.ts'
import { sendHealth } from './health.ts'
import { FastlaneJobs } from './jobs.ts'
import { routesOn } from './paths.ts'
import { sendJson } from './support.ts'
import { executionRoutes } from './routes/executions.ts'
import { farmRoutes, healthRoutes } from './routes/farm.ts'
import { jobRoutes } from './routes/jobs.ts'
import { pageRoutes, socketRoutes } from './routes/streams.ts'
import { taskRoutes } from './routes/tasks.ts'

const ADDRESSES = /^\/(tasks|search|status|routes|healthcheck|docker-executor)(\/|\?|$)/

/** Registers all routes of the dialect on a scope of its own. The server brings the door and WebSockets. */
export async function fastlaneApi(app: FastifyInstance, context: ApiContext): Promise<void> {
  tellErrors(app, context)
  readBodies(app)
  const listed: RouteFacts[] = []
  // Fastlane's clients send HTTP Basic; the password is a token.
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, basic: true }
    listed.push({ url: route.url, methods: [route.method].flat() })
  })
  const jobs = new FastlaneJobs(context)
  registerEnds(context, jobs)
  const parts = { context, jobs }
  const routes = routesOn(app)
  healthRoutes(app, parts)
  farmRoutes(routes, parts)
  taskRoutes(routes, parts)
  jobRoutes(routes, parts)
  executionRoutes(routes, parts)
  pageRoutes(routes)
  routes.get('/routes/', { operationId: 'routes' }, (_request, reply) => sendJson(reply, routeViews(listed)))
  await jobs.mend()
}

interface RouteFacts {
  url: string
  methods: readonly string[]
}

/** Protocol 2.3: an address a line with its methods, by address. */
function routeViews(routes: readonly RouteFacts[]): { endpoint: string; methods: string }[] {
  const found = new Map<string, Set<string>>()
  for (const { url, methods } of routes) {
    const known = found.get(url) ?? new Set()
    found.set(url, known)
    for (const method of methods) known.add(method)
  }
  return [...found]
    .map(([url, methods]) => ({ endpoint: url.replace(/:(\w+)/g, '<$1>'), methods: [...methods].toSorted().join(', ') }))
    .toSorted((a, b) => (a.endpoint < b.endpoint ? -1 : 1))
}

/**
 * Bodies are read as text and parsed by the routes, whose refusals are texts of their own. What is not labelled as JSON is
 * taken from programs (`curl -d` labels it as a form), never from browsers: there, an untyped body needs no permission of ours.
 */
function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.addContentTypeParser('*', { parseAs: 'string' }, (request: FastifyRequest, body, done) => {
    const { headers } = request
    const fromBrowser = headers.origin !== undefined || headers['sec-fetch-site'] !== undefined
    if (!fromBrowser) return done(null, body)
    done(new HttpError({ status: 415, code: 'unsupported-media-type', message: 'from a browser, bodies must be application/json' }))
  })
}

function tellErrors(app: FastifyInstance, context: ApiContext): void {
  app.setErrorHandler((error, request, reply) => {
    const { status, body, headers } = fastlaneError(error, { bodyLimit: request.routeOptions.bodyLimit })
    if (status === 500) context.log.error({ err: error, method: request.method, url: request.url }, 'unexpected error in a request')
    return reply.code(status).headers(headers).send(body)
  })
}

/** For ServerOptions.dialects. */
export const fastlaneDialect: Dialect = {
  owns: (url) => ADDRESSES.test(url),
  register: fastlaneApi,
  sockets(app, context) {
    tellErrors(app, context)
    socketRoutes(app, context)
  },
  error: fastlaneError,
  root: (_request, reply, context) => sendHealth(context, reply),
}
