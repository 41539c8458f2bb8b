/** Operations of the native API: admin/dialects. */
import { Type } from 'typebox'
import { DialectKey, Dialects } from '../../schemas/dialect.ts'
import { operation } from '../operation.ts'

export const listDialects = operation({
  method: 'GET',
  url: '/dialects',
  config: { access: 'admin' },
  schema: {
    tags: ['settings'],
    operationId: 'listDialects',
    summary: 'The other API families of this manager, with their settings',
    response: { 200: Dialects },
  },
})

export const makeDialectKey = operation({
  method: 'POST',
  url: '/dialects/:dialect/key',
  config: { access: 'admin' },
  schema: {
    tags: ['settings'],
    operationId: 'makeDialectKey',
    summary: 'Make a new owner key for an API family: its public half becomes a setting, the private key is shown in this reply only',
    params: Type.Object({ dialect: Type.String({ minLength: 1, maxLength: 100 }) }),
    response: { 201: DialectKey },
  },
})
