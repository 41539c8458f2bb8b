/** /registries: credentials of container registries. Passwords are write-only. */
import type { Registry } from '../../../../shared/operations/admin/imageRegistries.ts'
import { listRegistries, putRegistry, deleteRegistry } from '../../../../shared/operations/admin/imageRegistries.ts'
import { type Static } from 'typebox'
import { time } from '../../../store/queries/format.ts'
import type { ServerContext } from '../../../http/context.ts'
import { type NativeApp } from '../common.ts'

const shown = ({ updatedAt, ...rest }: { registry: string; username: string; updatedAt: number }): Static<typeof Registry> => ({
  ...rest,
  updatedAt: time(updatedAt),
})

export function registryRoutes(app: NativeApp, { security: { registries } }: ServerContext): void {
  app.route({ ...listRegistries, handler: () => ({ items: registries.list().map(shown) }) })

  app.route({
    ...putRegistry,
    handler: async (request) => {
      const { registry, username, password } = request.body
      const kept = await registries.put(registry.toLowerCase(), username, password)
      request.audited = { kind: 'registry', id: kept.registry, detail: { username } }
      return shown(kept)
    },
  })

  app.route({
    ...deleteRegistry,
    handler: async ({ params }, reply) => {
      await registries.remove(params.registry.toLowerCase())
      return reply.code(204).send(null)
    },
  })
}
