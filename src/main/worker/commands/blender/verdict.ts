/** Whether a run of Blender produced all expected files. */
import type { Problem } from './blenderOutput.ts'
import { ExitCodeError } from '../../contract/commands.ts'
import type { RenderRequest } from './arguments.ts'
import type { RenderFiles } from './renderFiles.ts'

/** Blender failed, and reported why. */
class BlenderError extends ExitCodeError {
  constructor(code: number | null, signal: string | null, problem: Problem) {
    super(code, signal)
    this.message += `: ${sentence(problem)}`
  }
}

/** The error for an exit code other than 0. */
export function exitError(code: number | null, signal: string | null, problem: Problem | undefined): ExitCodeError {
  return problem === undefined ? new ExitCodeError(code, signal) : new BlenderError(code, signal, problem)
}

export function sentence({ text, advice }: Problem): string {
  return advice === '' ? text : `${text} (${advice})`
}

/** A longer list of names is not helpful. */
const MAX_NAMES = 10

/**
 * Why a run that ended with code 0 has failed all the same; undefined when it has not. `requests`: the renders in its arguments; a
 * command without any is judged by its exit code, and by the files that it reported as saved. `outputs`: additional expected files.
 */
export function judgeRun(
  files: RenderFiles,
  problem: Problem | undefined,
  requests: readonly RenderRequest[],
  outputs: readonly string[] = [],
): string | undefined {
  if (problem?.fatal === true) return sentence(problem)
  if (files.unusable.length > 0)
    return listed(files.unusable.map(({ path, reason }) => `"${path}" could not be looked at or get its name: ${reason}`))
  if (files.damaged.length > 0) return listed(files.damaged.map(({ path, reason }) => `"${path}" is damaged: it ${reason}`))
  const why = problem === undefined ? '' : ` (${sentence(problem)})`
  const unsaved = outputs.filter((path) => !files.hasSaved(path))
  if (unsaved.length > 0)
    return `${unsaved.length === 1 ? 'a file' : 'files'} that it is for ${unsaved.length === 1 ? 'was' : 'were'} not saved: ${listed(unsaved)}${why}`
  if (requests.length === 0) return undefined
  if (files.planned > 0 && files.planned < requests.length)
    return `Blender ended before its render ${files.planned + 1} of ${requests.length}${why}`
  const missing = files.missing(requests)
  if (missing.names.length > 0) {
    const what =
      missing.frames === 1 ? 'a frame that was asked for was not saved' : `${missing.frames} frames that were asked for were not saved`
    return `${what}: ${listed(missing.names)}${why}`
  }
  return files.count === 0 ? `no picture was saved${why}` : undefined
}

function listed(texts: readonly string[]): string {
  const more = texts.length - MAX_NAMES
  return texts.slice(0, MAX_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
