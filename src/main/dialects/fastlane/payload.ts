/**
 * The body of enqueue and PUT (protocol 3). Everything is validated before anything is stored; errors are plain texts,
 * the first three with the original's wording. Unknown keys are ignored. Pure.
 */
import { isIP } from 'node:net'
import { InvalidInputError } from '../../engine/base/errors.ts'
import { checkTrigger } from '../../engine/rules/schedules/trigger.ts'
import { parseJson } from '../../http/body.ts'
import { assertUsableTexts } from '../../http/validation/texts.ts'
import { TextError } from './errors.ts'
import { startInMs } from './values.ts'

const HOOK_EVENTS = ['succeeds', 'fails', 'finishes'] as const
type HookEvent = (typeof HOOK_EVENTS)[number]

export interface Hook {
  url: string
  headers: Record<string, string>
  retries: number
}

/** When it runs. `at`: milliseconds since the epoch. */
export type Start = { kind: 'now' } | { kind: 'delayed'; at: number } | { kind: 'cron'; expression: string }

export interface Payload {
  image: string
  command: string
  start: Start
  /** Stops a run after this time; milliseconds. */
  timeoutMs: number
  /** Expires if not started by then; milliseconds since the epoch. */
  expiresAt: number | null
  env: Record<string, string | null>
  extraHosts: Record<string, string>
  /** The job's metadata as clients see it (protocol 4.2), without the parts that change. */
  metadata: Record<string, unknown> & { retries: number }
  /** False: `custom` of an older payload stays. */
  hasCustom: boolean
}

const MAX_RETRIES = 1_000_000
/** Larger values are not dates. */
const MAX_SECONDS = 253_402_300_799

/** @param body undefined or the body as text. @throws TextError */
export function parseBody(body: unknown): unknown {
  try {
    return typeof body === 'string' ? parseJson(body) : body
  } catch {
    throw unparsable()
  }
}

function unparsable(): TextError {
  return new TextError('Failed to enqueue task because JSON body could not be parsed.')
}

/** @param body parsed JSON. @throws TextError */
export function readPayload(body: unknown, settings: { maxRunMs: number }, now: number): Payload {
  if (!isObject(body)) throw unparsable()
  const { image, command } = body
  if (isAbsent(image) || isAbsent(command)) throw new TextError('image and command must be filled in the request.')
  const starts = ['startAt', 'startIn', 'cron'].filter((key) => !isAbsent(body[key]))
  if (starts.length > 1) throw new TextError("Only ONE of 'startAt', 'startIn' and 'cron' should be in the request.")

  const envs = objectOf(body, 'envs')
  const dns = objectOf(body, 'additionalDNSEntries')
  const retries = isAbsent(body['retries']) ? 0 : wholeNumber(body['retries'], 'retries', 0, MAX_RETRIES)
  const timeout = isAbsent(body['timeout']) ? settings.maxRunMs / 1000 : wholeNumber(body['timeout'], 'timeout', 1, MAX_SECONDS)
  const timeoutMs = Math.min(timeout * 1000, settings.maxRunMs)
  const expiration = isAbsent(body['expiration']) ? null : wholeNumber(body['expiration'], 'expiration', 0, MAX_SECONDS)
  const custom = body['metadata']
  const hasCustom = isObject(custom) && Object.keys(custom).length > 0
  const start = startOf(body, now)
  const extraHosts = hostsOf(dns)
  checkMailLists(objectOf(body, 'notify'))
  for (const event of HOOK_EVENTS) hooksOf(body['webhooks'], event)
  const env = environmentOf(envs)
  const texts = { image: textOf(image, 'image', 1_000), command: textOf(command, 'command', 131_072) }
  checkTexts(body)
  return {
    ...texts,
    start,
    timeoutMs,
    expiresAt: expiration === null ? null : expiration * 1000,
    env,
    extraHosts,
    hasCustom,
    metadata: {
      retries,
      expiration,
      timeout: timeoutMs / 1000,
      envs,
      notify: isAbsent(body['notify']) ? emptyLists() : body['notify'],
      webhooks: isAbsent(body['webhooks']) ? emptyLists() : body['webhooks'],
      additional_dns_entries: Object.entries(extraHosts),
      ...(hasCustom && { custom }),
      ...(start.kind === 'cron' && { cron: start.expression }),
    },
  }
}

/**
 * The hooks of a list as they will be called, without those that have no address. @throws TextError for one that cannot
 * be called
 */
export function hooksOf(webhooks: unknown, event: HookEvent): Hook[] {
  if (isAbsent(webhooks)) return []
  if (!isObject(webhooks)) throw new TextError('webhooks must be an object with the keys succeeds, fails and finishes.')
  const list = webhooks[event]
  if (isAbsent(list)) return []
  if (!Array.isArray(list)) throw new TextError(`webhooks.${event} must be a list.`)
  return list.flatMap((hook: unknown, index) => {
    const at = `webhooks.${event}[${index}]`
    if (!isObject(hook)) throw new TextError(`${at} must be an object.`)
    if (isAbsent(hook['url']) || hook['url'] === '') return []
    const url = textOf(hook['url'], `${at}.url`, 2_048)
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new TextError(`${at}.url must be an HTTP or HTTPS address.`)
    const retries = isAbsent(hook['retries']) ? 0 : wholeNumber(hook['retries'], `${at}.retries`, 0, 100)
    return [{ url, headers: headersOf(hook['headers'], `${at}.headers`), retries }]
  })
}

/** Addresses of a mail list. */
export function mailsOf(notify: unknown, event: HookEvent): string[] {
  const list = isObject(notify) ? notify[event] : undefined
  return Array.isArray(list) ? list.filter((each) => typeof each === 'string' && each !== '') : []
}

function startOf(body: Record<string, unknown>, now: number): Start {
  const { startAt, startIn, cron } = body
  if (!isAbsent(startAt)) {
    const seconds = wholeNumber(startAt, 'startAt', 0, MAX_SECONDS)
    return seconds === 0 ? { kind: 'now' } : { kind: 'delayed', at: seconds * 1000 }
  }
  if (!isAbsent(startIn)) {
    const ms = typeof startIn === 'string' ? startInMs(startIn) : undefined
    if (ms === undefined) throw new TextError(`startIn must be a text such as 10s, 2m30s or 4h, not ${JSON.stringify(startIn)}.`)
    if (now + ms > MAX_SECONDS * 1000) throw new TextError('startIn is too far ahead.')
    return { kind: 'delayed', at: now + ms }
  }
  if (isAbsent(cron)) return { kind: 'now' }
  const expression = textOf(cron, 'cron', 200)
  try {
    checkTrigger({ kind: 'cron', expression, seconds: 'last' }, now)
  } catch (error) {
    if (error instanceof InvalidInputError) throw new TextError(`cron ${JSON.stringify(expression)} cannot be used: ${error.message}`)
    throw error
  }
  return { kind: 'cron', expression }
}

/** Values as a container receives them: null passes the name alone, anything but a text is written as JSON. */
function environmentOf(envs: Record<string, unknown>): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(envs).map(([name, value]) => {
      if (name === '' || /[=\0]/.test(name)) throw new TextError(`envs: ${JSON.stringify(name)} is no name of a variable.`)
      const text = value === null || typeof value === 'string' ? value : JSON.stringify(value)
      if (text?.includes('\0')) throw new TextError(`envs.${name} must not contain the character NUL.`)
      return [name, text]
    }),
  )
}

function hostsOf(entries: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(entries).map(([host, address]) => {
      if (!/^[A-Za-z0-9_.-]{1,253}$/.test(host)) throw new TextError(`additionalDNSEntries: ${JSON.stringify(host)} is no host name.`)
      if (typeof address !== 'string' || isIP(address) === 0) throw new TextError(`additionalDNSEntries.${host} must be an IP address.`)
      return [host, address]
    }),
  )
}

/** @throws TextError for any text that cannot be stored unchanged */
function checkTexts(body: Record<string, unknown>): void {
  try {
    assertUsableTexts(body)
  } catch (error) {
    if (error instanceof InvalidInputError) throw new TextError(`${error.message.slice(1).replaceAll('/', '.')}.`)
    throw error
  }
}

function checkMailLists(notify: Record<string, unknown>): void {
  for (const event of HOOK_EVENTS) {
    const list = notify[event]
    if (isAbsent(list)) continue
    const bad =
      !Array.isArray(list) || list.some((address) => typeof address !== 'string' || address.length > 320 || /[\r\n]/.test(address))
    if (bad) throw new TextError(`notify.${event} must be a list of mail addresses.`)
  }
}

function headersOf(headers: unknown, at: string): Record<string, string> {
  if (isAbsent(headers)) return {}
  if (!isObject(headers)) throw new TextError(`${at} must be an object.`)
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
      const fits = typeof text === 'string' && /^[\t\x20-\x7e\x80-\xff]*$/.test(text) && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)
      if (!fits) throw new TextError(`${at}: ${JSON.stringify(name)} cannot be sent as a header.`)
      return [name, text]
    }),
  )
}

function emptyLists(): Record<HookEvent, unknown[]> {
  return { succeeds: [], fails: [], finishes: [] }
}

function objectOf(body: Record<string, unknown>, key: string): Record<string, unknown> {
  const value = body[key]
  if (isAbsent(value)) return {}
  if (!isObject(value)) throw new TextError(`${key} must be an object.`)
  return value
}

function textOf(value: unknown, name: string, maxLength: number): string {
  if (typeof value !== 'string') throw new TextError(`${name} must be a text.`)
  if (value.length > maxLength) throw new TextError(`${name} is longer than ${maxLength} characters.`)
  if (value.includes('\0')) throw new TextError(`${name} must not contain the character NUL.`)
  return value
}

/** A number, or a text that contains one; fractions are cut off. */
function wholeNumber(value: unknown, name: string, min: number, max: number): number {
  const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value.trim()) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number) || Math.trunc(number) < min || number > max) {
    throw new TextError(`${name} must be a whole number, ${min} or more.`)
  }
  return Math.trunc(number)
}

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
