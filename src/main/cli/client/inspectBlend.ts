/** Settings that Blender evaluates (format, scene, frame rate, …): a Blender opens the .blend for those not given, as in the GUI. */
import { checkJobSettings } from '../../../shared/jobSettings.ts'
import { pluralDo } from '../../../shared/text/plural.ts'
import type { JobTypeInfo } from '../../../shared/schemas/jobs/jobType.ts'
import type { BlendFacts } from '../../../shared/schemas/storage.ts'
import { CliError, EXIT } from '../errors.ts'
import type { Terminal } from '../output/terminal.ts'

type Settings = Record<string, unknown>

/** Who looks into a .blend: the farm's workers (the client), or a Blender of this machine, which has no `worker`. */
export interface Inspector {
  inspect(type: string, blendfile: string): Promise<BlendFacts & { worker?: { name: string } }>
}

/**
 * Completes the settings with what Blender finds in the file. Inspects nothing without a blend file, or when every such
 * setting is given. Optional settings that cannot be determined are reported and left out.
 * @throws CliError when a required setting is missing that only the file or the user can provide
 */
export async function withBlendFacts(inspector: Inspector, type: JobTypeInfo, given: Settings, terminal: Terminal): Promise<Settings> {
  const { blendfile } = given
  const wanted = Object.keys(expressionsWanted(type, given))
  if (wanted.length === 0 || typeof blendfile !== 'string' || blendfile === '') return given
  // What the file cannot provide is reported before Blender is started for nothing.
  const typed = checkJobSettings(type.settings, given).problems.filter(({ key }) => !wanted.includes(key))
  if (typed.length > 0) throw invalid(typed[0]?.key ?? '', typed.map(({ key, message }) => `settings.${key} ${message}`).join('; '))
  if (terminal.errIsTty) terminal.err('Reading the blend file …\n')
  let found: Settings = {}
  let reason: string
  try {
    const { worker, values, failed, missing, missingCount } = await inspector.inspect(type.name, blendfile)
    const where = worker === undefined ? '' : ` (on worker "${worker.name}")`
    tellMissing(terminal, where, missing, missingCount ?? missing.length)
    found = Object.fromEntries(wanted.flatMap((key) => (values[key] === undefined || values[key] === null ? [] : [[key, values[key]]])))
    reason = wanted.flatMap((key) => (failed[key] === undefined ? [] : [`${key}: ${failed[key]}${where}`])).join('; ')
  } catch (error) {
    if (!(error instanceof CliError) || !EXPECTED.includes(error.exitCode)) throw error
    reason = error.message
  }
  const settings = { ...found, ...given }
  const unknown = wanted.filter((key) => settings[key] === undefined)
  const required = checkJobSettings(type.settings, settings).problems.map(({ key }) => key)
  if (required.length > 0) {
    const options = required.map((key) => `--set ${key}=${EXAMPLES[key] ?? '…'}`).join(' ')
    throw invalid(
      required[0] ?? '',
      `${required.join(', ')} could not be read from the blend file: ${reason || 'it does not contain the value'}. Add: ${options}`,
    )
  }
  if (unknown.length > 0 && reason) terminal.err(`Left out: ${unknown.join(', ')} (${reason})\n`)
  return settings
}

const SHOWN_MISSING = 20

/** Missing files that the .blend needs are reported before the job is submitted, whatever the output format. */
function tellMissing(terminal: Terminal, where: string, missing: readonly string[], count: number): void {
  if (count === 0) return
  const shown = missing.slice(0, SHOWN_MISSING)
  const more = count - shown.length
  const lines = [...shown.map((file) => `  ${file}`), ...(more > 0 ? [`  … and ${more} more`] : [])]
  terminal.err(`Warning: ${pluralDo(count, 'file', 'is', 'are')} missing that the blend file needs${where}:\n${lines.join('\n')}\n`)
}

/** No worker has Blender, the file cannot be opened, the token lacks permission, or the manager is too busy to inspect it now. */
const EXPECTED: readonly number[] = [EXIT.conflict, EXIT.invalid, EXIT.refused, EXIT.failed]

/** The expressions of the settings that are not given, by their keys. */
export function expressionsWanted({ settings }: Pick<JobTypeInfo, 'settings'>, given: Settings): Record<string, string> {
  const wanted = settings.filter((setting) => isInBlendFile(setting) && given[setting.key] === undefined)
  return Object.fromEntries(wanted.map(({ key, eval: expression }) => [key, expression ?? '']))
}

/** True when Blender can evaluate it from the file alone; values that depend on other settings are left to the job type. */
export function isInBlendFile({ eval: expression }: JobTypeInfo['settings'][number]): boolean {
  return expression !== undefined && !/\b(settings|jobname)\b/.test(expression)
}

/** Example values for users who do not know Blender's identifiers. */
const EXAMPLES: Record<string, string> = { format: 'PNG', image_file_extension: '.png', scene: 'Scene', frames: '1-250', fps: '24' }

function invalid(key: string, message: string): CliError {
  return new CliError(EXIT.invalid, message, 'invalid-input', key)
}
