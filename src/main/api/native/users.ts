/** /users: the people of the farm, for admins. */
import { Type } from 'typebox'
import { NewUser, User, UserPatch } from '../../../shared/schemas/account.ts'
import type { User as UserState } from '../../security/accountRecords.ts'
import { time } from '../../store/queries/format.ts'
import type { ServerContext } from '../context.ts'
import { IdParams, Nothing, type NativeApp } from './common.ts'

const tags = ['accounts']

export function userRoutes(app: NativeApp, context: ServerContext): void {
  const { accounts } = context.security
  const shown = (user: UserState): User => ({
    id: user.publicId,
    name: user.name,
    role: user.role,
    disabled: user.disabledAt !== null,
    createdAt: time(user.createdAt),
  })

  app.get(
    '/users',
    {
      config: { access: 'admin' },
      schema: { tags, operationId: 'listUsers', summary: 'Users', response: { 200: Type.Object({ items: Type.Array(User) }) } },
    },
    () => ({ items: accounts.users().map(shown) }),
  )
  app.post(
    '/users',
    {
      config: { access: 'admin', auditBody: false },
      schema: { tags, operationId: 'createUser', summary: 'A new user', body: NewUser, response: { 201: User } },
    },
    async (request, reply) => {
      const user = await accounts.createUser(request.body)
      request.audited = { kind: 'user', id: user.publicId, detail: { name: user.name, role: user.role } }
      return reply.code(201).send(shown(user))
    },
  )
  app.patch(
    '/users/:id',
    {
      config: { access: 'admin' },
      schema: {
        tags,
        operationId: 'changeUser',
        summary: 'Change name, role or password of a user, or keep the user out',
        params: IdParams,
        body: UserPatch,
        response: { 200: User },
      },
    },
    async (request) => {
      return shown(await accounts.changeUser(request.params.id, request.body))
    },
  )
  app.delete(
    '/users/:id',
    {
      config: { access: 'admin' },
      schema: { tags, operationId: 'deleteUser', summary: 'Remove a user and all tokens of the user', params: IdParams, response: Nothing },
    },
    async (request, reply) => {
      const user = await accounts.deleteUser(request.params.id)
      request.audited = { detail: { name: user.name } }
      return reply.code(204).send(null)
    },
  )
}
