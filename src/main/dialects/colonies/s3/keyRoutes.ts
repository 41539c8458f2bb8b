/** `/api/v1/colonies/:colony/s3-keys`: keys of the S3 endpoint, made by administrators for members of a colony. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { listS3Keys, makeS3Key, removeS3Key } from '../../../../shared/operations/colonies/s3Keys.ts'
import { NotFoundError } from '../../../engine/base/errors.ts'
import { installBodyParser } from '../../../http/body.ts'
import type { ServerContext } from '../../../http/context.ts'
import { describeError, nativeReply } from '../../../http/errors.ts'
import type { Colony, Registry } from '../people/registry.ts'
import type { AccessKeys } from './auth/accessKeys.ts'

export interface KeyRouteParts {
  context: Pick<ServerContext, 'log'>
  registry: Registry
  keys: AccessKeys
}

/** @param app a scope of its own: these routes are the native API's in form, wherever they are registered */
export function keyRoutes(app: FastifyInstance, { context, registry, keys }: KeyRouteParts): void {
  installBodyParser(app)
  app.setErrorHandler((error, request, reply) => {
    const { status, body, headers } = nativeReply(describeError(error, {}, context.log, { method: request.method, url: request.url }))
    return reply.code(status).headers(headers).send(body)
  })
  const typed = app.withTypeProvider<TypeBoxTypeProvider>()
  const colonyOf = (name: string): Colony => {
    const colony = registry.find(name)
    if (!colony) throw new NotFoundError('colony', name)
    return colony
  }

  typed.route({
    ...listS3Keys,
    handler: ({ params }) => ({
      items: keys.of(colonyOf(params.colony)).map((key) => ({
        accessKey: key.accessKey,
        member: key.memberName,
        createdAt: new Date(key.createdAt).toISOString(),
        counts: keys.counts(key),
      })),
    }),
  })
  typed.route({
    ...makeS3Key,
    handler: async (request, reply) => {
      const colony = colonyOf(request.params.colony)
      const { accessKey, memberName: member, plainSecret: secretKey } = await keys.make(colony, request.body.member)
      request.audited = { kind: 'colony', id: colony.name, detail: { accessKey, member } }
      return reply.code(201).send({ accessKey, secretKey, member })
    },
  })
  typed.route({
    ...removeS3Key,
    handler: async (request, reply) => {
      const { colony, accessKey } = request.params
      await keys.remove(colonyOf(colony), accessKey)
      request.audited = { kind: 'colony', id: colony, detail: { accessKey } }
      return reply.code(204).send(null)
    },
  })
}
