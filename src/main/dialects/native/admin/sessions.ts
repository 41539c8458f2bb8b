/** The current caller, logins of programs, sessions of browsers, tickets, the user's own password. Secrets are never logged. */
import { whoami, logIn, openSession, closeSession, createTicket, changePassword } from '../../../../shared/operations/admin/sessions.ts'
import type { FastifyRequest } from 'fastify'
import { SCOPES } from '../../../../shared/enums.ts'
import type { Whoami } from '../../../../shared/schemas/account.ts'
import { NotAllowedError, TooManyError } from '../../../engine/base/errors.ts'
import type { Token as TokenState, User as UserState } from '../../../security/accounts/accountRecords.ts'
import type { Caller } from '../../../security/accounts/callers.ts'
import { NO_PRINCIPAL } from '../../../security/accounts/principals.ts'
import { time } from '../../../store/queries/format.ts'
import { bearerOf, clearSessionCookie, sessionCookie } from '../../../http/auth.ts'
import { UnauthenticatedError } from '../../../http/errors.ts'
import type { ServerContext } from '../../../http/context.ts'
import { type NativeApp } from '../common.ts'

export function sessionRoutes(app: NativeApp, context: ServerContext): void {
  const { accounts, tickets } = context.security

  app.route({ ...whoami, handler: ({ caller }) => whoamiOf(caller) })

  app.route({
    ...logIn,
    handler: async (request) => {
      const { text, token } = await login(context, request, request.body)
      return { token: text, expiresAt: time(token.expiresAt ?? 0) }
    },
  })

  app.route({
    ...openSession,
    handler: async (request, reply) => {
      const { text, token } = 'token' in request.body ? byToken(context, request.body.token) : await login(context, request, request.body)
      reply.header('set-cookie', sessionCookie(request.raw, text, token.expiresAt, context.now()))
      return whoamiOf(token.caller)
    },
  })

  app.route({
    ...closeSession,
    handler: async (request, reply) => {
      const text = bearerOf(request.raw)
      const token = text === undefined ? undefined : accounts.findToken(text)
      if (token?.kind === 'session') await accounts.revokeToken(token.publicId)
      return reply.header('set-cookie', clearSessionCookie(request.raw)).code(204).send(null)
    },
  })

  app.route({
    ...createTicket,
    handler: (request) => {
      const { ticket, expiresAt } = tickets.issue(request.body.kind, request.caller)
      return { ticket, expiresAt: time(expiresAt) }
    },
  })

  app.route({
    ...changePassword,
    handler: async (request, reply) => {
      const { user, token } = requireUserOf(context, request)
      const known = await checkedLogin(context, request, user.name, () => accounts.checkPassword(user.name, request.body.current))
      if (!known) throw new NotAllowedError('the current password is wrong')
      await accounts.changeUser(user.publicId, { password: request.body.password }, token)
      return reply.code(204).send(null)
    },
  })
}

function whoamiOf({ id, actor, role, scopes, via }: Caller): Whoami {
  return { id, actor, role, scopes: SCOPES.filter((scope) => scopes.has(scope)), via }
}

/** @throws UnauthenticatedError, TooManyError after too many wrong passwords */
async function login(context: ServerContext, request: FastifyRequest, { name, password }: { name: string; password: string }) {
  const found = await checkedLogin(context, request, name, () => context.security.accounts.login(name, password))
  if (!found) throw new UnauthenticatedError('wrong name or password')
  request.caller = found.token.caller
  return found
}

/** Checks a password unless there were too many wrong ones (loginLock.ts). */
function checkedLogin<T>(context: ServerContext, request: FastifyRequest, name: string, check: () => Promise<T>): Promise<T> {
  const { logins, audit } = context.security
  const address = request.raw.socket.remoteAddress ?? ''
  return logins.inTurn(address, async () => {
    const waitMs = logins.waitMs(name, address)
    if (waitMs > 0) throw new TooManyError(`too many wrong passwords; try again in ${Math.ceil(waitMs / 1000)} s`)
    const result = await check()
    if (result) {
      logins.succeeded(name, address)
      return result
    }
    logins.failed(name, address)
    audit.record({
      at: context.now(),
      actorId: NO_PRINCIPAL,
      actor: 'nobody',
      action: 'login-failed',
      targetKind: 'user',
      targetId: name,
      detail: { address },
    })
    return result
  })
}

/** @throws UnauthenticatedError */
function byToken({ security }: ServerContext, text: string) {
  const token = security.accounts.findToken(text)
  if (!token || token.kind === 'key') throw new UnauthenticatedError('the token is unknown, expired or revoked')
  return { text, token }
}

/** @throws NotAllowedError for callers that are not users */
function requireUserOf({ security }: ServerContext, request: FastifyRequest): { user: UserState; token: TokenState } {
  const text = bearerOf(request.raw)
  const token = text === undefined ? undefined : security.accounts.findToken(text)
  const user = token && security.accounts.userOf(token)
  if (!token || !user) throw new NotAllowedError('only users have a password')
  return { user, token }
}
