/** Which mounts a worker allows, and where its paths are elsewhere. Pure; paths are absolute and already resolved. */
import type { ContainerConfig, EngineConfig } from '../config.ts'

/** True when `path` is `folder` or lies in it. Separators of both kinds count, so Windows paths work. */
export function isInside(path: string, folder: string): boolean {
  const [inner, outer] = [tidy(path), tidy(folder)]
  return inner === outer || inner.startsWith(outer === '/' ? '/' : `${outer}/`)
}

function tidy(path: string): string {
  const slashed = path.replaceAll('\\', '/').replace(/\/+/g, '/')
  return slashed.length > 1 && slashed.endsWith('/') ? slashed.slice(0, -1) : slashed
}

/**
 * Why a folder may not be mounted, or undefined. `paths`: the source as it was written and as it is with links resolved;
 * both must be allowed, so that a link does not lead out.
 */
export function mountProblem(paths: readonly string[], readOnly: boolean, allowed: ContainerConfig['mounts']): string | undefined {
  for (const path of paths) {
    if (path.replaceAll('\\', '/').split('/').includes('..')) return `"${path}" must not contain ".."`
    const rules = allowed.filter((rule) => isInside(path, rule.path))
    if (rules.length === 0) return `this worker does not allow mounting "${path}"; allowed: ${listed(allowed)}`
    if (!readOnly && rules.every((rule) => rule.readOnly)) return `this worker allows mounting "${path}" only for reading`
  }
  return undefined
}

export function volumeProblem(name: string, readOnly: boolean, allowed: ContainerConfig['mounts']): string | undefined {
  const rules = allowed.filter(({ path }) => path === 'volume:*' || path === `volume:${name}`)
  if (rules.length === 0) return `this worker does not allow the volume "${name}"; allowed: ${listed(allowed)}`
  return !readOnly && rules.every((rule) => rule.readOnly) ? `this worker allows the volume "${name}" only for reading` : undefined
}

function listed(allowed: ContainerConfig['mounts']): string {
  return allowed.length === 0 ? 'nothing' : allowed.map(({ path, readOnly }) => `${path}${readOnly ? ' (read-only)' : ''}`).join(', ')
}

/** A path of the worker as the engine's machine sees it. */
export function enginePath(path: string, rules: EngineConfig['paths']): string {
  const rule = rules?.find(({ worker }) => isInside(path, worker))
  return rule === undefined ? path : join(rule.engine, tidy(path).slice(tidy(rule.worker).length))
}

/** A path of the container as the worker sees it: by the innermost mount that holds it; itself when none does. */
export function workerPath(path: string, mounts: readonly { source?: string; target: string; type?: string }[]): string {
  const holding = mounts
    .filter(({ type, source, target }) => (type ?? 'bind') === 'bind' && source !== undefined && isInside(path, target))
    .toSorted((a, b) => b.target.length - a.target.length)[0]
  return holding?.source === undefined ? path : join(holding.source, tidy(path).slice(tidy(holding.target).length))
}

function join(folder: string, rest: string): string {
  const inner = rest.replace(/^\//, '')
  return inner === '' ? folder : `${tidy(folder) === '/' ? '' : tidy(folder)}/${inner}`
}
