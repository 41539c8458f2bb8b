/**
 * Warnings: remarks on a result that still counts. A task gets them from the attempt that made its result,
 * a job has those of its tasks and its own. Equal ones (same code and text) are merged, with the sum of their counts; a missing
 * file counts once, however many tasks miss it.
 */
import { Type, type Static } from 'typebox'
import { Id, nullable, Time } from '../common.ts'

/** The subject of a warning. Programs may rely on it; an unknown code is shown by its text alone. */
export const WARNING_CODES = [
  'missing-file',
  'missing-library',
  'script-error',
  'frames-kept',
  'frames-unchecked',
  'frame-suspect',
  'preview-failed',
  'video-failed',
  'output-shared',
  'output-outside',
  'optional-task-failed',
  'render-note',
  'more-warnings',
] as const
export type WarningCode = (typeof WARNING_CODES)[number]

export const MAX_WARNING_CHARS = 1000
/** Number of frame numbers listed in a warning; further ones are only counted. */
export const MAX_WARNING_FRAMES = 1000
/** Maximum number of distinct warnings of one attempt; all further ones are merged into one. */
export const MAX_WARNINGS_OF_ATTEMPT = 100

/** A warning as commands and the engine create it. */
export interface NewWarning {
  code: WarningCode
  /** For people: names the file, frame or program. Equal texts of different tasks are shown as one warning. */
  text: string
  /** How often it happened; default 1. */
  count?: number
  frames?: number[]
}

/** The same as sent by a worker, which may run a different version and use other codes. */
export const ReportedWarning = Type.Object({
  code: Type.String({ pattern: '^[a-z][a-z0-9-]{0,49}$' }),
  text: Type.String({ minLength: 1, maxLength: MAX_WARNING_CHARS }),
  count: Type.Integer({ minimum: 1 }),
  frames: Type.Optional(Type.Array(Type.Integer(), { maxItems: MAX_WARNING_FRAMES })),
})
export type ReportedWarning = Static<typeof ReportedWarning>

/** A warning of a task. */
export const TaskWarning = Type.Object({
  code: Type.String(),
  text: Type.String(),
  count: Type.Integer(),
  /** The affected frame numbers, in order; empty when there are none, or when they are unknown. */
  frames: Type.Array(Type.Integer()),
  at: Time,
})
export type TaskWarning = Static<typeof TaskWarning>

/** A warning of a job: equal ones of its tasks merged, with the sum of their counts. The job's own counts when no task has it. */
export const JobWarning = Type.Object({
  ...TaskWarning.properties,
  /** Number of tasks that have it; 0: the job's own. */
  taskCount: Type.Integer(),
  /** One of them. */
  taskId: nullable(Id),
})
export type JobWarning = Static<typeof JobWarning>

/** GET /jobs/{id}/warnings. `total`: different ones. */
export const JobWarnings = Type.Object({ items: Type.Array(JobWarning), total: Type.Integer() })
export type JobWarnings = Static<typeof JobWarnings>

/** A missing file of a scene, always in the same words, so that the check before the render and the render itself agree. */
export function missingFileWarning(path: string, kind: 'library' | 'file'): NewWarning {
  if (kind === 'library') return { code: 'missing-library', text: `linked file is missing: ${path}` }
  return { code: 'missing-file', text: `file of the scene is missing: ${path}` }
}

/** `wood.png is missing (in 4 tasks)`: a job's warning as mails and the command line show it. */
export function withCounts({ text, count, taskCount }: Pick<JobWarning, 'text' | 'count' | 'taskCount'>): string {
  const often = [count > 1 ? `${count} times` : '', taskCount > 1 ? `in ${taskCount} tasks` : ''].filter(Boolean).join(' ')
  return often === '' ? text : `${text} (${often})`
}

/** Cuts a warning to the size that the protocol accepts. */
export function fitWarning({ code, text, count = 1, frames }: NewWarning): ReportedWarning {
  const words = text.trim() || code
  const cut = words.length > MAX_WARNING_CHARS ? `${words.slice(0, MAX_WARNING_CHARS - 1)}…` : words
  const fitted = { code, text: cut, count: Math.max(1, Math.trunc(count)) }
  return frames && frames.length > 0 ? { ...fitted, frames: frames.slice(0, MAX_WARNING_FRAMES) } : fitted
}
