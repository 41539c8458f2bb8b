/**
 * Files that workers name, found on the manager's own disks: through two-way variables, and only where the manager may look.
 * A job can name any path, and must not thereby get to see what only the manager may read.
 */
import { realpath } from 'node:fs/promises'
import { sep } from 'node:path'
import { createTextExpander, valuesToVariables, variablesFor, type VariableHost, type VariableSettings } from '../engine/variables.ts'

/** The path as the manager knows it: through two-way variables from the worker's platform to ours. */
export function pathHere(path: string, platform: string, settings: VariableSettings, host: VariableHost): string {
  return createTextExpander(settings, 'workers', host.platform, host)(withVariable(path, platform, settings, host))
}

/** `{share}/…` for a path under a two-way variable's value on that platform; else the path as it is. */
export function withVariable(path: string, platform: string, settings: VariableSettings, host: VariableHost): string {
  return valuesToVariables({ path }, settings, platform, host).path ?? path
}

/** The real path of a file of the manager's own notation, if it lies in the shared storage or in what a two-way variable names. */
export async function sharedFile(path: string, settings: VariableSettings, host: VariableHost): Promise<string | undefined> {
  const file = await realpath(path).catch(() => undefined)
  if (file === undefined) return undefined
  for (const root of rootsOf(settings, host)) {
    const folder = root === '' ? undefined : await realpath(root).catch(() => undefined)
    if (folder !== undefined && file.startsWith(folder.endsWith(sep) ? folder : folder + sep)) return file
  }
  return undefined
}

function rootsOf(settings: VariableSettings, host: VariableHost): string[] {
  const shared = [...variablesFor(settings, 'workers', host.platform, host).values()].filter(({ isTwoWay }) => isTwoWay)
  return [host.storagePath, ...shared.map(({ value }) => value)]
}
