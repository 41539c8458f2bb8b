/** /registries: credentials of container registries. Passwords go in and never come out again. */
import { Type, type Static } from 'typebox'
import { Time } from '../../../shared/schemas/common.ts'
import { time } from '../../store/queries/format.ts'
import type { ServerContext } from '../context.ts'
import { Nothing, type NativeApp } from './common.ts'

const tags = ['containers']
/** Host and port as images' names have them. */
const RegistryName = Type.String({ minLength: 1, maxLength: 255, pattern: '^[A-Za-z0-9.:\\[\\]-]+$' })
const Registry = Type.Object({ registry: Type.String(), username: Type.String(), updatedAt: Time })
const RegistryInput = Type.Object(
  {
    registry: RegistryName,
    username: Type.String({ minLength: 1, maxLength: 255 }),
    password: Type.String({ minLength: 1, maxLength: 10_000 }),
  },
  { additionalProperties: false },
)
const shown = ({ updatedAt, ...rest }: { registry: string; username: string; updatedAt: number }): Static<typeof Registry> => ({
  ...rest,
  updatedAt: time(updatedAt),
})

export function registryRoutes(app: NativeApp, { security: { registries } }: ServerContext): void {
  app.get(
    '/registries',
    {
      config: { access: 'admin' },
      schema: {
        tags,
        operationId: 'listRegistries',
        summary: 'Registries with credentials; passwords are not shown',
        response: { 200: Type.Object({ items: Type.Array(Registry) }) },
      },
    },
    () => ({ items: registries.list().map(shown) }),
  )

  app.put(
    '/registries',
    {
      config: { access: 'admin', auditBody: false },
      schema: {
        tags,
        operationId: 'putRegistry',
        summary: 'Keep or replace the credentials of a registry',
        body: RegistryInput,
        response: { 200: Registry },
      },
    },
    async (request) => {
      const { registry, username, password } = request.body
      const kept = await registries.put(registry.toLowerCase(), username, password)
      request.audited = { kind: 'registry', id: kept.registry, detail: { username } }
      return shown(kept)
    },
  )

  app.delete(
    '/registries/:registry',
    {
      config: { access: 'admin' },
      schema: {
        tags,
        operationId: 'deleteRegistry',
        summary: 'Forget the credentials of a registry',
        params: Type.Object({ registry: RegistryName }),
        response: Nothing,
      },
    },
    async ({ params }, reply) => {
      await registries.remove(params.registry.toLowerCase())
      return reply.code(204).send(null)
    },
  )
}
