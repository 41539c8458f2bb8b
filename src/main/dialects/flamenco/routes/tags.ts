/** Worker tags (§1.3). The paths use `tags` for the list and `tag` for one, as the original does. */
import type { TagState } from '../../../engine/base/model.ts'
import type { ApiContext } from '../../../http/context.ts'
import { workerTag } from '../convertWorker.ts'
import { WireError } from '../errors.ts'
import { errors, id, NOTHING, TagParams, type TypedApp } from '../routeSupport.ts'
import { WorkerTag, WorkerTagList } from '../schemas/workers.ts'

export function tagRoutes(app: TypedApp, { farm }: ApiContext): void {
  function needTag(params: { tag_id: string }): TagState {
    const tag = farm.tags.all().find(({ publicId }) => publicId === id(params.tag_id))
    if (!tag) throw new WireError(404, `worker tag "${params.tag_id}" not found`)
    return tag
  }

  app.get(
    '/worker-mgt/tags',
    {
      config: { access: 'read', openToLan: true },
      schema: { operationId: 'fetchWorkerTags', tags: ['worker-mgt'], response: { 200: WorkerTagList } },
    },
    async () => ({ tags: farm.tags.all().map(workerTag) }),
  )

  app.post(
    '/worker-mgt/tags',
    {
      config: { access: 'admin' },
      schema: { operationId: 'createWorkerTag', tags: ['worker-mgt'], body: WorkerTag, response: { 200: WorkerTag, ...errors(400, 409) } },
    },
    async (request) => {
      const { name, description, id: wanted } = request.body
      const tag = await farm.tags.create({ name, description, id: wanted === undefined ? undefined : id(wanted) })
      request.audited = { kind: 'tag', id: tag.publicId }
      return workerTag(tag)
    },
  )

  app.get(
    '/worker-mgt/tag/:tag_id',
    {
      config: { access: 'read' },
      schema: { operationId: 'fetchWorkerTag', tags: ['worker-mgt'], params: TagParams, response: { 200: WorkerTag, ...errors(400, 404) } },
    },
    async (request) => workerTag(needTag(request.params)),
  )

  app.put(
    '/worker-mgt/tag/:tag_id',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'updateWorkerTag',
        tags: ['worker-mgt'],
        params: TagParams,
        body: WorkerTag,
        response: { ...NOTHING, ...errors(400, 404, 409) },
      },
    },
    async (request, reply) => {
      const tag = needTag(request.params)
      const { name, description } = request.body
      // Without a description the old one stays; an id in the body is ignored.
      await farm.tags.change(tag.publicId, description === undefined ? { name } : { name, description })
      return reply.code(204).send()
    },
  )

  app.delete(
    '/worker-mgt/tag/:tag_id',
    {
      config: { access: 'admin' },
      schema: { operationId: 'deleteWorkerTag', tags: ['worker-mgt'], params: TagParams, response: { ...NOTHING, ...errors(400, 404) } },
    },
    async (request, reply) => {
      await farm.tags.delete(needTag(request.params).publicId)
      return reply.code(204).send()
    },
  )
}
