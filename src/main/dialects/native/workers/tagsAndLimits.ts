/** /tags and /limits: groups of workers, and scarce resources. */
import {
  listTags,
  createTag,
  changeTag,
  deleteTag,
  listLimits,
  createLimit,
  changeLimit,
  deleteLimit,
} from '../../../../shared/operations/workers/tagsAndLimits.ts'
import type { Limit, Tag } from '../../../../shared/schemas/worker.ts'
import type { LimitState, TagState } from '../../../engine/base/model.ts'
import type { ServerContext } from '../../../http/context.ts'
import { time } from '../../../store/queries/format.ts'
import { type NativeApp } from '../common.ts'

/** Running tasks that are listed for each limit. */
const SHOWN_HOLDERS = 100

export function tagRoutes(app: NativeApp, { farm }: ServerContext): void {
  const shown = ({ publicId, name, description }: TagState): Tag => ({ id: publicId, name, description })

  app.route({ ...listTags, handler: () => ({ items: farm.tags.all().map(shown) }) })
  app.route({
    ...createTag,
    handler: async (request, reply) => {
      const tag = await farm.tags.create(request.body)
      request.audited = { kind: 'tag', id: tag.publicId, detail: request.body }
      return reply.code(201).send(shown(tag))
    },
  })
  app.route({ ...changeTag, handler: async ({ params, body }) => shown(await farm.tags.change(params.id.toLowerCase(), body)) })
  app.route({
    ...deleteTag,
    handler: async ({ params }, reply) => {
      await farm.tags.delete(params.id.toLowerCase())
      return reply.code(204).send(null)
    },
  })
}

export function limitRoutes(app: NativeApp, { farm }: ServerContext): void {
  const shown = ({ id, publicId, name, description, max, scope }: LimitState, inUse: number): Limit => ({
    id: publicId,
    name,
    description,
    max,
    scope,
    inUse,
    holders: farm.limits
      .holders(id)
      .slice(0, SHOWN_HOLDERS)
      .map((holder) => ({ ...holder, startedAt: time(holder.startedAt) })),
  })
  const inUse = (id: number) => farm.limits.all().find((limit) => limit.id === id)?.inUse ?? 0

  app.route({ ...listLimits, handler: () => ({ items: farm.limits.all().map((limit) => shown(limit, limit.inUse)) }) })
  app.route({
    ...createLimit,
    handler: async (request, reply) => {
      const limit = await farm.limits.create(request.body)
      request.audited = { kind: 'limit', id: limit.publicId, detail: request.body }
      return reply.code(201).send(shown(limit, 0))
    },
  })
  app.route({
    ...changeLimit,
    handler: async ({ params, body }) => {
      const limit = await farm.limits.change(params.id.toLowerCase(), body)
      return shown(limit, inUse(limit.id))
    },
  })
  app.route({
    ...deleteLimit,
    handler: async ({ params }, reply) => {
      await farm.limits.delete(params.id.toLowerCase())
      return reply.code(204).send(null)
    },
  })
}
