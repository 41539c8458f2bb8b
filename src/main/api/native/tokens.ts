/** /tokens: API tokens and keys. A secret is told once, when it is made. */
import { Type } from 'typebox'
import type { SCOPES } from '../../../shared/enums.ts'
import { CreatedToken, NewToken, Token } from '../../../shared/schemas/account.ts'
import { InvalidInputError, NotAllowedError, NotFoundError } from '../../engine/errors.ts'
import type { Token as TokenState } from '../../security/accountRecords.ts'
import { atLeast, effectiveScopes, type Caller } from '../../security/callers.ts'
import { time, timeOrNull } from '../../store/queries/format.ts'
import type { ServerContext } from '../context.ts'
import { IdParams, Nothing, type NativeApp } from './common.ts'

const tags = ['accounts']

export function tokenRoutes(app: NativeApp, context: ServerContext): void {
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
      schema: {
        tags,
        operationId: 'listTokens',
        summary: 'Living tokens and keys: all for admins, else your own',
        response: { 200: Type.Object({ items: Type.Array(Token) }) },
      },
    },
    ({ caller }) => ({
      items: accounts
        .tokens()
        .filter((token) => isVisible(token, caller))
        .map(shown),
    }),
  )

  app.post(
    '/tokens',
    {
      config: { access: 'read', auditBody: false },
      schema: {
        tags,
        operationId: 'createToken',
        summary: 'A new token or key; its secret is told now and never again',
        body: NewToken,
        response: { 201: CreatedToken },
      },
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
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...shown(token), secret: text })
    },
  )

  app.delete(
    '/tokens/:id',
    {
      config: { access: 'read' },
      schema: { tags, operationId: 'revokeToken', summary: 'End a token or key', params: IdParams, response: Nothing },
    },
    async (request, reply) => {
      const token = accounts.tokens(true).find((each) => each.publicId === request.params.id.toLowerCase())
      if (!token || !isVisible(token, request.caller)) throw new NotFoundError('token', request.params.id)
      await accounts.revokeToken(token.publicId)
      request.audited = { kind: 'token', detail: { name: token.name } }
      return reply.code(204).send(null)
    },
  )
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
