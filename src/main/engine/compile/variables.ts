/**
 * Variables: names for paths and programs, with values by audience and platform (Flamenco §5.8). On submission, values
 * that start with a two-way variable's value become `{name}`; when a task is assigned, `{name}` becomes the value for
 * the worker's platform. Pure; where prefixes overlap, the longest value wins.
 */
import { ensureDriveAbsolute, join, toPlatform, toSlashes, trimTrailingSep } from '../../../shared/paths/crosspath.ts'
import type { Command } from '../../../shared/schemas/jobs/task.ts'
import type { FarmSettings } from '../../../shared/schemas/settings.ts'

export type Audience = 'workers' | 'users'

/** The settings that variables depend on. */
export type VariableSettings = Pick<FarmSettings, 'variables' | 'shamanEnabled'>

/** The manager's properties that variables need. */
export interface VariableHost {
  /** The manager's platform, Go's name (crosspath.goPlatform). */
  platform: string
  /** Absolute path of the shared storage in the manager's own notation. */
  storagePath: string
}

export interface VariableInEffect {
  value: string
  isTwoWay: boolean
}

/** Name of the implicit variable: the folder of jobs' files. It hides a configured variable with that name. */
export const JOBS_VARIABLE = 'jobs'

/** Most texts whose expansion is cached. */
const MAX_REMEMBERED = 1_000

const REFERENCE = /\{([A-Za-z_][A-Za-z0-9_-]*)\}/g

/** The folder of jobs' files: `<storage>/jobs` with Shaman (its file store is beside it), otherwise the storage itself. */
export function jobsFolder(settings: VariableSettings, host: VariableHost): string {
  if (!settings.shamanEnabled) return host.storagePath
  return toPlatform(join(host.storagePath, 'jobs'), host.platform)
}

/** All variables that have a value for this audience and platform, the implicit `jobs` included. */
export function variablesFor(
  settings: VariableSettings,
  audience: Audience,
  platform: string,
  host: VariableHost,
): Map<string, VariableInEffect> {
  const found = new Map<string, VariableInEffect>()
  for (const [name, variable] of Object.entries(settings.variables)) {
    if (name === JOBS_VARIABLE) continue
    const value = lookUp(variable.values, audience, platform)
    if (value === undefined) continue
    found.set(name, { value: variable.isTwoWay ? trimTrailingSep(value) : value, isTwoWay: variable.isTwoWay })
  }
  found.set(JOBS_VARIABLE, { value: jobsFolder(settings, host), isTwoWay: false })
  return found
}

/** The value for the named platform, otherwise the one for `all`; of several the last. */
function lookUp(values: FarmSettings['variables'][string]['values'], audience: Audience, platform: string): string | undefined {
  let general: string | undefined
  let specific: string | undefined
  for (const { audience: meant = 'all', platforms, value } of values) {
    if (meant !== 'all' && meant !== audience) continue
    if (platforms.includes('all')) general = value
    if (platforms.includes(platform)) specific = value
  }
  return specific ?? general
}

/**
 * Submission: each string of `values` (top level only) that starts with a two-way variable's value for the submitter's
 * platform gets `{name}` in its place. Letters' case and the direction of slashes do not matter; what follows stays as it is.
 * Returns `values` itself when nothing matches.
 */
export function valuesToVariables<T>(
  values: Record<string, T>,
  settings: VariableSettings,
  submitterPlatform: string,
  host: VariableHost,
): Record<string, T | string> {
  const platform = submitterPlatform === 'manager' ? host.platform : submitterPlatform
  const prefixes = prefixesFor(settings, platform, host)
  if (prefixes.length === 0) return values

  let changed: Record<string, T | string> | undefined
  for (const [key, value] of Object.entries(values)) {
    if (typeof value !== 'string') continue
    const match = prefixes.find((prefix) => comparable(value.slice(0, prefix.length)) === prefix.comparable)
    if (!match) continue
    changed ??= { ...values }
    changed[key] = `{${match.name}}${value.slice(match.length)}`
  }
  return changed ?? values
}

interface Prefix {
  name: string
  length: number
  comparable: string
}

/** By the settings' variables, which are replaced and never changed in place: paths of each task of foreign workers are looked up. */
const knownPrefixes = new WeakMap<VariableSettings['variables'], Map<string, Prefix[]>>()

/** The values of two-way variables on a platform, the longest first. The implicit variables are none, so the host does not matter. */
function prefixesFor(settings: VariableSettings, platform: string, host: VariableHost): Prefix[] {
  let byPlatform = knownPrefixes.get(settings.variables)
  if (byPlatform === undefined) knownPrefixes.set(settings.variables, (byPlatform = new Map()))
  let prefixes = byPlatform.get(platform)
  if (prefixes === undefined) {
    prefixes = twoWay(variablesFor(settings, 'workers', platform, host)).map(({ name, value }) => ({
      name,
      length: value.length,
      comparable: comparable(value),
    }))
    byPlatform.set(platform, prefixes)
  }
  return prefixes
}

function comparable(path: string): string {
  return toSlashes(path.toLowerCase())
}

/** Two-way variables with something to match, the longest value first. */
function twoWay(variables: Map<string, VariableInEffect>): { name: string; value: string }[] {
  return [...variables]
    .filter(([, { isTwoWay, value }]) => isTwoWay && value !== '')
    .map(([name, { value }]) => ({ name, value }))
    .sort((a, b) => b.value.length - a.value.length || (a.name < b.name ? -1 : 1))
}

export type TextExpander = (text: string) => string
export type CommandExpander = (commands: Command[]) => Command[]

/** Prepares the replacement in single strings for one audience and platform. Texts without a match are returned unchanged. */
export function createTextExpander(settings: VariableSettings, audience: Audience, platform: string, host: VariableHost): TextExpander {
  const variables = variablesFor(settings, audience, platform, host)
  const moves = twoWay(variablesFor(settings, audience, host.platform, host)).flatMap(({ name, value: from }) => {
    const to = variables.get(name)?.value
    return to === undefined || to === '' ? [] : [{ from, to, slashed: toSlashes(from) }]
  })
  const replace = (text: string, isTwoWay: boolean) =>
    text.replace(REFERENCE, (reference, name: string) => {
      const variable = variables.get(name)
      return variable?.isTwoWay === isTwoWay ? variable.value : reference
    })

  const expand: TextExpander = (text) => {
    let result = text
    let isPath = false
    let startsTranslated = false
    if (text.includes('{')) {
      const withOneWay = replace(text, false)
      result = replace(withOneWay, true)
      isPath = result !== withOneWay
      // `{name}` at the start has just got the target's value: it is no longer a path of the manager.
      startsTranslated = isPath && startsWithTwoWay(withOneWay, variables)
    }
    if (!startsTranslated) {
      for (const move of moves) {
        if (!startsWithPath(result, move.from, move.slashed)) continue
        result = rebase(result.slice(move.from.length), move.from, move.to)
        isPath = true
        break
      }
    }
    if (!isPath) return result
    const path = toPlatform(result, platform)
    return platform === 'windows' ? ensureDriveAbsolute(path) : path
  }
  // Tasks of a job share most of their texts, and replacing is the expensive part.
  const expanded = new Map<string, string>()
  return (text) => {
    if (!text.includes('{')) return expand(text)
    let known = expanded.get(text)
    if (known === undefined) {
      if (expanded.size >= MAX_REMEMBERED) expanded.clear()
      expanded.set(text, (known = expand(text)))
    }
    return known
  }
}

function startsWithTwoWay(text: string, variables: Map<string, VariableInEffect>): boolean {
  if (!text.startsWith('{')) return false
  return variables.get(text.slice(1, text.indexOf('}')))?.isTwoWay === true
}

/** Case matters; the direction of slashes does not once either text has a backslash. */
function startsWithPath(text: string, prefix: string, slashedPrefix: string): boolean {
  if (text.startsWith(prefix)) return true
  if (prefix === slashedPrefix && !text.includes('\\')) return false
  return toSlashes(text.slice(0, prefix.length)) === slashedPrefix
}

/** `rest` under `to`; exactly one separator between them where `from` or `to` is a root that brings its own. */
function rebase(rest: string, from: string, to: string): string {
  const restIsRooted = rest.startsWith('/') || rest.startsWith('\\')
  const toEnds = to.endsWith('/') || to.endsWith('\\')
  if (toEnds && restIsRooted) return to + rest.slice(1)
  const fromEnds = from.endsWith('/') || from.endsWith('\\')
  if (fromEnds && rest !== '' && !restIsRooted && !toEnds) return `${to}/${rest}`
  return to + rest
}

/**
 * Assignment: prepares the replacement in commands for one audience and platform. Strings among a command's parameters
 * and in arrays of them are expanded; keys, nested objects and nested arrays are not. Without a match, the same array
 * is returned; the input is never changed. Create one per platform and settings, and reuse it.
 */
export function createExpander(settings: VariableSettings, audience: Audience, platform: string, host: VariableHost): CommandExpander {
  const expand = createTextExpander(settings, audience, platform, host)
  return (commands) => {
    let changed: Command[] | undefined
    for (let i = 0; i < commands.length; i++) {
      const command = commands[i]
      if (!command) continue
      const parameters = expandParameters(command.parameters, expand)
      if (parameters === command.parameters) continue
      changed ??= [...commands]
      changed[i] = { ...command, parameters }
    }
    return changed ?? commands
  }
}

function expandParameters(parameters: Record<string, unknown>, expand: TextExpander): Record<string, unknown> {
  let changed: Record<string, unknown> | undefined
  for (const key of Object.keys(parameters)) {
    const value = parameters[key]
    const expanded = typeof value === 'string' ? expand(value) : Array.isArray(value) ? expandArray(value, expand) : value
    if (expanded === value) continue
    changed ??= { ...parameters }
    changed[key] = expanded
  }
  return changed ?? parameters
}

function expandArray(items: unknown[], expand: TextExpander): unknown[] {
  let changed: unknown[] | undefined
  for (let i = 0; i < items.length; i++) {
    const item = items[i]
    if (typeof item !== 'string') continue
    const expanded = expand(item)
    if (expanded === item) continue
    changed ??= [...items]
    changed[i] = expanded
  }
  return changed ?? items
}
