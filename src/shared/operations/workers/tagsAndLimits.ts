/** Operations of the native API: workers/tagsAndLimits. */
import { Type } from 'typebox'
import { Tag, TagInput, TagPatch, Limit, LimitInput, LimitPatch } from '../../schemas/worker.ts'
import { IdParams, Nothing } from '../params.ts'
import { operation } from '../operation.ts'

export const listTags = operation({
  method: 'GET',
  url: '/tags',
  config: { access: 'read' },
  schema: {
    tags: ['workers'],
    operationId: 'listTags',
    summary: 'Worker tags',
    response: { 200: Type.Object({ items: Type.Array(Tag) }) },
  },
})

export const createTag = operation({
  method: 'POST',
  url: '/tags',
  config: { access: 'admin' },
  schema: { tags: ['workers'], operationId: 'createTag', summary: 'Create a worker tag', body: TagInput, response: { 201: Tag } },
})

export const changeTag = operation({
  method: 'PATCH',
  url: '/tags/:id',
  config: { access: 'admin' },
  schema: {
    tags: ['workers'],
    operationId: 'changeTag',
    summary: 'Rename or describe a worker tag',
    params: IdParams,
    body: TagPatch,
    response: { 200: Tag },
  },
})

export const deleteTag = operation({
  method: 'DELETE',
  url: '/tags/:id',
  config: { access: 'admin' },
  schema: { tags: ['workers'], operationId: 'deleteTag', summary: 'Remove a worker tag', params: IdParams, response: Nothing },
})

export const listLimits = operation({
  method: 'GET',
  url: '/limits',
  config: { access: 'read' },
  schema: {
    tags: ['limits'],
    operationId: 'listLimits',
    summary: 'Limits and how much of each is in use',
    response: { 200: Type.Object({ items: Type.Array(Limit) }) },
  },
})

export const createLimit = operation({
  method: 'POST',
  url: '/limits',
  config: { access: 'admin' },
  schema: { tags: ['limits'], operationId: 'createLimit', summary: 'Create a limit', body: LimitInput, response: { 201: Limit } },
})

export const changeLimit = operation({
  method: 'PATCH',
  url: '/limits/:id',
  config: { access: 'admin' },
  schema: {
    tags: ['limits'],
    operationId: 'changeLimit',
    summary: 'Change a limit',
    params: IdParams,
    body: LimitPatch,
    response: { 200: Limit },
  },
})

export const deleteLimit = operation({
  method: 'DELETE',
  url: '/limits/:id',
  config: { access: 'admin' },
  schema: {
    tags: ['limits'],
    operationId: 'deleteLimit',
    summary: 'Remove a limit that no unfinished job uses',
    params: IdParams,
    response: Nothing,
  },
})
