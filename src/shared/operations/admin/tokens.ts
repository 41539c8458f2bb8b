/** Operations of the native API: admin/tokens. */
import { Type } from 'typebox'
import { Token, NewToken, CreatedToken, Ending, EndingQuery } from '../../schemas/account.ts'
import { IdParams, Nothing } from '../params.ts'
import { operation } from '../operation.ts'

export const listTokens = operation({
  method: 'GET',
  url: '/tokens',
  config: { access: 'read' },
  schema: {
    tags: ['accounts'],
    operationId: 'listTokens',
    summary: 'Active tokens and keys: all for admins, otherwise your own',
    response: { 200: Type.Object({ items: Type.Array(Token) }) },
  },
})

export const createToken = operation({
  method: 'POST',
  url: '/tokens',
  config: { access: 'tokens', auditBody: false },
  schema: {
    tags: ['accounts'],
    operationId: 'createToken',
    summary: 'Create a token or key; its secret is only returned here',
    body: NewToken,
    response: { 201: CreatedToken },
  },
})

export const previewTokenEnd = operation({
  method: 'GET',
  url: '/tokens/:id/ending',
  config: { access: 'read' },
  schema: {
    tags: ['accounts'],
    operationId: 'previewTokenEnd',
    summary: 'What would end with a token',
    params: IdParams,
    response: { 200: Ending },
  },
})

export const revokeToken = operation({
  method: 'DELETE',
  url: '/tokens/:id',
  config: { access: 'tokens' },
  schema: {
    tags: ['accounts'],
    operationId: 'revokeToken',
    summary: 'End a token or key, and those that it created; their jobs continue unless they are canceled',
    params: IdParams,
    querystring: EndingQuery,
    response: Nothing,
  },
})
