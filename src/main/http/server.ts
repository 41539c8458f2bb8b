/**
 * The HTTP server: one Fastify instance for all dialects. It applies access control, validates every request against
 * its route's schema, and sends errors in the dialect's format.
 */
import type { IncomingMessage } from 'node:http'
import fastifyWebsocket from '@fastify/websocket'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { installAuditHook } from './hooks/auditHook.ts'
import { installAuth, takeKeyFromPath } from './auth.ts'
import { installBodyParser } from './body.ts'
import { CLOSE_GRACE_MS, clientErrorHandler, HTTP_OPTIONS, SILENCE_TIMEOUT_MS } from './connections.ts'
import type { ServerContext } from './context.ts'
import type { Dialect } from './dialect.ts'
import { describeError, HttpError, nativeReply, type ErrorFacts, type ErrorForm } from './errors.ts'
import { registerGui } from './gui.ts'
import { collectRoutes } from './notFound.ts'
import { refuseUnknownQuery } from './hooks/unknownQuery.ts'
import { drainRefused } from './hooks/unread.ts'
import { installUpgrades } from './upgrades.ts'
import { compileValidator } from './validation/validation.ts'

export interface ServerOptions {
  /** A loopback caller without Origin, or with the server's own, is the owner. */
  trustLoopback: boolean
  /** The GUI's build (out/renderer); undefined: there is none. */
  guiFolder?: string
}

/** Most bytes of a body unless its route sets another limit. */
const BODY_LIMIT = 1_048_576
/** Most bytes of a WebSocket message: clients only subscribe there. */
const SOCKET_MESSAGE_LIMIT = 262_144

/** Builds the server; the caller listens and closes. @throws Error for a route that does not declare its access */
export async function buildServer(context: ServerContext, options: ServerOptions): Promise<FastifyInstance> {
  const { dialects } = context
  const reply = errorReplies(context, dialects)
  const rewrites = dialects.flatMap(({ rewrite }) => rewrite ?? [])
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    connectionTimeout: SILENCE_TIMEOUT_MS,
    // One timeout for idle time within and between requests: a second one would reset a timer twice per request.
    keepAliveTimeout: 0,
    rewriteUrl: (raw) => {
      let url = takeKeyFromPath(raw as IncomingMessage)
      for (const rewrite of rewrites) url = rewrite(url)
      return url
    },
    routerOptions: { maxParamLength: 500 },
    http: HTTP_OPTIONS,
    frameworkErrors: (error, request, response: FastifyReply) => {
      const { status, body, headers } = reply(error, request)
      void response.code(status).headers(headers).send(body)
    },
    clientErrorHandler,
  })
  app.setValidatorCompiler(compileValidator)
  // Replies come from our own row mappings, so schemas only document them; validating each reply would slow the hot
  // path.
  app.setSerializerCompiler(() => JSON.stringify)
  installBodyParser(app)
  app.setErrorHandler((error, request, response) => {
    const { status, body, headers } = reply(error, request)
    return response.code(status).headers(headers).send(body)
  })
  const unknown = collectRoutes(app)
  installAuth(app, { security: context.security, settings: context.settings, trustLoopback: options.trustLoopback })
  refuseUnknownQuery(app, '/api/v1/')
  drainRefused(app)
  installUpgrades(app)
  installAuditHook(app, context.security.audit, context.now)
  app.setNotFoundHandler((request) => {
    throw new HttpError(unknown(request.method, request.url))
  })
  endStreamsOnClose(app)

  const opened = dialects.map((dialect) => ({ dialect, parts: dialect.open(context) }))
  for (const { parts } of opened)
    for (const [kind, handOut] of Object.entries(parts.handOut ?? {})) context.farm.tasks.onHandOut(kind, handOut)
  for (const { parts } of opened)
    for (const [kind, handler] of Object.entries(parts.outboxHandlers ?? {})) context.notifier.handle(kind, handler)
  const natives = opened.flatMap(({ parts }) => parts.native ?? [])
  for (const { dialect, parts } of opened) await app.register(async (scope) => parts.register(tellErrors(scope, dialect, context), natives))
  await app.register(async (sockets) => {
    // Registered once for all dialects, because a second instance would answer each upgrade a second time. Only if
    // needed, because it hooks into every request.
    await sockets.register(fastifyWebsocket, { options: { maxPayload: SOCKET_MESSAGE_LIMIT } })
    for (const { dialect, parts } of opened) await sockets.register(async (scope) => parts.sockets?.(tellErrors(scope, dialect, context)))
  })
  const root = opened.find(({ parts }) => parts.root)?.parts.root
  await app.register(async (gui) => registerGui(gui, options.guiFolder, root))
  return app
}

/** Errors in this scope use the dialect's format, whatever the address. */
function tellErrors(scope: FastifyInstance, dialect: Dialect, context: ServerContext): FastifyInstance {
  scope.setErrorHandler((error, request, response) => {
    const facts = factsOf(request)
    const failure = describeError(error, facts, context.log, { method: request.method, url: request.url })
    const { status, body, headers } = dialect.error(error, facts, failure)
    return response.code(status).headers(headers).send(body)
  })
  return scope
}

/** Formats errors that occur before any route: in the dialect that owns the address, otherwise in the native format. */
function errorReplies(context: ServerContext, dialects: readonly Dialect[]) {
  return (error: unknown, request: FastifyRequest): ReturnType<ErrorForm> => {
    const facts = factsOf(request)
    const failure = describeError(error, facts, context.log, { method: request.method, url: request.url })
    const dialect = dialects.find(({ owns }) => owns(request.url))
    if (!dialect) return nativeReply(failure)
    const reply = dialect.error(error, facts, failure)
    return { ...reply, headers: { ...failure.headers, ...reply.headers } }
  }
}

function factsOf(request: FastifyRequest): ErrorFacts {
  const { host } = request.headers
  return {
    bodyLimit: request.routeOptions?.bodyLimit ?? BODY_LIMIT,
    ...(host !== undefined && { origin: `${request.protocol}://${host}` }),
  }
}

/** Requests that never end on their own must not delay shutdown. */
function endStreamsOnClose(app: FastifyInstance): void {
  app.addHook('preClose', (done) => {
    setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE_MS).unref()
    done()
  })
}
