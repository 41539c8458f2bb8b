/** /tags and /limits: what workers are sorted by, and what there is only so much of. */
import { Type } from 'typebox'
import { Limit, LimitInput, LimitPatch, Tag, TagInput, TagPatch } from '../../../shared/schemas/worker.ts'
import type { LimitState, TagState } from '../../engine/model.ts'
import type { ServerContext } from '../context.ts'
import { time } from '../../store/queries/format.ts'
import { IdParams, Nothing, type NativeApp } from './common.ts'

/** So many running tasks are named for each limit. */
const SHOWN_HOLDERS = 100

export function tagRoutes(app: NativeApp, { farm }: ServerContext): void {
  const tags = ['workers']
  const shown = ({ publicId, name, description }: TagState): Tag => ({ id: publicId, name, description })

  app.get(
    '/tags',
    {
      config: { access: 'read' },
      schema: { tags, operationId: 'listTags', summary: 'Worker tags', response: { 200: Type.Object({ items: Type.Array(Tag) }) } },
    },
    () => ({ items: farm.tags().map(shown) }),
  )
  app.post(
    '/tags',
    {
      config: { access: 'admin' },
      schema: { tags, operationId: 'createTag', summary: 'A new worker tag', body: TagInput, response: { 201: Tag } },
    },
    async (request, reply) => {
      const tag = await farm.createTag(request.body)
      request.audited = { kind: 'tag', id: tag.publicId, detail: request.body }
      return reply.code(201).send(shown(tag))
    },
  )
  app.patch(
    '/tags/:id',
    {
      config: { access: 'admin' },
      schema: {
        tags,
        operationId: 'changeTag',
        summary: 'Rename or describe a worker tag',
        params: IdParams,
        body: TagPatch,
        response: { 200: Tag },
      },
    },
    async ({ params, body }) => shown(await farm.changeTag(params.id.toLowerCase(), body)),
  )
  app.delete(
    '/tags/:id',
    {
      config: { access: 'admin' },
      schema: { tags, operationId: 'deleteTag', summary: 'Remove a worker tag', params: IdParams, response: Nothing },
    },
    async ({ params }, reply) => {
      await farm.deleteTag(params.id.toLowerCase())
      return reply.code(204).send(null)
    },
  )
}

export function limitRoutes(app: NativeApp, { farm }: ServerContext): void {
  const tags = ['limits']
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

  app.get(
    '/limits',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'listLimits',
        summary: 'Limits and how much of each is in use',
        response: { 200: Type.Object({ items: Type.Array(Limit) }) },
      },
    },
    () => ({ items: farm.limits().map((limit) => shown(limit, limit.inUse)) }),
  )
  app.post(
    '/limits',
    {
      config: { access: 'admin' },
      schema: { tags, operationId: 'createLimit', summary: 'A new limit', body: LimitInput, response: { 201: Limit } },
    },
    async (request, reply) => {
      const limit = await farm.createLimit(request.body)
      request.audited = { kind: 'limit', id: limit.publicId, detail: request.body }
      return reply.code(201).send(shown(limit, 0))
    },
  )
  app.patch(
    '/limits/:id',
    {
      config: { access: 'admin' },
      schema: { tags, operationId: 'changeLimit', summary: 'Change a limit', params: IdParams, body: LimitPatch, response: { 200: Limit } },
    },
    async ({ params, body }) => {
      const limit = await farm.changeLimit(params.id.toLowerCase(), body)
      return shown(limit, inUse(limit.id))
    },
  )
  app.delete(
    '/limits/:id',
    {
      config: { access: 'admin' },
      schema: {
        tags,
        operationId: 'deleteLimit',
        summary: 'Remove a limit that no unfinished job uses',
        params: IdParams,
        response: Nothing,
      },
    },
    async ({ params }, reply) => {
      await farm.deleteLimit(params.id.toLowerCase())
      return reply.code(204).send(null)
    },
  )
}
