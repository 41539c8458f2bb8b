/**
 * Converts the farm's settings to the document that the original keeps in `flamenco-manager.yaml` (§10.1), and back.
 * Keys that are set on our command line or that we do not support are shown; changing them is refused. Pure.
 */
import { Value } from 'typebox/value'
import { InvalidInputError } from '../../engine/base/errors.ts'
import { JOBS_VARIABLE } from '../../engine/compile/variables.ts'
import { FarmSettings, type Variables } from '../../../shared/schemas/settings.ts'
import { formatGoDuration, parseGoDuration } from './goDuration.ts'

/** Our settings under the document's names, for validation errors. */
const FILE_KEYS: Partial<Record<keyof FarmSettings, string>> = {
  managerName: 'manager_name',
  sharedStoragePath: 'shared_storage_path',
  shamanEnabled: 'shaman.enabled',
  shamanGcPeriodMs: 'shaman.garbageCollect.period',
  shamanGcMaxAgeMs: 'shaman.garbageCollect.maxAge',
  taskTimeoutMs: 'task_timeout',
  workerTimeoutMs: 'worker_timeout',
  blocklistThreshold: 'blocklist_threshold',
  taskFailAfterSoftfailCount: 'task_fail_after_softfail_count',
}

/** A settings' field (`managerName`, `variables.x.values`) under its name in the document. */
export function fileKeyOf(field: string): string {
  const [setting = '', ...rest] = field.split('.')
  const known: Record<string, string> = FILE_KEYS
  return [Object.hasOwn(known, setting) ? known[setting] : setting, ...rest].join('.')
}

/** What the document shows and clients cannot change. */
export interface FixedFacts {
  listen: string
  database: string
  localManagerStoragePath: string
}

type Json = Record<string, unknown>

/** Valid names between the braces of a reference. */
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_-]*$/

const DURATIONS = {
  'shaman.garbageCollect.period': 'shamanGcPeriodMs',
  'shaman.garbageCollect.maxAge': 'shamanGcMaxAgeMs',
  task_timeout: 'taskTimeoutMs',
  worker_timeout: 'workerTimeoutMs',
} as const

/** The whole configuration under the original's keys. */
export function settingsToFile(settings: FarmSettings, fixed: FixedFacts): Json {
  return {
    _meta: { version: 3 },
    manager_name: settings.managerName,
    database: fixed.database,
    database_check_period: '0s',
    listen: fixed.listen,
    autodiscoverable: settings.autodiscoverable,
    local_manager_storage_path: fixed.localManagerStoragePath,
    shared_storage_path: settings.sharedStoragePath,
    shaman: {
      enabled: settings.shamanEnabled,
      garbageCollect: { period: formatGoDuration(settings.shamanGcPeriodMs), maxAge: formatGoDuration(settings.shamanGcMaxAgeMs) },
    },
    task_timeout: formatGoDuration(settings.taskTimeoutMs),
    worker_timeout: formatGoDuration(settings.workerTimeoutMs),
    blocklist_threshold: settings.blocklistThreshold,
    task_fail_after_softfail_count: settings.taskFailAfterSoftfailCount,
    mqtt: { client: { enabled: false, broker: '', clientID: 'flamenco', topic_prefix: 'flamenco', username: '', password: '' } },
    variables: Object.fromEntries(Object.entries(settings.variables).map(([name, variable]) => [name, variableToFile(variable)])),
  }
}

function variableToFile({ isTwoWay, values }: Variables[string]): Json {
  return {
    ...(isTwoWay ? { is_twoway: true } : {}),
    // The original's web app edits one platform per value, and cannot save a list of them.
    values: values.flatMap(({ audience, platforms, value }) =>
      platforms.map((platform) => ({ ...(audience === undefined || audience === 'all' ? {} : { audience }), platform, value })),
    ),
  }
}

/**
 * The settings that a whole configuration represents. Omitted keys return to their defaults.
 * @throws InvalidInputError naming the key
 */
export function fileToSettings(file: Json, fixed: FixedFacts): Partial<FarmSettings> {
  const version = valueAt(file, '_meta.version')
  if (version !== undefined && version !== 3)
    throw new InvalidInputError('_meta.version', `unsupported _meta.version ${JSON.stringify(version)}; use 3`)
  refuseFixedChanges(file, fixed)

  const defaults = Value.Create(FarmSettings)
  const changes: Partial<FarmSettings> = {
    managerName: text(file, 'manager_name', defaults.managerName),
    autodiscoverable: flag(file, 'autodiscoverable', defaults.autodiscoverable),
    sharedStoragePath: text(file, 'shared_storage_path', defaults.sharedStoragePath),
    shamanEnabled: flag(file, 'shaman.enabled', defaults.shamanEnabled),
    blocklistThreshold: count(file, 'blocklist_threshold', defaults.blocklistThreshold, 0),
    taskFailAfterSoftfailCount: count(file, 'task_fail_after_softfail_count', defaults.taskFailAfterSoftfailCount, 1),
    variables: variables(file, defaults.variables),
  }
  for (const [key, setting] of Object.entries(DURATIONS)) changes[setting] = duration(file, key, defaults[setting])
  return changes
}

/** The document shows these: sending them back unchanged is fine, changing them is an error. */
function refuseFixedChanges(file: Json, fixed: FixedFacts): void {
  const shown: Json = {
    listen: fixed.listen,
    database: fixed.database,
    local_manager_storage_path: fixed.localManagerStoragePath,
    'mqtt.client.enabled': false,
  }
  for (const [key, value] of Object.entries(shown)) {
    const wanted = valueAt(file, key)
    if (wanted !== undefined && wanted !== value) {
      throw new InvalidInputError(key, `cannot change ${key} here: the start of this manager sets it to ${JSON.stringify(value)}`)
    }
  }
}

function valueAt(file: Json, key: string): unknown {
  let here: unknown = file
  for (const part of key.split('.')) {
    if (here === undefined) return undefined
    if (!isObject(here)) throw new InvalidInputError(key, `${key}: ${JSON.stringify(here)} is not an object`)
    here = Object.hasOwn(here, part) ? here[part] : undefined
  }
  return here
}

/** The file's value, including null; the fallback only when the key is absent. */
function valueOr(file: Json, key: string, fallback: unknown): unknown {
  const value = valueAt(file, key)
  return value === undefined ? fallback : value
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(file: Json, key: string, fallback: string): string {
  const value = valueOr(file, key, fallback)
  if (typeof value !== 'string') throw new InvalidInputError(key, `${key} must be a text`)
  return value
}

function flag(file: Json, key: string, fallback: boolean): boolean {
  const value = valueOr(file, key, fallback)
  if (typeof value !== 'boolean') throw new InvalidInputError(key, `${key} must be true or false`)
  return value
}

function count(file: Json, key: string, fallback: number, minimum: number): number {
  const value = valueOr(file, key, fallback)
  if (!Number.isSafeInteger(value) || Number(value) < minimum)
    throw new InvalidInputError(key, `${key} must be a whole number of at least ${minimum}`)
  return Number(value)
}

function duration(file: Json, key: string, fallbackMs: number): number {
  const value = valueAt(file, key)
  if (value === undefined) return fallbackMs
  const ms = typeof value === 'string' ? parseGoDuration(value) : undefined
  if (ms === undefined || ms < 0) throw new InvalidInputError(key, `${key} must be a duration like "10m0s" or "24h"`)
  return ms
}

function variables(file: Json, fallback: Variables): Variables {
  const found = valueAt(file, 'variables')
  if (found === undefined) return fallback
  if (!isObject(found)) throw new InvalidInputError('variables', 'variables must be an object')
  const odd = Object.keys(found).find((name) => !VARIABLE_NAME.test(name))
  if (odd !== undefined)
    throw new InvalidInputError(`variables.${odd}`, `variables.${odd}: a name has letters, digits, _ and -, and starts with a letter or _`)
  // The original also drops a variable with this name silently.
  const named = Object.entries(found).filter(([name]) => name !== JOBS_VARIABLE)
  return Object.fromEntries(named.map(([name, value]) => [name, variable(`variables.${name}`, value)]))
}

function variable(key: string, value: unknown): Variables[string] {
  if (!isObject(value)) throw new InvalidInputError(key, `${key} must be an object`)
  const isTwoWay = value.is_twoway ?? false
  if (typeof isTwoWay !== 'boolean') throw new InvalidInputError(key, `${key}.is_twoway must be true or false`)
  const values = value.values ?? []
  if (!Array.isArray(values)) throw new InvalidInputError(key, `${key}.values must be a list`)
  return { isTwoWay, values: values.map((each: unknown, index) => variableValue(`${key}.values.${index}`, each)) }
}

function variableValue(key: string, given: unknown): Variables[string]['values'][number] {
  if (!isObject(given)) throw new InvalidInputError(key, `${key} must be an object`)
  const { audience, platform, value } = given
  const platforms: unknown = given.platforms ?? (platform === undefined || platform === '' ? ['all'] : [platform])
  if (!Array.isArray(platforms) || platforms.length === 0 || !platforms.every((name) => typeof name === 'string' && name !== '')) {
    throw new InvalidInputError(key, `${key}.platforms must be a list of names`)
  }
  if (typeof value !== 'string') throw new InvalidInputError(key, `${key}.value must be a text`)
  if (audience !== undefined && audience !== '' && audience !== 'all' && audience !== 'workers' && audience !== 'users') {
    throw new InvalidInputError(key, `${key}.audience must be all, workers or users`)
  }
  return { ...(audience ? { audience } : {}), platforms: [...platforms], value }
}
