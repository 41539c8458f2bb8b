/** An actor's description from a request: every field checked, defaults filled in. */
import type { Fields } from '../http/fields.ts'
import { ActorsError, notAuthorized } from '../errors.ts'
import type { Who } from '../identity/who.ts'
import { parseCron } from '../values/cron.ts'
import type { ActorSpec } from './actor.ts'

export const DESCRIPTION = 'Invalid actor description'

export interface SpecRules {
  who: Pick<Who, 'isPrivileged'>
  tokenDefault: boolean
  queues: readonly string[]
  now: number
  /** The description before; missing: a new actor. */
  before?: ActorSpec
}

const TYPES = ['none', 'bin', 'json']
const MAX_TEXT = 10_000
const MAX_ENVIRONMENT = 131_072
const MEMORY = /^(-1|\d{1,15}[bkmgBKMG]?)$/
/** What only privileged users may set, and how the refusal calls it. */
const PRIVILEGED_FIELDS = [
  ['privileged', 'make privileged actors'],
  ['maxWorkers', 'set max workers'],
  ['maxCpus', 'set max CPUs'],
  ['memLimit', 'set mem limit'],
  ['queue', 'set queue'],
  ['useContainerUid', 'set use_container_uid'],
] as const

/** @throws ActorsError naming the field */
export function readSpec(fields: Fields, rules: SpecRules): ActorSpec {
  const isNew = rules.before === undefined
  const image = fields.required('image', fields.text('image', 1_000)?.trim())
  if (!/^[\w][\w.\-/:@+]*$/.test(image)) throw fields.refuse('image', 'must be the name of a Docker image')
  const stateless = fields.bool('stateless') ?? true
  const cronSchedule = fields.text('cronSchedule', 200)?.trim() || null
  const spec: ActorSpec = {
    image,
    stateless,
    type: fields.text('type', 20) || 'none',
    link: fields.text('link', 200) ?? '',
    token: fields.bool('token') ?? rules.tokenDefault,
    ...(fields.bool('token') === undefined && { tokenByDefault: true as const }),
    webhook: webhookOf(fields),
    hints: hintsOf(fields),
    description: fields.text('description', MAX_TEXT) ?? '',
    privileged: fields.bool('privileged') ?? false,
    maxWorkers: fields.int('maxWorkers', 1, 1_000) ?? null,
    memLimit: memoryOf(fields),
    maxCpus: fields.int('maxCpus', -1, 1_000_000_000_000) ?? null,
    useContainerUid: fields.bool('useContainerUid') ?? false,
    defaultEnvironment: environmentOf(fields),
    queue: fields.text('queue', 100) || 'default',
    logEx: fields.int('logEx', -1, 3_153_600_000) ?? null,
    cronSchedule,
    cronOn: (fields.bool('cronOn') ?? false) || (isNew && cronSchedule !== null),
  }
  if (!TYPES.includes(spec.type)) throw fields.refuse('type', `must be one of ${TYPES.join(', ')}`)
  checkRights(spec, rules, fields)
  if (!stateless && spec.maxWorkers !== null)
    throw new ActorsError(`${DESCRIPTION}: stateful actors can only have 1 worker. (${fields.spelled('maxWorkers')})`)
  if (!rules.queues.includes(spec.queue)) throw new ActorsError(`${DESCRIPTION}: Invalid queue name. (queue)`)
  if (stateless && rules.before?.stateless === false) {
    throw new ActorsError(`${DESCRIPTION}: an actor that was not stateless cannot be updated to be stateless. (stateless)`)
  }
  // A schedule that stays as it was may have begun long ago.
  if (cronSchedule !== null && cronSchedule !== rules.before?.cronSchedule) parseCron(cronSchedule, rules.now)
  return spec
}

function checkRights(spec: ActorSpec, { who }: SpecRules, fields: Fields): void {
  if (who.isPrivileged) return
  for (const [field, deed] of PRIVILEGED_FIELDS) {
    const value = spec[field]
    const isDefault = value === null || value === false || (field === 'queue' && value === 'default')
    if (!isDefault) throw notAuthorized(`only admins and privileged users can ${deed}. (${fields.spelled(field)})`)
  }
}

function hintsOf(fields: Fields): string[] {
  const hints = fields.list('hints', 100) ?? []
  const bad = hints.find((hint) => /["'{}[\]]/.test(hint))
  if (bad !== undefined) throw fields.refuse('hints', 'must be a list of texts without quotes, braces and brackets')
  return hints.filter((hint) => hint !== '')
}

function webhookOf(fields: Fields): string {
  const webhook = fields.text('webhook', 2_048)?.trim() ?? ''
  if (webhook === '') return ''
  if (!URL.canParse(webhook) || !/^https?:$/.test(new URL(webhook).protocol))
    throw fields.refuse('webhook', 'must be an HTTP or HTTPS address')
  return webhook
}

function memoryOf(fields: Fields): string | null {
  const memory = fields.text('memLimit', 20)
  if (memory === undefined || memory === '') return null
  if (!MEMORY.test(memory)) throw fields.refuse('memLimit', 'must be a size such as 512m or 2g, or -1 for no limit')
  return memory
}

function environmentOf(fields: Fields): string {
  const text = fields.object('defaultEnvironment', MAX_ENVIRONMENT) ?? '{}'
  // Only the names matter here.
  const names = Object.keys(JSON.parse(text) as Record<string, unknown>)
  const bad = names.find((name) => name === '' || /[=\0]/.test(name))
  if (bad !== undefined) throw fields.refuse('defaultEnvironment', 'must have names of variables as keys')
  return text
}
