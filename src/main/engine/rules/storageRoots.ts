/** Whether a worker sees the storage that a job needs. Pure. */

/** What a worker found at a storage root, by the worker's own path of it. */
export type RootProof = { seen: true } | { seen: false; path: string; problem: RootProblem }

/**
 * - `unknown`: it has not answered yet
 * - `no-path`: the root has no path on its system
 * - `other`: there is a folder, and it is not the one that the manager marked
 * - any other text: the system's error code, or the worker's own words
 */
export type RootProblem = string

/** A root of a job that a worker does not see. `path`: as the worker knows it, or the name of the root where it has none. */
export interface UnseenRoot {
  path: string
  problem: RootProblem
}

/**
 * The first of a job's roots that the worker has not proven; undefined: it may have the job.
 * @param needed by the job @param marked roots that the manager could mark: others cannot be proven, and exclude no worker
 * @param proofs of the worker
 */
export function unseenRoot(
  needed: readonly string[],
  marked: ReadonlyMap<string, string>,
  proofs: ReadonlyMap<string, RootProof> | undefined,
): UnseenRoot | undefined {
  for (const root of needed) {
    const path = marked.get(root)
    if (path === undefined) continue
    const proof = proofs?.get(root)
    if (proof === undefined) return { path, problem: 'unknown' }
    if (!proof.seen) return { path: proof.path, problem: proof.problem }
  }
  return undefined
}

const PROBLEM_TEXTS: Readonly<Record<string, string>> = {
  unknown: 'not checked yet',
  'no-path': 'no path for its system is set',
  other: 'there is another folder at this path',
  ENOENT: 'no such folder, or not the one of the manager',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ESTALE: 'the network share is gone',
  EHOSTDOWN: 'the server does not answer',
}

/** `/mnt/projects: permission denied`. */
export function unseenText({ path, problem }: UnseenRoot): string {
  return `${path}: ${PROBLEM_TEXTS[problem] ?? problem}`
}
