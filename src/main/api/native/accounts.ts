/** Who calls, logins, sessions of browsers, tokens, users. Secrets are told once and never logged. */
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { SCOPES } from '../../../shared/enums.ts'
import {
  CreatedToken,
  Login,
  LoginReply,
  NewToken,
  NewUser,
  PasswordChange,
  SessionInput,
  Ticket,
  TicketInput,
  Token,
  User,
  UserPatch,
  Whoami,
} from '../../../shared/schemas/account.ts'
import { InvalidInputError, NotAllowedError, NotFoundError, TooManyError } from '../../engine/errors.ts'
import type { Token as TokenState, User as UserState } from '../../security/accounts.ts'
import { atLeast, effectiveScopes, type Caller } from '../../security/callers.ts'
import { time, timeOrNull } from '../../store/queries/format.ts'
import { bearerOf, clearSessionCookie, sessionCookie } from '../auth.ts'
import { UnauthenticatedError } from '../errors.ts'
import type { ServerContext } from '../server.ts'
import { IdParams, Nothing, type NativeApp } from './common.ts'

const tags = ['accounts']

export function accountRoutes(app: NativeApp, context: ServerContext): void {
  sessionRoutes(app, context)
  tokenRoutes(app, context)
  userRoutes(app, context)
}

function sessionRoutes(app: NativeApp, context: ServerContext): void {
  const { accounts, tickets } = context.security

  app.get(
    '/whoami',
    { config: { access: 'read', openToLan: true }, schema: { tags, operationId: 'whoami', summary: 'Who you are here, and what you may do', response: { 200: Whoami } } },
    ({ caller }) => whoamiOf(caller),
  )

  app.post(
    '/login',
    { config: { access: 'public', auditBody: false }, schema: { tags, operationId: 'login', summary: 'A token for name and password', body: Login, response: { 200: LoginReply } } },
    async (request) => {
      const { text, token } = await login(context, request, request.body)
      return { token: text, expiresAt: time(token.expiresAt ?? 0) }
    },
  )

  app.post(
    '/session',
    {
      config: { access: 'public', auditBody: false },
      schema: { tags, operationId: 'openSession', summary: 'Let a browser in, by a login or a token; kept in a cookie', body: SessionInput, response: { 200: Whoami } },
    },
    async (request, reply) => {
      const { text, token } = 'token' in request.body ? byToken(context, request.body.token) : await login(context, request, request.body)
      reply.header('set-cookie', sessionCookie(text, token.expiresAt, context.now()))
      return whoamiOf(token.caller)
    },
  )

  app.delete(
    '/session',
    { config: { access: 'public' }, schema: { tags, operationId: 'closeSession', summary: 'Log out', response: Nothing } },
    async (request, reply) => {
      const text = bearerOf(request.raw)
      const token = text === undefined ? undefined : accounts.findToken(text)
      if (token?.kind === 'session') await accounts.revokeToken(token.publicId)
      return reply.header('set-cookie', clearSessionCookie()).code(204).send(null)
    },
  )

  app.post(
    '/tickets',
    {
      config: { access: 'read', audit: false },
      schema: { tags, operationId: 'createTicket', summary: 'Something short-lived for a query, where no header can be sent', body: TicketInput, response: { 200: Ticket } },
    },
    (request) => {
      const { ticket, expiresAt } = tickets.issue(request.body.kind, request.caller)
      return { ticket, expiresAt: time(expiresAt) }
    },
  )

  app.post(
    '/password',
    {
      config: { access: 'read', auditBody: false },
      schema: { tags, operationId: 'changePassword', summary: "Change one's own password; other sessions end", body: PasswordChange, response: Nothing },
    },
    async (request, reply) => {
      const { user, token } = requireUserOf(context, request)
      const known = await checkedLogin(context, request, user.name, () => accounts.checkPassword(user.name, request.body.current))
      if (!known) throw new NotAllowedError('the current password is wrong')
      await accounts.changeUser(user.publicId, { password: request.body.password }, token)
      return reply.code(204).send(null)
    },
  )
}

function tokenRoutes(app: NativeApp, context: ServerContext): void {
  const { accounts } = context.security
  const isVisible = (token: TokenState, caller: Caller) => caller.role === 'admin' || token.createdBy === caller.actor
  const shown = (token: TokenState): Token => ({
    id: token.publicId,
    kind: token.kind === 'key' ? 'key' : 'token',
    name: token.name,
    prefix: token.prefix,
    role: token.role,
    scopes: [...token.scopes],
    user: accounts.userOf(token)?.name ?? null,
    createdBy: token.createdBy,
    createdAt: time(token.createdAt),
    expiresAt: timeOrNull(token.expiresAt),
    lastUsedAt: timeOrNull(token.lastUsedAt),
  })

  app.get(
    '/tokens',
    {
      config: { access: 'read' },
      schema: { tags, operationId: 'listTokens', summary: 'Living tokens and keys: all for admins, else your own', response: { 200: Type.Object({ items: Type.Array(Token) }) } },
    },
    ({ caller }) => ({ items: accounts.tokens().filter((token) => isVisible(token, caller)).map(shown) }),
  )

  app.post(
    '/tokens',
    {
      config: { access: 'read', auditBody: false },
      schema: { tags, operationId: 'createToken', summary: 'A new token or key; its secret is told now and never again', body: NewToken, response: { 201: CreatedToken } },
    },
    async (request, reply) => {
      const { kind, name, role, scopes, expiresAt } = request.body
      refuseBeyond(request.caller, request.body)
      const owner = context.security.accounts.users().find((user) => request.caller.actor === `user:${user.name}`)
      const { text, token } = await accounts.createToken({
        kind,
        name,
        role,
        scopes,
        // An admin's tokens are the farm's; everybody else's act in their own name.
        userId: request.caller.role === 'admin' ? null : (owner?.id ?? null),
        createdBy: request.caller.actor,
        expiresAt: expiresAt === undefined || expiresAt === null ? null : Date.parse(expiresAt),
      })
      request.audited = { kind: 'token', id: token.publicId, detail: { kind, name, role, scopes } }
      return reply.code(201).header('cache-control', 'no-store').send({ ...shown(token), secret: text })
    },
  )

  app.delete(
    '/tokens/:id',
    { config: { access: 'read' }, schema: { tags, operationId: 'revokeToken', summary: 'End a token or key', params: IdParams, response: Nothing } },
    async (request, reply) => {
      const token = accounts.tokens(true).find((each) => each.publicId === request.params.id.toLowerCase())
      if (!token || !isVisible(token, request.caller)) throw new NotFoundError('token', request.params.id)
      await accounts.revokeToken(token.publicId)
      request.audited = { kind: 'token', detail: { name: token.name } }
      return reply.code(204).send(null)
    },
  )
}

function userRoutes(app: NativeApp, context: ServerContext): void {
  const { accounts } = context.security
  const shown = (user: UserState): User => ({ id: user.publicId, name: user.name, role: user.role, createdAt: time(user.createdAt) })

  app.get(
    '/users',
    { config: { access: 'admin' }, schema: { tags, operationId: 'listUsers', summary: 'Users', response: { 200: Type.Object({ items: Type.Array(User) }) } } },
    () => ({ items: accounts.users().map(shown) }),
  )
  app.post(
    '/users',
    { config: { access: 'admin', auditBody: false }, schema: { tags, operationId: 'createUser', summary: 'A new user', body: NewUser, response: { 201: User } } },
    async (request, reply) => {
      const user = await accounts.createUser(request.body)
      request.audited = { kind: 'user', id: user.publicId, detail: { name: user.name, role: user.role } }
      return reply.code(201).send(shown(user))
    },
  )
  app.patch(
    '/users/:id',
    { config: { access: 'admin', auditBody: false }, schema: { tags, operationId: 'changeUser', summary: 'Change name, role or password of a user', params: IdParams, body: UserPatch, response: { 200: User } } },
    async (request) => {
      const { password, ...visible } = request.body
      const user = await accounts.changeUser(request.params.id, request.body)
      request.audited = { detail: { ...visible, ...(password === undefined ? {} : { password: 'changed' }) } }
      return shown(user)
    },
  )
  app.delete(
    '/users/:id',
    { config: { access: 'admin' }, schema: { tags, operationId: 'deleteUser', summary: 'Remove a user and all tokens of the user', params: IdParams, response: Nothing } },
    async (request, reply) => {
      const user = await accounts.deleteUser(request.params.id)
      request.audited = { detail: { name: user.name } }
      return reply.code(204).send(null)
    },
  )
}

function whoamiOf({ actor, role, scopes, via }: Caller): Whoami {
  return { actor, role, scopes: SCOPES.filter((scope) => scopes.has(scope)), via }
}

/** @throws UnauthenticatedError, TooManyError after too many wrong passwords */
async function login(context: ServerContext, request: FastifyRequest, { name, password }: { name: string; password: string }) {
  const found = await checkedLogin(context, request, name, () => context.security.accounts.login(name, password))
  if (!found) throw new UnauthenticatedError('name or password is wrong')
  request.caller = found.token.caller
  return found
}

/** Runs a check of a password unless there were too many wrong ones. Nobody can lock somebody else out: the address counts. */
async function checkedLogin<T>(context: ServerContext, request: FastifyRequest, name: string, check: () => Promise<T>): Promise<T> {
  const { loginsByName, loginsByAddress, audit } = context.security
  const address = request.raw.socket.remoteAddress ?? ''
  const who = `${name} from ${address}`
  const waitMs = Math.max(loginsByName.waitMs(who), loginsByAddress.waitMs(address))
  if (waitMs > 0) throw new TooManyError(`too many wrong passwords; try again in ${Math.ceil(waitMs / 1000)} s`)
  const result = await check()
  if (result) {
    loginsByName.succeeded(who)
    return result
  }
  loginsByName.failed(who)
  loginsByAddress.failed(address)
  audit.record({ at: context.now(), actor: 'nobody', action: 'login-failed', targetKind: 'user', targetId: name, detail: { address } })
  return result
}

/** @throws UnauthenticatedError */
function byToken({ security }: ServerContext, text: string) {
  const token = security.accounts.findToken(text)
  if (!token || token.kind === 'key') throw new UnauthenticatedError('the token is unknown, expired or revoked')
  return { text, token }
}

/** @throws NotAllowedError for callers that are no users */
function requireUserOf({ security }: ServerContext, request: FastifyRequest): { user: UserState; token: TokenState } {
  const text = bearerOf(request.raw)
  const token = text === undefined ? undefined : security.accounts.findToken(text)
  const user = token && security.accounts.userOf(token)
  if (!token || !user) throw new NotAllowedError('only users have a password')
  return { user, token }
}

/** Nobody hands out more than they have. @throws NotAllowedError, InvalidInputError for scopes that the role cannot have */
function refuseBeyond(caller: Caller, wanted: { role: Caller['role']; scopes: readonly (typeof SCOPES)[number][] }): void {
  if (!atLeast(caller.role, wanted.role)) throw new NotAllowedError(`${caller.actor} may not make a token for the role "${wanted.role}"`)
  const effective = effectiveScopes(wanted.role, wanted.scopes)
  const idle = wanted.scopes.find((scope) => !effective.has(scope))
  if (idle !== undefined) throw new InvalidInputError('/scopes', `the role "${wanted.role}" cannot have the scope "${idle}"`)
  const beyond = [...effective].find((scope) => !caller.scopes.has(scope))
  if (beyond !== undefined) throw new NotAllowedError(`${caller.actor} may not hand out the scope "${beyond}"`)
}
