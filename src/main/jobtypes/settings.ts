/** Settings of a submission against a job type, with one error that tells everything that is wrong. */
import { checkJobSettings, type SettingProblem } from '../../shared/jobSettings.ts'
import type { JobTypeInfo } from '../../shared/schemas/jobType.ts'
import { InvalidInputError } from '../engine/errors.ts'

/** Settings that do not fit. `field` names the first one; the message and `problems` have all of them. */
export class SettingsError extends InvalidInputError {
  constructor(readonly problems: readonly SettingProblem[]) {
    super(`settings.${problems[0]?.key ?? ''}`, problems.map(({ key, message }) => `settings.${key} ${message}`).join('; '))
  }
}

/**
 * The values that a job is compiled with. Flamenco's clients send keys of their own and check less themselves: from
 * them, unknown keys are kept and empty texts are accepted. @throws SettingsError
 */
export function settingsFor(
  type: JobTypeInfo,
  given: Readonly<Record<string, unknown>>,
  origin: 'native' | 'flamenco',
): Record<string, unknown> {
  const { values, problems } = checkJobSettings(type.settings, given, { lenient: origin === 'flamenco' })
  if (problems.length > 0) throw new SettingsError(problems)
  return values
}
