/** The state of a stateful actor (protocol 2.6). */
import { ActorsError } from '../errors.ts'
import { parseBody } from '../http/fields.ts'
import type { Body } from '../http/body.ts'
import { READ, UPDATE } from '../model/levels.ts'
import { exactJson } from '../values/json.ts'
import { plainJson } from '../views.ts'
import { shownActor, type Parts } from './parts.ts'

/** Containers get it as a variable, which Linux limits. */
const MAX_STATE_CHARS = 100_000
const PREFIX = 'Invalid actor state description'

export function stateRoutes(parts: Parts): void {
  const { api } = parts

  api.on('GET', '/:actor/state', 'getState', async (call) => {
    const actor = await api.actor(call, READ)
    return { result: { state: plainJson(actor.state) }, message: 'Actor state retrieved successfully.' }
  })

  api.on('POST', '/:actor/state', 'updateState', async (call) => {
    const actor = await api.actor(call, UPDATE)
    if (actor.spec.stateless) throw new ActorsError('actor is stateless.', 404)
    const state = stateOf(call.body)
    await api.registry.change(actor, { state })
    return { result: shownActor(parts, actor, call), message: 'State updated successfully.' }
  })
}

/** JSON text of the new state. @throws ActorsError */
function stateOf(body: Body): string {
  if (body.kind !== 'json' && body.kind !== 'text') throw new ActorsError(`${PREFIX}: state must be JSON serializable.`)
  const state = isJson(body.text) ? checkedJson(body.text) : JSON.stringify(body.text)
  if (['{}', '[]', '""', 'false', 'null'].includes(state) || Number(state) === 0)
    throw new ActorsError(`${PREFIX}: state must be JSON serializable.`)
  if (state.length > MAX_STATE_CHARS)
    throw new ActorsError(`${PREFIX}: {'state': 'must have at most ${MAX_STATE_CHARS} characters as JSON'}`)
  return state
}

/** As it was written, without what surrounds it. @throws ActorsError for what cannot be stored */
function checkedJson(text: string): string {
  const value = parseBody(PREFIX, text)
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0 ? exactJson(value) : text.trim()
}

/** agavepy sends a text without quotes; it is the state as it is. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
