/** Operations of the native API: settings. The server adds the settings of dialects to both schemas. */
import { Type } from 'typebox'
import { FarmSettings, FarmSettingsReply } from '../../schemas/settings.ts'
import { operation } from '../operation.ts'

export const getSettings = operation({
  method: 'GET',
  url: '/settings',
  config: { access: 'admin' },
  schema: { tags: ['settings'], operationId: 'getSettings', summary: 'All settings', response: { 200: FarmSettingsReply } },
})

export const changeSettings = operation({
  method: 'PATCH',
  url: '/settings',
  config: { access: 'admin' },
  schema: {
    tags: ['settings'],
    operationId: 'changeSettings',
    summary: 'Change the settings that are named',
    body: Type.Partial(FarmSettings),
    response: { 200: FarmSettingsReply },
  },
})
