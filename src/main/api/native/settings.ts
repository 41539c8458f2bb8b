/** /settings: the farm's configuration, for admins. */
import { Type } from 'typebox'
import { FarmSettings } from '../../../shared/schemas/settings.ts'
import { InvalidInputError } from '../../engine/errors.ts'
import type { ServerContext } from '../server.ts'
import type { NativeApp } from './common.ts'

const tags = ['settings']
const SettingsPatch = Type.Partial(FarmSettings, { additionalProperties: false })

export function settingsRoutes(app: NativeApp, { settings }: ServerContext): void {
  app.get(
    '/settings',
    { config: { access: 'admin' }, schema: { tags, operationId: 'getSettings', summary: 'All settings', response: { 200: FarmSettings } } },
    () => settings.current(),
  )
  app.patch(
    '/settings',
    {
      config: { access: 'admin' },
      schema: {
        tags,
        operationId: 'changeSettings',
        summary: 'Change the settings that are named',
        body: SettingsPatch,
        response: { 200: FarmSettings },
      },
    },
    async (request) => {
      if (Object.keys(request.body).length === 0) throw new InvalidInputError('', 'no setting was named')
      request.audited = { kind: 'settings', detail: request.body }
      return settings.update(request.body)
    },
  )
}
