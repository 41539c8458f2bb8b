/** Validates a submission's settings against a job type, with one error that lists every problem. */
import { checkJobSettings, type SettingProblem } from '../../../shared/jobSettings.ts'
import { JobPathError, placePath } from '../../../shared/paths/jobPaths.ts'
import type { JobTypeInfo } from '../../../shared/schemas/jobs/jobType.ts'
import { InvalidInputError } from '../../engine/base/errors.ts'

/** Settings that do not fit. `field` names the first one; the message and `problems` have all of them. */
export class SettingsError extends InvalidInputError {
  constructor(readonly problems: readonly SettingProblem[]) {
    super(`settings.${problems[0]?.key ?? ''}`, problems.map(({ key, message }) => `settings.${key} ${message}`).join('; '))
  }
}

/**
 * The values that a job is compiled with. Lenient: unknown keys are kept and empty texts are accepted. @throws SettingsError
 */
export function settingsFor(type: JobTypeInfo, given: Readonly<Record<string, unknown>>, lenient: boolean): Record<string, unknown> {
  const { values, problems } = checkJobSettings(type.settings, given, { lenient })
  // Flamenco's add-on checks a job with the name of a file that is nowhere, before it knows the real one.
  const pathProblem = lenient ? undefined : blendfileProblem(type, values)
  if (pathProblem !== undefined) problems.push({ key: 'blendfile', message: pathProblem })
  if (problems.length > 0) throw new SettingsError(problems)
  return values
}

function blendfileProblem(type: JobTypeInfo, { blendfile }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof blendfile !== 'string' || blendfile.trim() === '' || !type.settings.some(({ key }) => key === 'blendfile')) return undefined
  try {
    placePath(blendfile)
    return undefined
  } catch (error) {
    if (error instanceof JobPathError) return error.message
    throw error
  }
}
