/** /tokens: API tokens and keys. A secret is returned once, at creation. */
import { listTokens, createToken, previewTokenEnd, revokeToken } from '../../../../shared/operations/admin/tokens.ts'
import type { SCOPES } from '../../../../shared/enums.ts'
import type { Token } from '../../../../shared/schemas/account.ts'
import { InvalidInputError, NotAllowedError, NotFoundError } from '../../../engine/base/errors.ts'
import type { Token as TokenState } from '../../../security/accounts/accountRecords.ts'
import { atLeast, effectiveScopes, type Caller } from '../../../security/accounts/callers.ts'
import { parsePrincipal } from '../../../security/accounts/principals.ts'
import { time, timeOrNull } from '../../../store/queries/format.ts'
import type { ServerContext } from '../../../http/context.ts'
import { type NativeApp } from '../common.ts'
import { cancelJobs, endingOf, requireCancelRight } from './endings.ts'

export function tokenRoutes(app: NativeApp, context: ServerContext): void {
  const { accounts } = context.security
  /** Admins see all; others those that act for them, and those that they created. */
  const isVisible = (token: TokenState, caller: Caller) =>
    caller.role === 'admin' || token.creatorId === caller.id || token.caller.id === caller.id
  /** @throws NotFoundError */
  function needVisible(publicId: string, caller: Caller): TokenState {
    const token = accounts.tokens(true).find((each) => each.publicId === publicId.toLowerCase())
    if (!token || !isVisible(token, caller)) throw new NotFoundError('token', publicId)
    return token
  }
  const shown = (token: TokenState): Token => ({
    id: token.publicId,
    kind: token.kind === 'key' ? 'key' : 'token',
    name: token.name,
    prefix: token.prefix,
    role: token.role,
    scopes: [...token.scopes],
    user: accounts.userOf(token)?.name ?? null,
    createdBy: token.createdBy,
    createdById: token.creatorId,
    parentId: accounts.tokens(true).find(({ id }) => id === token.parentId)?.publicId ?? null,
    children: accounts.tokenBook.withDescendants([token]).length - 1,
    createdAt: time(token.createdAt),
    expiresAt: timeOrNull(accounts.tokenBook.endOf(token)),
    lastUsedAt: timeOrNull(token.lastUsedAt),
  })

  app.route({
    ...listTokens,
    handler: ({ caller }) => ({
      items: accounts
        .tokens()
        .filter((token) => isVisible(token, caller))
        .map(shown),
    }),
  })

  app.route({
    ...createToken,
    handler: async (request, reply) => {
      const { kind, name, role, scopes, expiresAt } = request.body
      refuseBeyond(request.caller, request.body)
      const principal = parsePrincipal(request.caller.id)
      const owner = principal.kind === 'user' ? accounts.findUser(principal.publicId) : undefined
      const { text, token } = await accounts.createToken({
        kind,
        name,
        role,
        scopes,
        // An admin's tokens belong to the farm; those of other users act in their own name.
        userId: request.caller.role === 'admin' ? null : (owner?.id ?? null),
        createdBy: request.caller.actor,
        creator: request.caller,
        expiresAt: expiresAt === undefined || expiresAt === null ? null : Date.parse(expiresAt),
      })
      request.audited = { kind: 'token', id: token.publicId, detail: { kind, name, role, scopes } }
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...shown(token), secret: text })
    },
  })

  app.route({
    ...previewTokenEnd,
    handler: ({ params, caller }) => endingOf(context, accounts.tokenBook.withDescendants([needVisible(params.id, caller)])),
  })

  app.route({
    ...revokeToken,
    handler: async (request, reply) => {
      const token = needVisible(request.params.id, request.caller)
      const cancels = request.query.jobs === 'cancel'
      if (cancels) requireCancelRight(request)
      const ended = await accounts.revokeToken(token.publicId)
      const { jobs } = cancels ? await endingOf(context, ended) : { jobs: [] }
      const canceled = await cancelJobs(context, request, jobs)
      request.audited = { kind: 'token', detail: { name: token.name, ended: ended.map(({ publicId }) => publicId), canceled } }
      return reply.code(204).send(null)
    },
  })
}

/**
 * Callers can only grant rights that they have. @throws NotAllowedError, InvalidInputError for scopes that the role
 * cannot have
 */
function refuseBeyond(caller: Caller, wanted: { role: Caller['role']; scopes: readonly (typeof SCOPES)[number][] }): void {
  if (!atLeast(caller.role, wanted.role)) throw new NotAllowedError(`${caller.actor} may not create a token for the role "${wanted.role}"`)
  const effective = effectiveScopes(wanted.role, wanted.scopes)
  const idle = wanted.scopes.find((scope) => !effective.has(scope))
  if (idle !== undefined) throw new InvalidInputError('/scopes', `the role "${wanted.role}" cannot have the scope "${idle}"`)
  const beyond = [...effective].find((scope) => !caller.scopes.has(scope))
  if (beyond !== undefined) throw new NotAllowedError(`${caller.actor} may not grant the scope "${beyond}"`)
}
