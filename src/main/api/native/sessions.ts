/** Who calls, logins of programs, sessions of browsers, tickets, one's own password. Secrets are never logged. */
import type { FastifyRequest } from 'fastify'
import { SCOPES } from '../../../shared/enums.ts'
import { Login, LoginReply, PasswordChange, SessionInput, Ticket, TicketInput, Whoami } from '../../../shared/schemas/account.ts'
import { NotAllowedError, TooManyError } from '../../engine/errors.ts'
import type { Token as TokenState, User as UserState } from '../../security/accountRecords.ts'
import type { Caller } from '../../security/callers.ts'
import { time } from '../../store/queries/format.ts'
import { bearerOf, clearSessionCookie, sessionCookie } from '../auth.ts'
import { UnauthenticatedError } from '../errors.ts'
import type { ServerContext } from '../context.ts'
import { Nothing, type NativeApp } from './common.ts'

const tags = ['accounts']

export function sessionRoutes(app: NativeApp, context: ServerContext): void {
  const { accounts, tickets } = context.security

  app.get(
    '/whoami',
    {
      config: { access: 'read' },
      schema: { tags, operationId: 'whoami', summary: 'Who you are here, and what you may do', response: { 200: Whoami } },
    },
    ({ caller }) => whoamiOf(caller),
  )

  app.post(
    '/login',
    {
      config: { access: 'public', auditBody: false },
      schema: { tags, operationId: 'login', summary: 'A token for name and password', body: Login, response: { 200: LoginReply } },
    },
    async (request) => {
      const { text, token } = await login(context, request, request.body)
      return { token: text, expiresAt: time(token.expiresAt ?? 0) }
    },
  )

  app.post(
    '/session',
    {
      config: { access: 'public', auditBody: false },
      schema: {
        tags,
        operationId: 'openSession',
        summary: 'Let a browser in, by a login or a token; kept in a cookie',
        body: SessionInput,
        response: { 200: Whoami },
      },
    },
    async (request, reply) => {
      const { text, token } = 'token' in request.body ? byToken(context, request.body.token) : await login(context, request, request.body)
      reply.header('set-cookie', sessionCookie(request.raw, text, token.expiresAt, context.now()))
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
      return reply.header('set-cookie', clearSessionCookie(request.raw)).code(204).send(null)
    },
  )

  app.post(
    '/tickets',
    {
      config: { access: 'read', audit: false },
      schema: {
        tags,
        operationId: 'createTicket',
        summary: 'Something short-lived for a query, where no header can be sent',
        body: TicketInput,
        response: { 200: Ticket },
      },
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
      schema: {
        tags,
        operationId: 'changePassword',
        summary: "Change one's own password; other sessions end",
        body: PasswordChange,
        response: Nothing,
      },
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
