/**
 * Access control: checks Host and Origin of every request, identifies the caller and decides whether the route admits
 * it. All of this runs before a body is read, as synchronous callbacks: a worker's request costs one fast hash and a
 * few look-ups.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { NotAllowedError, TooManyError } from '../engine/base/errors.ts'
import type { WorkerState } from '../engine/base/model.ts'
import { decide, ANONYMOUS, OPEN_LAN, OWNER, type Access, type Caller } from '../security/accounts/callers.ts'
import { isLoopbackAddress, isOwnOrigin } from '../security/hosts.ts'
import { workerPrincipal } from '../security/accounts/principals.ts'
import type { Security } from '../security/security.ts'
import type { SettingsStore } from './context.ts'
import { UnauthenticatedError } from './errors.ts'
import { hooksOf } from './routeHooks.ts'
import { unusableQuery } from './validation/texts.ts'
import { limitBodyTime } from './hooks/unread.ts'
import { endAfterReply } from './upgrades.ts'

export interface DoorOptions {
  security: Security
  settings: Pick<SettingsStore, 'current'>
  /** A loopback caller without Origin, or with the server's own, is the owner. */
  trustLoopback: boolean
}

/** The key of a `/k/KEY/…` address, stored on the request because it is removed from the address. */
const PATH_KEY = Symbol('key of the path')
type RawRequest = IncomingMessage & { [PATH_KEY]?: string; originalUrl?: string }

/**
 * Fastify's rewriteUrl: removes the key from `/k/KEY/rest`, so that no handler, log line or redirect ever sees it.
 * `/k/KEY` alone is the root.
 */
export function takeKeyFromPath(raw: IncomingMessage): string {
  const url = raw.url ?? '/'
  if (!url.startsWith('/k/')) return url
  const end = url.indexOf('/', 3)
  const rest = end < 0 ? '/' : url.slice(end)
  const request: RawRequest = raw
  request[PATH_KEY] = end < 0 ? url.slice(3) : url.slice(3, end)
  request.originalUrl = rest
  return rest
}

/** Adds access control to every route that is registered on `app` from now on. */
export function installAuth(app: FastifyInstance, options: DoorOptions): void {
  const { security } = options
  const declared: RouteOptions[] = []
  app.decorate('declaredRoutes', declared)
  app.decorateRequest('caller')
  app.decorateRequest('worker', null)
  app.decorateRequest('audited', null)

  app.addHook('onRequest', (request, reply, done) => {
    request.caller = ANONYMOUS
    if (request.raw.headers.upgrade !== undefined) endAfterReply(request.raw, reply.raw)
    done(refuseForeign(request, security) ?? unusableQuery(request.url))
  })
  app.addHook('onRoute', (route) => {
    declared.push(route)
    route.onRequest = [guard(route, options), ...hooksOf(route.onRequest)]
  })
  app.addHook('onReady', (done) => {
    const open = declared.filter((route) => route.config?.access === undefined)
    const names = open.map((route) => `${String(route.method)} ${route.url}`)
    done(names.length > 0 ? new Error(`routes without config.access: ${names.join(', ')}`) : undefined)
  })
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Host must be one of this manager's names. Requests from a foreign Origin may only read, and never open a WebSocket. */
function refuseForeign(request: FastifyRequest, security: Security): Error | undefined {
  const headers = request.raw.headers
  if (!security.hosts.allows(headers.host)) {
    return new NotAllowedError(`unknown host name ${JSON.stringify(headers.host ?? '')}; add it to the setting allowedHosts`)
  }
  const isUpgrade = headers.upgrade !== undefined
  if (SAFE_METHODS.has(request.method) && !isUpgrade) return undefined
  if (headers.origin !== undefined && !isOwnOrigin(headers.origin, headers.host)) {
    return new NotAllowedError(`pages of ${headers.origin} cannot make changes on this server`)
  }
  // Browsers that omit Origin on some requests still send Sec-Fetch-Site.
  if (headers['sec-fetch-site'] === 'cross-site') return new NotAllowedError('pages of other sites cannot make changes on this server')
  return undefined
}

type Guard = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void

/**
 * The access check of one route. Reads the access at the first request, because plugin scopes set it after the route is
 * created.
 */
function guard(route: RouteOptions, options: DoorOptions): Guard {
  let check: Guard | undefined
  return (request, reply, done) => {
    check ??= route.config?.access === 'worker' ? workerGuard(options.security) : callerGuard(route, options)
    check(request, reply, done)
  }
}

function workerGuard(security: Security): Guard {
  const callers = new WeakMap<WorkerState, Caller>()
  // A worker sends the same header over the same connection repeatedly: comparing it costs less than hashing it.
  const admitted = new WeakMap<Socket, { header: string; secretHash: string; worker: WorkerState }>()
  function admit(request: FastifyRequest, worker: WorkerState | null, done: (error?: Error) => void): void {
    if (!worker && request.routeOptions.config.answersStrangers === true) return done()
    if (!worker) return done(new UnauthenticatedError('wrong worker id or secret; register or join again'))
    let caller = callers.get(worker)
    if (!caller) {
      const id = workerPrincipal(worker.publicId)
      caller = { id, actor: id, role: 'viewer', scopes: new Set(), via: 'worker', token: null }
      callers.set(worker, caller)
    }
    request.caller = caller
    request.worker = worker
    done()
  }
  return (request, _reply, done) => {
    const { socket, headers } = request.raw
    const header = headers.authorization
    const before = admitted.get(socket)
    if (before?.header === header && before?.worker.secretHash === before?.secretHash && before?.worker.deletedAt === null) {
      return admit(request, before.worker, done)
    }
    let result: WorkerState | null | Promise<WorkerState | null>
    try {
      result = security.workerSecrets.check(header)
    } catch (error) {
      return done(error instanceof Error ? error : new TooManyError('try again later'))
    }
    if (result instanceof Promise) result.then((worker) => admit(request, worker, done), done)
    else {
      if (result !== null && header !== undefined) admitted.set(socket, { header, secretHash: result.secretHash, worker: result })
      admit(request, result, done)
    }
  }
}

function callerGuard(route: RouteOptions, options: DoorOptions): Guard {
  const config = route.config ?? {}
  // onReady rejects routes without access; 'worker' has a guard of its own.
  const access = config.access as Exclude<Access, 'worker'>
  return (request, reply, done) => {
    reply.header('x-content-type-options', 'nosniff')
    try {
      request.caller = identify(request, options, config)
    } catch (error) {
      // A public route ignores wrong credentials.
      if (access === 'public') request.caller = ANONYMOUS
      else return done(error instanceof Error ? error : undefined)
    }
    const decision = decide(access, request.caller, config.strangersMayAsk)
    if (decision === 'allowed') {
      if (request.caller === ANONYMOUS) limitBodyTime(request.raw)
      return done()
    }
    if (decision === 'unauthenticated') return done(new UnauthenticatedError('log in, or send an API token (Authorization: Bearer …)'))
    done(new NotAllowedError(`${request.caller.actor} may not do this: it needs the right "${access === 'join' ? 'worker' : access}"`))
  }
}

/** Identifies the caller. @throws UnauthenticatedError for credentials that are present but wrong */
function identify(request: FastifyRequest, options: DoorOptions, config: FastifyContextConfig): Caller {
  const raw: RawRequest = request.raw
  const { accounts, attemptTokens, tickets } = options.security
  const bearer = bearerHeader(raw) ?? (config.basic === true ? basicPassword(raw) : undefined)
  if (bearer !== undefined && attemptTokens.isOne(bearer)) {
    const caller = attemptTokens.find(bearer)
    if (!caller) throw new UnauthenticatedError('the token belongs to an attempt that no longer runs')
    return caller
  }
  if (bearer !== undefined) {
    const token = accounts.findToken(bearer)
    if (!token || token.kind === 'key') throw new UnauthenticatedError('the token is unknown, expired or revoked')
    return token.caller
  }
  if (raw[PATH_KEY] !== undefined) {
    const token = accounts.findToken(raw[PATH_KEY])
    if (token?.kind !== 'key') throw new UnauthenticatedError('the key in the address is unknown, expired or revoked')
    return token.caller
  }
  const ticket = config.ticket === undefined ? undefined : ticketOf(request)
  if (config.ticket !== undefined && ticket !== undefined) {
    const caller = tickets.redeem(config.ticket, ticket)
    if (!caller) throw new UnauthenticatedError('the ticket is unknown, used or expired')
    return caller
  }
  const session = sessionOf(raw)
  const token = session === undefined ? undefined : accounts.findToken(session)
  if (token && token.kind !== 'key') return token.caller
  if (options.trustLoopback && isOwnerAtThisMachine(raw)) return OWNER
  if (config.openToLan === true && options.settings.current().openToLan) return OPEN_LAN
  return ANONYMOUS
}

/**
 * The cookie's name over plain HTTP and over TLS. The `__Host-` prefix restricts it to encrypted connections and keeps
 * a cookie set over plain HTTP from replacing it. With one shared name, a user who logged in over https could no longer
 * log in over http.
 */
const COOKIES = {
  plain: { name: 'framehouse_session', flags: '', value: /(?:^|;\s*)framehouse_session=([A-Za-z0-9_-]+)/ },
  encrypted: { name: '__Host-framehouse_session', flags: ' Secure;', value: /(?:^|;\s*)__Host-framehouse_session=([A-Za-z0-9_-]+)/ },
} as const
const cookieOf = ({ socket }: IncomingMessage) => COOKIES[socket instanceof TLSSocket ? 'encrypted' : 'plain']

/** The lifetime of the cookie when the token does not expire. */
const MAX_COOKIE_S = 14 * 86_400

/**
 * The cookie in which a browser keeps its token: scripts cannot read it, and browsers do not send it with cross-site
 * requests.
 * @param raw the request that is answered @param expiresAt milliseconds since the epoch
 */
export function sessionCookie(raw: IncomingMessage, token: string, expiresAt: number | null, now: number): string {
  const { name, flags } = cookieOf(raw)
  const seconds = expiresAt === null ? MAX_COOKIE_S : Math.min(MAX_COOKIE_S, Math.max(0, Math.floor((expiresAt - now) / 1000)))
  return `${name}=${token}; Path=/; HttpOnly;${flags} SameSite=Strict; Max-Age=${seconds}`
}

export function clearSessionCookie(raw: IncomingMessage): string {
  const { name, flags } = cookieOf(raw)
  return `${name}=; Path=/; HttpOnly;${flags} SameSite=Strict; Max-Age=0`
}

/** The token of a request: from the Authorization header (programs) or from the cookie (browsers). */
export function bearerOf(raw: IncomingMessage): string | undefined {
  return bearerHeader(raw) ?? sessionOf(raw)
}

function bearerHeader({ headers: { authorization } }: IncomingMessage): string | undefined {
  return authorization !== undefined && /^bearer /i.test(authorization) ? authorization.slice(7).trim() : undefined
}

/** The password of HTTP Basic; the user name is ignored. */
function basicPassword({ headers: { authorization } }: IncomingMessage): string | undefined {
  if (authorization === undefined || !/^basic /i.test(authorization)) return undefined
  const decoded = Buffer.from(authorization.slice(6).trim(), 'base64').toString('utf8')
  return decoded.slice(decoded.indexOf(':') + 1)
}

/** An expired cookie is not an error: the browser is simply not logged in. */
function sessionOf(raw: IncomingMessage): string | undefined {
  const { cookie } = raw.headers
  return cookie === undefined ? undefined : cookieOf(raw).value.exec(cookie)?.[1]
}

function ticketOf(request: FastifyRequest): string | undefined {
  const query = request.query
  if (typeof query !== 'object' || query === null || !('ticket' in query)) return undefined
  return typeof query.ticket === 'string' ? query.ticket : undefined
}

/** Whether the caller is on loopback, and neither a page of another site nor a reverse proxy is behind it. */
function isOwnerAtThisMachine(raw: IncomingMessage): boolean {
  const { headers } = raw
  if (!isLoopbackAddress(raw.socket.remoteAddress)) return false
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined || headers['x-real-ip'] !== undefined) return false
  return headers.origin === undefined || isOwnOrigin(headers.origin, headers.host)
}
