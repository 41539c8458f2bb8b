/**
 * The Fastlane dialect: `/tasks`, `/search`, `/status`, `/healthcheck`, `/docker-executor`. Operations, their states
 * and every deliberate difference are documented in docs/fastlane-api.md.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ApiContext } from '../../http/context.ts'
import { HttpError } from '../../http/errors.ts'
import type { Dialect } from '../../http/dialect.ts'
import { endHandlers } from './jobs/completion.ts'
import { fastlaneError } from './errors.ts'
import { sendHealth } from './health.ts'
import { FastlaneJobs } from './jobs/jobs.ts'
import { FastlaneSettings, WORDS } from './settings.ts'
import { MIGRATIONS } from './store/migrations.ts'
import { writeFastlaneRun, type FastlaneRun } from './store/rows.ts'
import { routesOn } from './paths.ts'
import { sendJson } from './support.ts'
import { executionRoutes } from './routes/executions.ts'
import { farmRoutes, healthRoutes } from './routes/farm.ts'
import { jobRoutes } from './routes/jobs.ts'
import { pageRoutes, socketRoutes } from './routes/streams.ts'
import { taskRoutes } from './routes/tasks.ts'

const ADDRESSES = /^\/(tasks|search|status|routes|healthcheck|docker-executor)(\/|\?|$)/

/** Registers all routes of the dialect on a scope of its own. The server provides access control and WebSockets. */
async function fastlaneApi(app: FastifyInstance, parts: { context: ApiContext; jobs: FastlaneJobs }): Promise<void> {
  readBodies(app)
  const listed: RouteFacts[] = []
  // Fastlane's clients send HTTP Basic; the password is a token.
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, basic: true }
    listed.push({ url: route.url, methods: [route.method].flat() })
  })
  const routes = routesOn(app)
  healthRoutes(app, parts)
  farmRoutes(routes, parts)
  taskRoutes(routes, parts)
  jobRoutes(routes, parts)
  executionRoutes(routes, parts)
  pageRoutes(routes)
  routes.get('/routes/', { operationId: 'routes' }, (_request, reply) => sendJson(reply, routeViews(listed)))
  await parts.jobs.recover()
}

interface RouteFacts {
  url: string
  methods: readonly string[]
}

/** Protocol 2.3: one line per address with its methods, sorted by address. */
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
 * Bodies are read as text and parsed by the routes, whose errors have texts of their own. Bodies without a JSON content
 * type are accepted from programs (`curl -d` sends a form type), never from browsers: there, an untyped body needs no
 * CORS permission.
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

/** One of manager.ts's dialects. */
export const fastlaneDialect: Dialect = {
  name: 'fastlane',
  owns: (url) => ADDRESSES.test(url),
  error: fastlaneError,
  settings: FastlaneSettings.properties,
  migrations: MIGRATIONS,
  // Only this dialect creates such rows.
  sideRows: { fastlane: (tx, place, values) => writeFastlaneRun(tx, place, values as FastlaneRun) },
  words: WORDS,
  open(context) {
    const jobs = new FastlaneJobs(context)
    return {
      register: (app) => fastlaneApi(app, { context, jobs }),
      sockets: (app) => socketRoutes(app, context),
      outboxHandlers: endHandlers(context, jobs),
      root: (_request, reply) => sendHealth(context, reply),
    }
  },
}
