/** Operations of the native API: admin/imageRegistries. */
import { Type } from 'typebox'
import { Nothing } from '../params.ts'
import { Time } from '../../schemas/common.ts'
import { operation } from '../operation.ts'

/** Host and port as in image names. */
export const RegistryName = Type.String({ minLength: 1, maxLength: 255, pattern: '^[A-Za-z0-9.:\\[\\]-]+$' })
export const Registry = Type.Object({ registry: Type.String(), username: Type.String(), updatedAt: Time })
export const RegistryInput = Type.Object(
  {
    registry: RegistryName,
    username: Type.String({ minLength: 1, maxLength: 255 }),
    password: Type.String({ minLength: 1, maxLength: 10_000 }),
  },
  { additionalProperties: false },
)

export const listRegistries = operation({
  method: 'GET',
  url: '/registries',
  config: { access: 'admin' },
  schema: {
    tags: ['containers'],
    operationId: 'listRegistries',
    summary: 'Registries with credentials; passwords are not shown',
    response: { 200: Type.Object({ items: Type.Array(Registry) }) },
  },
})

export const putRegistry = operation({
  method: 'PUT',
  url: '/registries',
  config: { access: 'admin', auditBody: false },
  schema: {
    tags: ['containers'],
    operationId: 'putRegistry',
    summary: 'Add or replace the credentials of a registry',
    body: RegistryInput,
    response: { 200: Registry },
  },
})

export const deleteRegistry = operation({
  method: 'DELETE',
  url: '/registries/:registry',
  config: { access: 'admin' },
  schema: {
    tags: ['containers'],
    operationId: 'deleteRegistry',
    summary: 'Remove the credentials of a registry',
    params: Type.Object({ registry: RegistryName }),
    response: Nothing,
  },
})
