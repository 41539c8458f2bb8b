/**
 * The door: Host and Origin of every request, then who calls and whether the route lets them in. All of it runs before
 * a body is read, as plain synchronous callbacks: a worker's request costs one fast hash and a few look-ups.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { NotAllowedError, TooManyError } from '../engine/errors.ts'
import type { WorkerState } from '../engine/model.ts'
import { decide, NOBODY, OPEN_LAN, OWNER, type Access, type Caller } from '../security/callers.ts'
import { isLoopbackAddress, isOwnOrigin } from '../security/hosts.ts'
import type { Security } from '../security/security.ts'
import type { SettingsStore } from './context.ts'
import { UnauthenticatedError } from './errors.ts'
import { hooksOf } from './routeHooks.ts'
import { unusableQuery } from './texts.ts'
import { limitBodyTime } from './unread.ts'
import { endAfterReply } from './upgrades.ts'

export interface DoorOptions {
  security: Security
  settings: Pick<SettingsStore, 'current'>
  /** A loopback caller without Origin, or with our own, is the owner. */
  trustLoopback: boolean
}

/** The key of a `/k/KEY/…` address, kept beside the request; the address itself goes on without it. */
const PATH_KEY = Symbol('key of the path')
type RawRequest = IncomingMessage & { [PATH_KEY]?: string; originalUrl?: string }

/**
 * Fastify's rewriteUrl: takes the key out of `/k/KEY/rest`, so that no handler, log line or redirect ever sees it.
 * `/k/KEY` without more is the root.
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

/** Puts the door in front of every route that is registered on `app` from now on. */
export function installDoor(app: FastifyInstance, options: DoorOptions): void {
  const { security } = options
  const declared: RouteOptions[] = []
  app.decorateRequest('caller')
  app.decorateRequest('worker', null)
  app.decorateRequest('audited', null)

  app.addHook('onRequest', (request, reply, done) => {
    request.caller = NOBODY
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

/** Host must be ours; an Origin that is not ours may only read, and never opens a WebSocket. */
function refuseForeign(request: FastifyRequest, security: Security): Error | undefined {
  const headers = request.raw.headers
  if (!security.hosts.allows(headers.host)) {
    return new NotAllowedError(
      `this manager is not known by the name ${JSON.stringify(headers.host ?? '')}; add it to the setting allowedHosts`,
    )
  }
  const isUpgrade = headers.upgrade !== undefined
  if (SAFE_METHODS.has(request.method) && !isUpgrade) return undefined
  if (headers.origin !== undefined && !isOwnOrigin(headers.origin, headers.host)) {
    return new NotAllowedError(`pages of ${headers.origin} may not change anything here`)
  }
  // Browsers that leave Origin out on some requests still say where a request comes from.
  if (headers['sec-fetch-site'] === 'cross-site') return new NotAllowedError('pages of other sites may not change anything here')
  return undefined
}

type Guard = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void

/** The check of one route. Its access is read at the first request: scopes of plugins set it after the route was made. */
function guard(route: RouteOptions, options: DoorOptions): Guard {
  let check: Guard | undefined
  return (request, reply, done) => {
    check ??= route.config?.access === 'worker' ? workerGuard(options.security) : callerGuard(route, options)
    check(request, reply, done)
  }
}

function workerGuard(security: Security): Guard {
  const callers = new WeakMap<WorkerState, Caller>()
  // A worker sends the same header over the same connection again and again: comparing it costs less than hashing it.
  const admitted = new WeakMap<Socket, { header: string; secretHash: string; worker: WorkerState }>()
  function admit(request: FastifyRequest, worker: WorkerState | null, done: (error?: Error) => void): void {
    if (!worker) return done(new UnauthenticatedError('worker id or secret is wrong; register or join again'))
    let caller = callers.get(worker)
    if (!caller) {
      caller = { actor: `worker:${worker.publicId}`, role: 'viewer', scopes: new Set(), via: 'worker' }
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
  // onReady refused to start without access; 'worker' has a guard of its own.
  const access = config.access as Exclude<Access, 'worker'>
  return (request, reply, done) => {
    reply.header('x-content-type-options', 'nosniff')
    try {
      request.caller = identify(request, options, config)
    } catch (error) {
      // A route that is open to all does not care for credentials that are wrong.
      if (access === 'public') request.caller = NOBODY
      else return done(error instanceof Error ? error : undefined)
    }
    const decision = decide(access, request.caller, config.strangersMayAsk)
    if (decision === 'allowed') {
      if (request.caller === NOBODY) limitBodyTime(request.raw)
      return done()
    }
    if (decision === 'unauthenticated') return done(new UnauthenticatedError('log in, or send an API token (Authorization: Bearer …)'))
    done(new NotAllowedError(`${request.caller.actor} may not do this: it needs the right "${access === 'join' ? 'worker' : access}"`))
  }
}

/** Who calls. @throws UnauthenticatedError for credentials that are given and wrong */
function identify(request: FastifyRequest, options: DoorOptions, config: FastifyContextConfig): Caller {
  const raw: RawRequest = request.raw
  const { accounts, tickets } = options.security
  const bearer = bearerHeader(raw) ?? (config.basic === true ? basicPassword(raw) : undefined)
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
  return NOBODY
}

/**
 * Its name through the plain door and through the encrypted one. `__Host-` keeps it to encrypted connections, and nothing that
 * came over a plain one can take its place; under one name, whoever was here by https could not log in by http any more.
 */
const COOKIES = {
  plain: { name: 'framehouse_session', flags: '', value: /(?:^|;\s*)framehouse_session=([A-Za-z0-9_-]+)/ },
  encrypted: { name: '__Host-framehouse_session', flags: ' Secure;', value: /(?:^|;\s*)__Host-framehouse_session=([A-Za-z0-9_-]+)/ },
} as const
const cookieOf = ({ socket }: IncomingMessage) => COOKIES[socket instanceof TLSSocket ? 'encrypted' : 'plain']

/** A session whose token does not expire is asked for again after this long. */
const MAX_COOKIE_S = 14 * 86_400

/**
 * The cookie in which a browser keeps its token: pages cannot read it, and it is not sent with requests that other sites
 * cause. @param raw the request that it answers @param expiresAt milliseconds since the epoch
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

/** The token that a request carries as a program (Bearer) or as a browser (cookie) does. */
export function bearerOf(raw: IncomingMessage): string | undefined {
  return bearerHeader(raw) ?? sessionOf(raw)
}

function bearerHeader({ headers: { authorization } }: IncomingMessage): string | undefined {
  return authorization !== undefined && /^bearer /i.test(authorization) ? authorization.slice(7).trim() : undefined
}

/** The password of HTTP Basic; the user name says nothing. */
function basicPassword({ headers: { authorization } }: IncomingMessage): string | undefined {
  if (authorization === undefined || !/^basic /i.test(authorization)) return undefined
  const decoded = Buffer.from(authorization.slice(6).trim(), 'base64').toString('utf8')
  return decoded.slice(decoded.indexOf(':') + 1)
}

/** An old cookie is no error: the browser is then simply not logged in. */
function sessionOf(raw: IncomingMessage): string | undefined {
  const { cookie } = raw.headers
  return cookie === undefined ? undefined : cookieOf(raw).value.exec(cookie)?.[1]
}

function ticketOf(request: FastifyRequest): string | undefined {
  const query = request.query
  if (typeof query !== 'object' || query === null || !('ticket' in query)) return undefined
  return typeof query.ticket === 'string' ? query.ticket : undefined
}

/** A caller on loopback that no browser page of another site and no reverse proxy stands behind. */
function isOwnerAtThisMachine(raw: IncomingMessage): boolean {
  const { headers } = raw
  if (!isLoopbackAddress(raw.socket.remoteAddress)) return false
  if (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined || headers['x-real-ip'] !== undefined) return false
  return headers.origin === undefined || isOwnOrigin(headers.origin, headers.host)
}
