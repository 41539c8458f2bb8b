/** /dialects: the API families of this manager, with their settings as the GUI shows them. */
import { listDialects, makeDialectKey } from '../../../../shared/operations/admin/dialects.ts'
import { NotFoundError } from '../../../engine/base/errors.ts'
import type { ServerContext } from '../../../http/context.ts'
import type { NativeApp } from '../common.ts'

export function dialectRoutes(app: NativeApp, { dialects, settings }: ServerContext): void {
  app.route({
    ...listDialects,
    handler: () => ({
      items: dialects.flatMap(({ name, settings: own = {}, words, ownerKey }) => {
        if (!words) return []
        const values: Record<string, unknown> = { ...settings.current() }
        const shown = Object.entries(own).map(([key, schema]) => ({ key, schema, value: values[key] }))
        return [{ name, words, settings: shown, keySetting: ownerKey?.setting ?? null }]
      }),
    }),
  })
  app.route({
    ...makeDialectKey,
    handler: async (request, reply) => {
      const { dialect: name } = request.params
      const ownerKey = dialects.find((dialect) => dialect.name === name)?.ownerKey
      if (!ownerKey) throw new NotFoundError('owner key of the API', name)
      const { setting } = ownerKey
      const { secret, value } = ownerKey.make()
      await settings.update({ [setting]: value })
      request.audited = { kind: 'dialect', id: name, detail: { [setting]: value } }
      return reply.code(201).send({ secret, value, setting })
    },
  })
}
