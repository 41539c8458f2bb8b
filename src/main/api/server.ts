/**
 * The HTTP server: one Fastify instance for all dialects. It guards the door, checks every request against its route's
 * schema, and tells errors in the dialect's form.
 */
import type { IncomingMessage } from 'node:http'
import fastifyWebsocket from '@fastify/websocket'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { installAuditHook } from './auditHook.ts'
import { installDoor, takeKeyFromPath } from './auth.ts'
import { installBodyParser } from './body.ts'
import { CLOSE_GRACE_MS, clientErrorHandler, HTTP_OPTIONS, SILENCE_TIMEOUT_MS } from './connections.ts'
import type { ServerContext } from './context.ts'
import { describeError, HttpError, nativeReply, type ErrorFacts, type ErrorForm } from './errors.ts'
import { registerOpenApi } from './explorer.ts'
import { registerGui } from './gui.ts'
import { eventRoutes } from './native/events.ts'
import { nativeApi } from './native/index.ts'
import { collectRoutes } from './notFound.ts'
import { refuseUnknownQuery } from './unknownQuery.ts'
import { drainRefused } from './unread.ts'
import { installUpgrades } from './upgrades.ts'
import { compileValidator } from './validation.ts'

/** An API family: its routes under full paths, and how it tells errors. */
export interface Dialect {
  /** Whether errors at this address (path with query) are told in its form. */
  owns(url: string): boolean
  register(app: FastifyInstance, context: ServerContext): void | Promise<void>
  /** Its WebSockets, routes that say { websocket: true }. */
  sockets?(app: FastifyInstance, context: ServerContext): void
  error: ErrorForm
  /** What `/` answers to those who are no browser. */
  root?(request: FastifyRequest, reply: FastifyReply, context: ServerContext): unknown
}

export interface ServerOptions {
  /** A loopback caller without Origin, or with our own, is the owner. */
  trustLoopback: boolean
  /** The GUI's build (out/renderer); undefined: there is none. */
  guiFolder?: string
  /** Dialects besides the native one. */
  dialects?: readonly Dialect[]
}

/** Bytes that a body may have unless its route says otherwise. */
const BODY_LIMIT = 1_048_576
/** Bytes that a message to a WebSocket may have: clients only subscribe there. */
const SOCKET_MESSAGE_LIMIT = 262_144

/** Builds the server; the caller listens and closes. @throws Error for a route that does not declare its access */
export async function buildServer(context: ServerContext, options: ServerOptions): Promise<FastifyInstance> {
  const dialects = options.dialects ?? []
  const reply = errorReplies(context, dialects)
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    connectionTimeout: SILENCE_TIMEOUT_MS,
    // One limit for silence within and between requests: a second one would move a timer twice with each request.
    keepAliveTimeout: 0,
    rewriteUrl: (raw) => takeKeyFromPath(raw as IncomingMessage),
    routerOptions: { maxParamLength: 500 },
    http: HTTP_OPTIONS,
    frameworkErrors: (error, request, response: FastifyReply) => {
      const { status, body, headers } = reply(error, request)
      void response.code(status).headers(headers).send(body)
    },
    clientErrorHandler,
  })
  app.setValidatorCompiler(compileValidator)
  // Replies are made by our own row mappings, so schemas document them; checking each on the way out would cost the hot path.
  app.setSerializerCompiler(() => JSON.stringify)
  installBodyParser(app)
  app.setErrorHandler((error, request, response) => {
    const { status, body, headers } = reply(error, request)
    return response.code(status).headers(headers).send(body)
  })
  const unknown = collectRoutes(app)
  installDoor(app, { security: context.security, settings: context.settings, trustLoopback: options.trustLoopback })
  refuseUnknownQuery(app, '/api/v1/')
  drainRefused(app)
  installUpgrades(app)
  installAuditHook(app, context.security.audit, context.now)
  app.setNotFoundHandler((request) => {
    throw new HttpError(unknown(request.method, request.url))
  })
  endStreamsOnClose(app)

  await app.register(async (native) => {
    await registerOpenApi(native, context.version)
    await native.register(async (scope) => nativeApi(scope, context), { prefix: '/api/v1' })
  })
  for (const dialect of dialects) await app.register(async (scope) => dialect.register(scope, context))
  await app.register(async (sockets) => {
    // Once, for all dialects: a second instance would answer each upgrade a second time. Only here, since it hooks into every request.
    await sockets.register(fastifyWebsocket, { options: { maxPayload: SOCKET_MESSAGE_LIMIT } })
    await sockets.register(async (scope) => eventRoutes(scope, context), { prefix: '/api/v1' })
    for (const dialect of dialects) await sockets.register(async (scope) => dialect.sockets?.(scope, context))
  })
  const root = dialects.find((dialect) => dialect.root)?.root
  await app.register(async (gui) => registerGui(gui, options.guiFolder, root && ((request, response) => root(request, response, context))))
  return app
}

/** Errors in the form of the dialect whose address was called; the native form elsewhere. */
function errorReplies(context: ServerContext, dialects: readonly Dialect[]) {
  return (error: unknown, request: FastifyRequest): ReturnType<ErrorForm> => {
    const facts: ErrorFacts = { bodyLimit: request.routeOptions?.bodyLimit ?? BODY_LIMIT }
    const failure = describeError(error, facts, context.log, { method: request.method, url: request.url })
    const dialect = dialects.find(({ owns }) => owns(request.url))
    if (!dialect) return nativeReply(failure)
    const reply = dialect.error(error, facts)
    return { ...reply, headers: { ...failure.headers, ...reply.headers } }
  }
}

/** Requests that do not end by themselves must not hold up the end of the program. */
function endStreamsOnClose(app: FastifyInstance): void {
  app.addHook('preClose', (done) => {
    setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE_MS).unref()
    done()
  })
}
