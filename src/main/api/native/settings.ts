/** /settings: the farm's configuration, for admins. */
import { Type } from 'typebox'
import { FarmSettings, SECRET_SHOWN } from '../../../shared/schemas/settings.ts'
import { InvalidInputError } from '../../engine/errors.ts'
import { assertRules } from '../../notify/rules.ts'
import type { ServerContext } from '../context.ts'
import type { NativeApp } from './common.ts'

const tags = ['settings']
const SettingsPatch = Type.Partial(FarmSettings, { additionalProperties: false })

export function settingsRoutes(app: NativeApp, { settings, secrets }: ServerContext): void {
  app.get(
    '/settings',
    { config: { access: 'admin' }, schema: { tags, operationId: 'getSettings', summary: 'All settings', response: { 200: FarmSettings } } },
    () => shown(settings.current()),
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
      request.audited = { kind: 'settings' }
      if (request.body.notifications) assertRules(request.body.notifications, '/notifications')
      const { smtpPassword, ...changes } = request.body
      // A form that sends back what it was shown means: as it is.
      const password = smtpPassword === undefined || smtpPassword === SECRET_SHOWN ? {} : { smtpPassword: secrets.seal(smtpPassword) }
      const change = { ...changes, ...password }
      return shown(Object.keys(change).length === 0 ? settings.current() : await settings.update(change).catch(withPointer))
    },
  )
}

/** The settings name their fields with dots, this API by JSON pointer. */
function withPointer(error: unknown): never {
  if (error instanceof InvalidInputError) throw new InvalidInputError(`/${error.field.replaceAll('.', '/')}`, error.message)
  throw error
}

/** Without secrets. */
function shown<T extends Partial<FarmSettings>>(settings: T): T {
  return settings.smtpPassword ? { ...settings, smtpPassword: SECRET_SHOWN } : settings
}
