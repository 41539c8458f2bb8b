/** /settings: the farm's configuration, for admins. */
import { Type } from 'typebox'
import { changeSettings, getSettings } from '../../../../shared/operations/admin/settings.ts'
import { SECRET_SHOWN, type FarmSettings } from '../../../../shared/schemas/settings.ts'
import { InvalidInputError } from '../../../engine/base/errors.ts'
import { assertRules } from '../../../notify/rules.ts'
import type { ServerContext } from '../../../http/context.ts'
import type { NativeApp } from '../common.ts'

export function settingsRoutes(app: NativeApp, { settings, secrets }: ServerContext): void {
  // The schema holds the settings of dialects too; in types those belong to the dialects.
  const AllSettings = Type.Unsafe<FarmSettings>(settings.schema)
  const body = Type.Unsafe<Partial<FarmSettings>>(Type.Partial(settings.schema, { additionalProperties: false }))
  const response = { 200: AllSettings }
  app.route({ ...getSettings, schema: { ...getSettings.schema, response }, handler: () => shown(settings.current()) })
  app.route({
    ...changeSettings,
    schema: { ...changeSettings.schema, body, response },
    handler: async (request) => {
      if (Object.keys(request.body).length === 0) throw new InvalidInputError('', 'no setting given; send at least one')
      request.audited = { kind: 'settings' }
      if (request.body.notifications) assertRules(request.body.notifications, '/notifications')
      const { smtpPassword, ...changes } = request.body
      // A form that sends the mask back leaves the password unchanged.
      const password = smtpPassword === undefined || smtpPassword === SECRET_SHOWN ? {} : { smtpPassword: secrets.seal(smtpPassword) }
      const change = { ...changes, ...password }
      return shown(Object.keys(change).length === 0 ? settings.current() : await settings.update(change).catch(withPointer))
    },
  })
}

/** Settings name their fields with dots, this API with JSON pointers. */
function withPointer(error: unknown): never {
  if (error instanceof InvalidInputError) throw new InvalidInputError(`/${error.field.replaceAll('.', '/')}`, error.message)
  throw error
}

/** Without secrets. */
function shown<T extends Partial<FarmSettings>>(settings: T): T {
  return settings.smtpPassword ? { ...settings, smtpPassword: SECRET_SHOWN } : settings
}
