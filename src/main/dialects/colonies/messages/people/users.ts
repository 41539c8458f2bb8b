/** Users: protocol 3.4. */
import { Type } from 'typebox'
import { checkName } from '../../people/executors.ts'
import type { Colony, User } from '../../people/registry.ts'
import { ColoniesError } from '../../wire/errors.ts'
import { text } from '../../wire/lenient.ts'
import { isId } from '../../wire/values.ts'
import { onColony } from '../audit.ts'
import { DONE, message } from '../message.ts'

const UserBody = Type.Object({ colonyname: text, userid: text, name: text, email: text, phone: text })

const userView = (colony: Colony, { userId, name, email, phone }: User) => ({ colonyname: colony.name, userid: userId, name, email, phone })

export const USER_MESSAGES = [
  message(
    'addusermsg',
    { user: UserBody },
    async ({ roles, registry }, { user: body }, { signer }) => {
      const colony = roles.needOwner(signer, body.colonyname, true)
      const { userid: userId, name, email, phone } = body
      if (!isId(userId)) throw new ColoniesError(400, 'userid must be 64 hexadecimal digits in lower case')
      checkName(name, 'name')
      if (colony.users.has(name)) throw new ColoniesError(400, `User with name <${name}> in Colony <${colony.name}> already exists`)
      return userView(colony, await registry.addUser(colony, { userId, name, email: email.slice(0, 1_000), phone: phone.slice(0, 1_000) }))
    },
    {
      audit: ({ user: { name, userid, colonyname } }) => ({
        action: 'addColonyUser',
        kind: 'colony-user',
        id: name,
        detail: { colony: colonyname, identity: userid },
      }),
    },
  ),
  message('getusersmsg', { colonyname: text }, ({ roles }, { colonyname }, { signer }) => {
    const colony = roles.needInsider(signer, colonyname)
    return [...colony.users.values()].map((user) => userView(colony, user))
  }),
  message('getusermsg', { colonyname: text, name: text }, ({ roles }, { colonyname, name }, { signer }) => {
    const colony = roles.needInsider(signer, colonyname)
    return userView(colony, found(colony.users.get(name)))
  }),
  message('getuserbyidmsg', { colonyname: text, userid: text }, ({ roles, registry }, { colonyname, userid }, { signer }) => {
    const colony = roles.needInsider(signer, colonyname)
    return userView(colony, found(registry.userIn(colony, userid)))
  }),
  message(
    'removeusermsg',
    { colonyname: text, name: text },
    async ({ roles, registry }, { colonyname, name }, { signer }) => {
      const colony = roles.needOwner(signer, colonyname, true)
      const user = colony.users.get(name)
      if (!user) throw new ColoniesError(400, `User with name <${name}> not found in Colony <${colonyname}>`)
      await registry.removeUser(colony, user)
      return DONE
    },
    { audit: onColony('removeColonyUser', 'colony-user', 'name') },
  ),
  message(
    'changeuseridmsg',
    { colonyname: text, userid: text },
    async ({ roles, registry }, { colonyname, userid }, { signer }) => {
      const { user } = roles.needMember(signer, colonyname)
      if (!user) throw new ColoniesError(403, 'Access denied, not a user')
      if (!isId(userid)) throw new ColoniesError(400, 'userid must be 64 hexadecimal digits in lower case')
      await registry.changeUserId(user, userid)
      return DONE
    },
    {
      audit: ({ colonyname, userid }) => ({ action: 'changeColonyUser', kind: 'colony-user', id: userid, detail: { colony: colonyname } }),
    },
  ),
]

function found(user: User | undefined): User {
  if (!user) throw new ColoniesError(404, 'User not found')
  return user
}
