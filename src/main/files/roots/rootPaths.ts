/** The storage roots of a farm: the shared storage and the folders of two-way variables. Pure. */
import {
  createTextExpander,
  JOBS_VARIABLE,
  variablesFor,
  type VariableHost,
  type VariableSettings,
} from '../../engine/compile/variables.ts'
import { cleanPath, isAbsolutePath } from '../../../shared/paths/jobPaths.ts'
import type { FarmSettings } from '../../../shared/schemas/settings.ts'
import { isInside } from '../results/places.ts'

/** The name of the shared storage among the roots; the names of variables have no space. */
export const SHARED_STORAGE = 'shared storage'

export type RootSettings = VariableSettings & Pick<FarmSettings, 'sharedStoragePath'>

/** The path of each root on a platform. A storage that is not configured is the manager's own, and no root. */
export function rootPaths(settings: RootSettings, platform: string, host: VariableHost): Map<string, string> {
  const found = new Map<string, string>()
  if (settings.sharedStoragePath !== '') {
    found.set(SHARED_STORAGE, createTextExpander(settings, 'workers', platform, host)(host.storagePath))
  }
  for (const [name, { isTwoWay, value }] of variablesFor(settings, 'workers', platform, host)) {
    if (isTwoWay && value !== '') found.set(name, value)
  }
  return found
}

/** Where a job reads and writes, by its settings. */
export interface DeclaredPaths {
  /** Roots that its workers must see. */
  roots: string[]
  /** Absolute paths that are in no root: each worker must have them by itself. */
  outside: string[]
}

/**
 * Which roots the paths are in.
 * @param paths with variables in place of the folders of two-way variables, as jobs are stored
 */
export function declaredRoots(paths: readonly string[], settings: RootSettings, host: VariableHost): DeclaredPaths {
  const known = rootPaths(settings, host.platform, host)
  const roots = new Set<string>()
  const outside: string[] = []
  for (const path of paths) {
    const root = rootOf(path, known, settings)
    if (root !== undefined) roots.add(root)
    else if (isAbsolutePath(path) && !path.startsWith('{')) outside.push(cleanPath(path))
  }
  return { roots: [...roots], outside }
}

function rootOf(path: string, known: ReadonlyMap<string, string>, settings: RootSettings): string | undefined {
  const variable = /^\{([^}]+)\}/.exec(path)?.[1]
  if (variable === JOBS_VARIABLE) return known.has(SHARED_STORAGE) ? SHARED_STORAGE : undefined
  if (variable !== undefined) return settings.variables[variable]?.isTwoWay === true ? variable : undefined
  // Of nested roots the innermost one counts.
  const inside = [...known].filter(([, folder]) => cleanPath(path) === cleanPath(folder) || isInside(path, folder))
  return inside.toSorted(([, a], [, b]) => b.length - a.length)[0]?.[0]
}
