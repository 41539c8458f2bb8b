/** Permissions and nonces of actors and aliases (protocol 2.7, 2.8, 2.3). */
import { randomBytes } from 'node:crypto'
import { ActorsError, notAuthorized } from '../errors.ts'
import type { Api, Call } from '../http/api.ts'
import type { Fields } from '../http/fields.ts'
import { principalOf } from '../identity/who.ts'
import { actorTarget, aliasTarget, idOf, type Actor, type Alias, type Nonce } from '../model/actor.ts'
import { EXECUTE, levelName, parseLevel, READ, UPDATE, WORLD } from '../model/levels.ts'
import { ActorsSettings } from '../settings.ts'
import { actorUrl, nonceView } from '../views.ts'
import { userPrincipal } from '../../../security/accounts/principals.ts'
import type { Parts } from './parts.ts'

export function accessRoutes({ api }: Parts): void {
  api.on('GET', '/:actor/permissions', 'getPermissions', async (call) => {
    const actor = await api.actor(call, READ)
    return { result: permissions(api, actorTarget(actor)), message: 'Permissions retrieved successfully.' }
  })
  api.on('POST', '/:actor/permissions', 'updatePermissions', async (call) => {
    const actor = await api.actor(call, UPDATE)
    await grant(api, call, actorTarget(actor))
    return { result: permissions(api, actorTarget(actor)), message: 'Permission added successfully.' }
  })

  nonceRoutes(api, '/:actor', async (call, level) => {
    const actor = await api.actor(call, level)
    return { target: actorTarget(actor), about: { actorId: idOf(actor) }, link: actorUrl(call, idOf(actor)), actor, maxLevel: UPDATE }
  })
  nonceRoutes(api, '/aliases/:alias', async (call, level) => {
    const { alias, actor } = await aliasWithActor(api, call, level)
    const link = `${call.base}/actors/v2/aliases/${alias.alias}`
    return { target: aliasTarget(alias), about: { alias: alias.alias }, link, actor, maxLevel: EXECUTE }
  })
}

/** Name → level. */
export function permissions({ registry }: Api, target: string): Record<string, string> {
  return Object.fromEntries(registry.permissionsOf(target).map(([user, level]) => [user, levelName(level)]))
}

/** Sets one user's level. @throws ActorsError naming the field */
export async function grant(api: Api, call: Call, target: string): Promise<void> {
  const fields = call.fields('Invalid permission description')
  const user = fields.required('user', fields.text('user', 200)?.trim())
  const text = fields.required('level', fields.text('level', 20))
  const level = parseLevel(text)
  if (level === undefined)
    throw new ActorsError(`Invalid permission level: ${text}. (level) The valid values are: NONE, READ, EXECUTE, UPDATE`)
  const principal = user === WORLD ? WORLD : principalFor(api, call, user)
  if (principal === undefined) throw fields.refuse('user', `there is no user ${user}`)
  await api.registry.grant(target, principal, user, level)
  call.request.audited = { kind: 'actor-permission', id: target, detail: { user, level: levelName(level) } }
}

function principalFor({ context }: Api, { who }: Call, user: string): string | undefined {
  const { actorsTenant, actorsGatewayKey, actorsUnsignedAssertions } = context.settings.of(ActorsSettings)
  const users =
    who.tenant === actorsTenant
      ? new Map(context.security.accounts.users().map(({ name, publicId }) => [name, userPrincipal(publicId)]))
      : undefined
  return principalOf(user, who.tenant, { users, hasGateway: actorsGatewayKey !== '' || actorsUnsignedAssertions })
}

interface NonceHome {
  target: string
  about: { actorId?: string; alias?: string }
  link: string
  actor: Actor
  /** The highest level of a nonce here. */
  maxLevel: number
}

function nonceRoutes(api: Api, path: string, homeOf: (call: Call, level: number) => Promise<NonceHome>): void {
  const { registry } = api
  const view = (nonce: Nonce, home: NonceHome, call: Call) => nonceView(nonce, home.about, home.link, call)

  api.on('GET', `${path}/nonces`, 'listNonces', async (call) => {
    const home = await homeOf(call, READ)
    return {
      result: registry.noncesOf(home.target).map((nonce) => view(nonce, home, call)),
      message: 'Actor nonces retrieved successfully.',
    }
  })

  api.on('POST', `${path}/nonces`, 'addNonce', async (call) => {
    const home = await homeOf(call, UPDATE)
    const values = readNonce(call.fields('Invalid nonce description'), home.maxLevel)
    const nonce = await registry.addNonce({
      ...values,
      id: `${call.who.tenant}_${randomBytes(18).toString('base64url').replace(/[-_]/g, 'x')}`,
      tenant: call.who.tenant,
      target: home.target,
      ownerId: call.who.principal,
      owner: call.who.user,
      roles: call.who.roles,
      currentUses: 0,
      createdAt: api.context.now(),
      lastUsedAt: null,
    })
    call.request.audited = { kind: 'actor-nonce', id: home.target, detail: { level: levelName(nonce.level), maxUses: nonce.maxUses } }
    return { result: view(nonce, home, call), message: 'Actor nonce created successfully.' }
  })

  api.on('GET', `${path}/nonces/:nonce`, 'getNonce', async (call) => {
    const home = await homeOf(call, READ)
    return { result: view(need(home, call), home, call), message: 'Actor nonce retrieved successfully.' }
  })

  api.on('DELETE', `${path}/nonces/:nonce`, 'deleteNonce', async (call) => {
    const home = await homeOf(call, UPDATE)
    await registry.deleteNonce(need(home, call))
    call.request.audited = { kind: 'actor-nonce', id: home.target, detail: null }
    return { result: null, message: 'Actor nonce deleted successfully.' }
  })

  function need({ target }: NonceHome, call: Call): Nonce {
    const nonce = registry.findNonce(call.param('nonce'))
    if (nonce?.target !== target) throw new ActorsError('Nonce not found.')
    return nonce
  }
}

/** @throws ActorsError naming the field */
function readNonce(fields: Fields, maxLevel: number): Pick<Nonce, 'level' | 'maxUses' | 'description'> {
  const text = fields.text('level', 20) ?? 'EXECUTE'
  const level = parseLevel(text)
  if (level === undefined || level > maxLevel) {
    throw fields.refuse('level', `must be one of NONE, READ, EXECUTE${maxLevel === UPDATE ? ', UPDATE' : ''}`)
  }
  const maxUses = fields.int('maxUses', -1, 1_000_000_000) ?? -1
  if (maxUses === 0)
    throw new ActorsError(
      'The max uses parameter must be a positive integer or -1 (to denote unlimited uses). (' + fields.spelled('maxUses') + ')',
    )
  return { level, maxUses, description: fields.text('description', 10_000) ?? '' }
}

/** Needs the level on both. @throws ActorsError */
async function aliasWithActor(api: Api, call: Call, level: number): Promise<{ alias: Alias; actor: Actor }> {
  const { registry } = api
  const alias = registry.findAlias(call.who.tenant, call.param('alias'))
  const actor = alias && registry.find(alias.actorKey)
  if (!alias || !actor) throw new ActorsError(`Alias '${call.param('alias')}' not found.`, 404)
  const who = api.member(call, level > READ)
  const hasAlias = who.isAdmin || registry.levelOf(aliasTarget(alias), who.principal) >= level
  if (!hasAlias || !api.hasLevel(who, actor, level)) throw notAuthorized('you do not have access to this alias and actor.')
  return { alias, actor }
}
