/** The form of an actor, between what is typed and what the API takes. Pure. */
import type { Actor } from './actorsApi.ts'

export interface ActorFields {
  image: string
  name: string
  description: string
  stateful: boolean
  webhook: string
  /** `NAME=value`, one a line. */
  environment: string
  cronSchedule: string
  cronOn: boolean
}

export const NEW_ACTOR: ActorFields = {
  image: '',
  name: '',
  description: '',
  stateful: false,
  webhook: '',
  environment: '',
  cronSchedule: '',
  cronOn: false,
}

export function fieldsOf(actor: Actor): ActorFields {
  const { image, name = '', description, stateless, webhook, defaultEnvironment, cronSchedule, cronOn } = actor
  const lines = Object.entries(defaultEnvironment).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return {
    image,
    name,
    description,
    stateful: !stateless,
    webhook,
    environment: lines.join('\n'),
    cronSchedule: cronSchedule ?? '',
    cronOn,
  }
}

/**
 * The variables of these lines; undefined when one is none. Values that another client set and that did not change here stay
 * as they were: numbers and objects too, and texts of several lines.
 */
export function readEnvironment(text: string, before: Readonly<Record<string, unknown>> = {}): Record<string, unknown> | undefined {
  const known = new Map(
    Object.entries(before).map(([key, value]) => [`${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`, value]),
  )
  const found: Record<string, unknown> = {}
  let rest = text
  for (const [line, value] of known) {
    // As it was shown, on lines of its own.
    const at = `\n${rest}\n`.indexOf(`\n${line}\n`)
    if (at < 0) continue
    found[line.slice(0, line.indexOf('='))] = value
    rest = `${rest.slice(0, at)}${rest.slice(at + line.length + 1)}`
  }
  for (const line of rest.split('\n')) {
    if (line.trim() === '') continue
    const equals = line.indexOf('=')
    if (equals < 1) return undefined
    found[line.slice(0, equals).trim()] = line.slice(equals + 1)
  }
  return found
}

/** Empty, or `now + 1 day`, `2027-01-31 20 + 2 weeks`. */
export const isSchedule = (text: string): boolean =>
  text.trim() === '' || /^(\d{4}-\d{1,2}-\d{1,2} +\d{1,2}|now) *\+ *\d{1,6} +(hour|day|week|month)s?$/i.test(text.trim())
