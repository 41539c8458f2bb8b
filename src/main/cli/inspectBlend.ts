/** Settings that Blender evaluates (format, scene, frame rate, …): a worker opens the .blend for those that nobody gave, as for the GUI. */
import { checkJobSettings } from '../../shared/jobSettings.ts'
import type { JobTypeInfo } from '../../shared/schemas/jobType.ts'
import type { Inspection } from '../../shared/schemas/storage.ts'
import { CliError, EXIT } from './errors.ts'
import type { Terminal } from './terminal.ts'

type Settings = Record<string, unknown>

/** What asks a manager to have a .blend looked into. */
export interface Inspector {
  inspect(type: string, blendfile: string): Promise<Inspection>
}

/**
 * The settings, completed with what a worker with Blender found in the file. Nothing is asked where nothing is to be found: no
 * blend file, or every such setting given. What cannot be found and need not be is told and left out.
 * @throws CliError when a setting is missing that only the file, or the person, can tell
 */
export async function withBlendFacts(inspector: Inspector, type: JobTypeInfo, given: Settings, terminal: Terminal): Promise<Settings> {
  const { blendfile } = given
  const wanted = type.settings.flatMap((setting) => (isInBlendFile(setting) && given[setting.key] === undefined ? [setting.key] : []))
  if (wanted.length === 0 || typeof blendfile !== 'string' || blendfile === '') return given
  // What the file cannot tell is told before Blender is started for nothing.
  const typed = checkJobSettings(type.settings, given).problems.filter(({ key }) => !wanted.includes(key))
  if (typed.length > 0) throw invalid(typed[0]?.key ?? '', typed.map(({ key, message }) => `settings.${key} ${message}`).join('; '))
  if (terminal.errIsTty) terminal.err('A worker with Blender looks into the file …\n')
  let found: Settings = {}
  let reason: string
  try {
    const { worker, values, failed } = await inspector.inspect(type.name, blendfile)
    found = Object.fromEntries(wanted.flatMap((key) => (values[key] === undefined || values[key] === null ? [] : [[key, values[key]]])))
    reason = wanted.flatMap((key) => (failed[key] === undefined ? [] : [`${key}: ${failed[key]} (on worker "${worker.name}")`])).join('; ')
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
      `${required.join(', ')} could not be taken from the blend file: ${reason || 'it does not tell'}. Type: ${options}`,
    )
  }
  if (unknown.length > 0 && reason) terminal.err(`Left out: ${unknown.join(', ')} (${reason})\n`)
  return settings
}

/** Nobody has Blender, the file cannot be opened, this token may not ask, the manager cannot have it done now. */
const EXPECTED: readonly number[] = [EXIT.conflict, EXIT.invalid, EXIT.refused, EXIT.failed]

/** True when Blender can evaluate it from the file alone; what depends on other settings is the job type's to make. */
export function isInBlendFile({ eval: expression }: JobTypeInfo['settings'][number]): boolean {
  return expression !== undefined && !/\b(settings|jobname)\b/.test(expression)
}

/** What a person may type who does not know Blender's words. */
const EXAMPLES: Record<string, string> = { format: 'PNG', image_file_extension: '.png', scene: 'Scene', frames: '1-250', fps: '24' }

function invalid(key: string, message: string): CliError {
  return new CliError(EXIT.invalid, message, 'invalid-input', key)
}
