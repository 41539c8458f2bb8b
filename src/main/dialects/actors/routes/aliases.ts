/** Aliases: second names of actors, unique in their tenant (protocol 2.3). */
import { InvalidInputError } from '../../../engine/base/errors.ts'
import { ActorsError, notAuthorized } from '../errors.ts'
import type { Api, Call } from '../http/api.ts'
import type { Fields } from '../http/fields.ts'
import { aliasTarget, idOf, type Actor, type Alias } from '../model/actor.ts'
import { READ, UPDATE } from '../model/levels.ts'
import { actorId, parseId } from '../values/ids.ts'
import { aliasView } from '../views.ts'
import { grant, permissions } from './access.ts'
import type { Parts } from './parts.ts'

const PREFIX = 'Invalid alias description'
/** Parts of addresses. */
export const RESERVED = [
  'executions',
  'nonces',
  'logs',
  'messages',
  'adapters',
  'admin',
  'aliases',
  'configs',
  'search',
  'utilization',
  'v2',
]
const FORBIDDEN = /[\\\s":/?#[\]@!$&'()*+,;=\u0000-\u001f\u007f]/

export function aliasRoutes({ api }: Parts): void {
  const { registry } = api
  const view = (alias: Alias, call: Call) => aliasView(alias, actorId(alias.actorKey), call)

  api.on('GET', '/aliases', 'listAliases', async (call) => {
    const { tenant } = api.member(call)
    return { result: registry.aliasesOf(tenant).map((alias) => view(alias, call)), message: 'Aliases retrieved successfully.' }
  })

  api.on('POST', '/aliases', 'addAlias', async (call) => {
    const who = api.member(call, true)
    const fields = call.fields(PREFIX)
    const name = readName(fields)
    const actor = targetOf(api, call, fields)
    if (!api.hasLevel(who, actor, UPDATE)) throw notAuthorized(`you do not have access to ${idOf(actor)}.`)
    const alias: Alias = {
      tenant: who.tenant,
      alias: name,
      actorKey: actor.key,
      ownerId: who.principal,
      owner: who.user,
      createdAt: api.context.now(),
    }
    await registry.addAlias(alias, UPDATE).catch((error: unknown) => {
      throw error instanceof InvalidInputError ? new ActorsError(error.message) : error
    })
    call.request.audited = { kind: 'actor-alias', id: name, detail: { actor: idOf(actor) } }
    return { result: view(alias, call), message: 'Actor alias created successfully.' }
  })

  api.on('GET', '/aliases/:alias', 'getAlias', async (call) => {
    const alias = await api.alias(call, READ)
    return { result: view(alias, call), message: 'Actor alias retrieved successfully.' }
  })

  api.on('PUT', '/aliases/:alias', 'updateAlias', async (call) => {
    const alias = await api.alias(call, UPDATE)
    const fields = call.fields(PREFIX)
    if (fields.has('alias')) throw fields.refuse('alias', 'cannot be changed')
    const actor = targetOf(api, call, fields)
    if (!api.hasLevel(call.who, actor, UPDATE)) {
      throw notAuthorized('you do not have UPDATE access to the actor you want to associate with this alias.')
    }
    await registry.pointAlias(alias, actor.key)
    call.request.audited = { kind: 'actor-alias', id: alias.alias, detail: { actor: idOf(actor) } }
    return { result: view(alias, call), message: 'Actor alias updated successfully.' }
  })

  api.on('DELETE', '/aliases/:alias', 'deleteAlias', async (call) => {
    const alias = await api.alias(call, UPDATE)
    await registry.deleteAlias(alias)
    call.request.audited = { kind: 'actor-alias', id: alias.alias, detail: null }
    return { result: null, message: 'Actor alias deleted successfully.' }
  })

  api.on('GET', '/aliases/:alias/permissions', 'getAliasPermissions', async (call) => {
    const alias = await api.alias(call, READ)
    return { result: permissions(api, aliasTarget(alias)), message: 'Permissions retrieved successfully.' }
  })

  api.on('POST', '/aliases/:alias/permissions', 'updateAliasPermissions', async (call) => {
    const alias = await api.alias(call, UPDATE)
    await grant(api, call, aliasTarget(alias))
    return { result: permissions(api, aliasTarget(alias)), message: 'Permission added successfully.' }
  })
}

function readName(fields: Fields): string {
  const name = fields.required('alias', fields.text('alias', 200))
  if (parseId(name)) throw fields.refuse('alias', 'looks like the id of an actor')
  if (RESERVED.includes(name)) throw fields.refuse('alias', `is a reserved word; these are ${RESERVED.join(', ')}`)
  if (FORBIDDEN.test(name) || /^\.+$/.test(name)) throw fields.refuse('alias', 'must not contain spaces and special characters')
  return name
}

function targetOf({ registry }: Api, { who }: Call, fields: Fields): Actor {
  const text = fields.required('actorId', fields.text('actorId', 200))
  const actor = registry.resolve(who.tenant, text)
  if (!actor) throw new ActorsError(`No actor found with id: ${text}.`, 404)
  return actor
}
