/** /join-codes: codes and files by which machines join without approval. */
import { networkInterfaces } from 'node:os'
import { listenerUrls } from '../../../../shared/lan/addresses.ts'
import { writeJoinCode } from '../../../../shared/lan/joinCode.ts'
import { createJoinCode, listJoinCodes, revokeJoinCode } from '../../../../shared/operations/workers/joinCodes.ts'
import type { JoinCode } from '../../../../shared/schemas/joinCodes.ts'
import { PreconditionError } from '../../../engine/base/errors.ts'
import type { ServerContext } from '../../../http/context.ts'
import type { JoinCodeState } from '../../../security/tokens/joinCodes.ts'
import { time } from '../../../store/queries/format.ts'
import type { NativeApp } from '../common.ts'

export function joinCodeRoutes(app: NativeApp, context: ServerContext): void {
  const { joinCodes } = context.security

  function shown(code: JoinCodeState): JoinCode {
    const { id, label, createdAt, createdBy, expiresAt, maxUses, uses } = code
    return { id, label, createdAt: time(createdAt), createdBy, expiresAt: time(expiresAt), maxUses, uses, state: joinCodes.stateOf(code) }
  }

  app.route({ ...listJoinCodes, handler: () => ({ items: joinCodes.list().map(shown) }) })

  app.route({
    ...createJoinCode,
    handler: async (request, reply) => {
      const authority = context.farmAuthority()
      const interfaces = networkInterfaces()
      const urls = context.listeners
        .list()
        .filter(({ tls, problem }) => tls && problem === '')
        .flatMap((listener) => listenerUrls(listener, interfaces))
      // A code is worth nothing where no machine can prove the farm to itself.
      if (authority === undefined || urls.length === 0) {
        throw new PreconditionError('no encrypted listener is open, and codes count only there; open one first (docs/network.md)')
      }
      const { code, secret } = await joinCodes.create(request.body, request.caller)
      request.audited = {
        kind: 'join-code',
        id: code.id,
        detail: { label: code.label, maxUses: code.maxUses, expiresAt: time(code.expiresAt) },
      }
      const file = {
        framehouse: 'join' as const,
        version: 1 as const,
        farmId: context.identity.id,
        farmName: context.settings.current().managerName,
        urls: urls.slice(0, 50),
        authority: authority.fingerprint,
        secret,
        expiresAt: time(code.expiresAt),
      }
      return reply.code(201).send({ ...shown(code), code: writeJoinCode(authority.fingerprint, secret), file })
    },
  })

  app.route({
    ...revokeJoinCode,
    handler: async ({ params }, reply) => {
      await joinCodes.revoke(params.joinCodeId)
      return reply.code(204).send(null)
    },
  })
}
