/** Configs and secrets: values that the executions of some actors get (protocol 2.10). */
import { ActorsError, notAuthorized } from '../errors.ts'
import type { Api, Call } from '../http/api.ts'
import type { Fields } from '../http/fields.ts'
import { configTarget, type Config } from '../model/actor.ts'
import { READ, UPDATE } from '../model/levels.ts'
import { configView } from '../views.ts'
import { grant, permissions } from './access.ts'
import { RESERVED } from './aliases.ts'
import type { Parts } from './parts.ts'

const PREFIX = 'Invalid config description'
const FORBIDDEN = /[\s:/?#[\]@!$&'()*+,;=\u0000-\u001f\u007f]/
const MAX_VALUE_CHARS = 100_000

export function configRoutes({ api }: Parts): void {
  const { registry, context } = api

  api.on('GET', '/configs', 'listConfigs', async (call) => {
    const { tenant } = api.member(call)
    return { result: registry.configsOf(tenant).map((config) => configView(config, call)), message: 'Configs retrieved successfully.' }
  })

  api.on('POST', '/configs', 'addConfig', async (call) => {
    const who = api.member(call, true)
    const fields = call.fields(PREFIX)
    const name = nameOf(fields)
    if (registry.findConfig(who.tenant, name)) throw new ActorsError(`Config ${name} already exists. (name)`)
    const config = { tenant: who.tenant, name, ...valuesOf(api, call, fields) }
    await registry.saveConfig(config, { principal: who.principal, label: who.user, level: UPDATE })
    note(call, config)
    return { result: configView(config, call), message: 'Config created successfully.' }
  })

  api.on('GET', '/configs/:config', 'getConfig', async (call) => {
    return { result: configView(need(api, call, READ), call), message: 'Config retrieved successfully.' }
  })

  api.on('PUT', '/configs/:config', 'updateConfig', async (call) => {
    const before = need(api, call, UPDATE)
    const fields = call.fields(PREFIX)
    const name = fields.text('name', 200)
    if (name !== undefined && name !== before.name) throw fields.refuse('name', 'cannot be changed')
    const config = { ...before, ...valuesOf(api, call, fields, before) }
    await registry.saveConfig(config)
    note(call, config)
    return { result: configView(config, call), message: 'Config updated successfully.' }
  })

  api.on('DELETE', '/configs/:config', 'deleteConfig', async (call) => {
    const config = need(api, call, UPDATE)
    await registry.deleteConfig(config)
    note(call, config)
    return { result: null, message: 'Config deleted successfully.' }
  })

  api.on('GET', '/configs/:config/permissions', 'getConfigPermissions', async (call) => {
    return { result: permissions(api, configTarget(need(api, call, READ))), message: 'Permissions retrieved successfully.' }
  })

  api.on('POST', '/configs/:config/permissions', 'updateConfigPermissions', async (call) => {
    const target = configTarget(need(api, call, UPDATE))
    await grant(api, call, target)
    return { result: permissions(api, target), message: 'Permission added successfully.' }
  })

  function valuesOf(from: Api, call: Call, fields: Fields, before?: Config): Pick<Config, 'value' | 'isSecret' | 'actors'> {
    const value = fields.required('value', fields.text('value', MAX_VALUE_CHARS) ?? (before && plainValue(before)))
    const isSecret = fields.required('isSecret', fields.bool('isSecret') ?? before?.isSecret)
    const actors = fields.required('actors', fields.text('actors', 10_000) ?? before?.actors)
    for (const each of actors.split(',')) {
      if (!from.registry.resolve(call.who.tenant, each.trim()))
        throw new ActorsError(`No actor or alias found with id: ${each.trim()}. (actors)`, 404)
    }
    return { value: isSecret ? context.secrets.seal(value) : value, isSecret, actors }
  }

  function plainValue(config: Config): string | undefined {
    return config.isSecret ? context.secrets.unseal(config.value) : config.value
  }
}

function need(api: Api, call: Call, level: number): Config {
  const who = api.member(call, level > READ)
  const name = call.param('config')
  const config = api.registry.findConfig(who.tenant, name)
  if (!config) throw new ActorsError(`Config '${name}' not found.`, 404)
  if (!who.isAdmin && api.registry.levelOf(configTarget(config), who.principal) < level) {
    throw notAuthorized('you do not have access to this config.')
  }
  return config
}

function nameOf(fields: Fields): string {
  const name = fields.required('name', fields.text('name', 200))
  if (RESERVED.includes(name)) throw fields.refuse('name', `is a reserved word; these are ${RESERVED.join(', ')}`)
  if (FORBIDDEN.test(name) || /^\.+$/.test(name)) throw fields.refuse('name', 'must not contain spaces and special characters')
  return name
}

function note({ request }: Call, { name, isSecret, actors }: Config): void {
  request.audited = { kind: 'actor-config', id: name, detail: { isSecret, actors } }
}
