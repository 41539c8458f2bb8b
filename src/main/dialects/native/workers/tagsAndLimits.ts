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

  app.route({ ...listTags, handler: () => ({ items: farm.tags().map(shown) }) })
  app.route({
    ...createTag,
    handler: async (request, reply) => {
      const tag = await farm.createTag(request.body)
      request.audited = { kind: 'tag', id: tag.publicId, detail: request.body }
      return reply.code(201).send(shown(tag))
    },
  })
  app.route({ ...changeTag, handler: async ({ params, body }) => shown(await farm.changeTag(params.id.toLowerCase(), body)) })
  app.route({
    ...deleteTag,
    handler: async ({ params }, reply) => {
      await farm.deleteTag(params.id.toLowerCase())
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
    holders: farm
      .limitHolders(id)
      .slice(0, SHOWN_HOLDERS)
      .map((holder) => ({ ...holder, startedAt: time(holder.startedAt) })),
  })
  const inUse = (id: number) => farm.limits().find((limit) => limit.id === id)?.inUse ?? 0

  app.route({ ...listLimits, handler: () => ({ items: farm.limits().map((limit) => shown(limit, limit.inUse)) }) })
  app.route({
    ...createLimit,
    handler: async (request, reply) => {
      const limit = await farm.createLimit(request.body)
      request.audited = { kind: 'limit', id: limit.publicId, detail: request.body }
      return reply.code(201).send(shown(limit, 0))
    },
  })
  app.route({
    ...changeLimit,
    handler: async ({ params, body }) => {
      const limit = await farm.changeLimit(params.id.toLowerCase(), body)
      return shown(limit, inUse(limit.id))
    },
  })
  app.route({
    ...deleteLimit,
    handler: async ({ params }, reply) => {
      await farm.deleteLimit(params.id.toLowerCase())
      return reply.code(204).send(null)
    },
  })
}
