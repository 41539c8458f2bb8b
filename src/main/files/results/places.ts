/** Where the results of a job without shared storage come home to. Pure, but for `existing`. */
import { join } from 'node:path'
import { cleanPath, isAbsolutePath, safeName } from '../../../shared/paths/jobPaths.ts'
import { InvalidInputError } from '../../engine/base/errors.ts'

/** Folders of the manager that results may go to. Absolute, in its own notation. */
export interface ResultBases {
  /** `<data>/results`, which the manager makes itself. */
  readonly own: string
  /** The shared storage, and the folders of two-way variables. */
  readonly shared: readonly string[]
}

/** The folder of a job in `<data>/results`: readable, and of this job alone. */
export function ownFolder({ own }: Pick<ResultBases, 'own'>, job: { name: string; publicId: string }): string {
  return join(own, `${safeName(job.name)}-${job.publicId.slice(0, 8)}`)
}

/**
 * The job's root: its own folder when its output goes there, else its output folder, which must lie in a folder that the farm shares.
 * @param output the folder that its commands write to, variables replaced; null: unknown
 * @throws InvalidInputError
 */
export function rootFor(output: string | null, folder: string, { shared }: ResultBases): string {
  if (output === null || isInside(output, folder)) return folder
  if (isAbsolutePath(output) && shared.some((base) => isInside(output, base) && !isInside(base, output))) return cleanPath(output)
  throw new InvalidInputError(
    'settings',
    `the job sends its results to the manager, and "${output}" is in none of the farm's shared folders; give a relative output path, or none: ` +
      "the results then go to a folder of the job's own",
  )
}

/** Whether a path is a folder, or lies in it, by the names alone. */
export function isInside(path: string, folder: string): boolean {
  const inner = cleanPath(path)
  const outer = cleanPath(folder).replace(/\/$/, '')
  return inner === outer || inner.startsWith(`${outer}/`)
}
