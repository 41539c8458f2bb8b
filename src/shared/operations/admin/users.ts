/** Operations of the native API: admin/users. */
import { Type } from 'typebox'
import { User, NewUser, UserPatch, Ending, EndingQuery } from '../../schemas/account.ts'
import { IdParams, Nothing } from '../params.ts'
import { operation } from '../operation.ts'

export const listUsers = operation({
  method: 'GET',
  url: '/users',
  config: { access: 'admin' },
  schema: { tags: ['accounts'], operationId: 'listUsers', summary: 'Users', response: { 200: Type.Object({ items: Type.Array(User) }) } },
})

export const createUser = operation({
  method: 'POST',
  url: '/users',
  config: { access: 'admin', auditBody: false },
  schema: { tags: ['accounts'], operationId: 'createUser', summary: 'Create a user', body: NewUser, response: { 201: User } },
})

export const changeUser = operation({
  method: 'PATCH',
  url: '/users/:id',
  config: { access: 'admin' },
  schema: {
    tags: ['accounts'],
    operationId: 'changeUser',
    summary: 'Change name, role or password of a user, or disable the user',
    params: IdParams,
    body: UserPatch,
    response: { 200: User },
  },
})

export const previewUserEnd = operation({
  method: 'GET',
  url: '/users/:id/ending',
  config: { access: 'admin' },
  schema: {
    tags: ['accounts'],
    operationId: 'previewUserEnd',
    summary: 'What would end with a user',
    params: IdParams,
    response: { 200: Ending },
  },
})

export const deleteUser = operation({
  method: 'DELETE',
  url: '/users/:id',
  config: { access: 'admin' },
  schema: {
    tags: ['accounts'],
    operationId: 'deleteUser',
    summary: 'Remove a user, and all tokens that act for the user or that the user created; jobs continue unless they are canceled',
    params: IdParams,
    querystring: EndingQuery,
    response: Nothing,
  },
})
