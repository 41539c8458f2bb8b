/** /users: the farm's users, for admins. */
import { listUsers, createUser, changeUser, previewUserEnd, deleteUser } from '../../../../shared/operations/admin/users.ts'
import type { User } from '../../../../shared/schemas/account.ts'
import type { User as UserState } from '../../../security/accounts/accountRecords.ts'
import { time } from '../../../store/queries/format.ts'
import type { ServerContext } from '../../../http/context.ts'
import { NotFoundError } from '../../../engine/base/errors.ts'
import { userPrincipal } from '../../../security/accounts/principals.ts'
import { type NativeApp } from '../common.ts'
import { cancelJobs, endingOf } from './endings.ts'

export function userRoutes(app: NativeApp, context: ServerContext): void {
  const { accounts } = context.security
  const shown = (user: UserState): User => ({
    id: user.publicId,
    name: user.name,
    role: user.role,
    disabled: user.disabledAt !== null,
    createdAt: time(user.createdAt),
  })

  app.route({ ...listUsers, handler: () => ({ items: accounts.users().map(shown) }) })
  app.route({
    ...createUser,
    handler: async (request, reply) => {
      const user = await accounts.createUser(request.body)
      request.audited = { kind: 'user', id: user.publicId, detail: { name: user.name, role: user.role } }
      return reply.code(201).send(shown(user))
    },
  })
  app.route({
    ...changeUser,
    handler: async (request) => {
      return shown(await accounts.changeUser(request.params.id, request.body))
    },
  })
  app.route({
    ...previewUserEnd,
    handler: ({ params }) => {
      const user = accounts.findUser(params.id)
      if (!user) throw new NotFoundError('user', params.id)
      return endingOf(context, accounts.tokenBook.ofUser(user.id), [userPrincipal(user.publicId)])
    },
  })
  app.route({
    ...deleteUser,
    handler: async (request, reply) => {
      const { user, ended } = await accounts.deleteUser(request.params.id)
      const cancels = request.query.jobs === 'cancel'
      const { jobs } = cancels ? await endingOf(context, ended, [userPrincipal(user.publicId)]) : { jobs: [] }
      const canceled = await cancelJobs(context, request, jobs)
      request.audited = { detail: { name: user.name, ended: ended.map(({ publicId }) => publicId), canceled } }
      return reply.code(204).send(null)
    },
  })
}
