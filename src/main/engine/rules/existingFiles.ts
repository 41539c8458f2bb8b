/**
 * What an attempt does with files that exist before it starts: replaced in the first run and after a person requeued
 * the task, kept if verified on an automatic retry, kept if complete where the job or the person wants that.
 */
import type { Existing, KnownFile, Rerun } from '../../../shared/schemas/jobs/existing.ts'
import type { TaskState } from '../base/model.ts'

export interface ExistingRule {
  mode: Existing['mode']
  /** Attempts up to this number are history. */
  since: number
  /** The frames to render; undefined: all of the task's. */
  frames: readonly number[] | undefined
  /** New pictures are compared with those that they replace. */
  compare: boolean
}

/** How a task was last requeued; undefined when it never was. */
export function rerunOf(task: Pick<TaskState, 'rerun'>): Rerun | undefined {
  // The column contains what bulk.ts wrote.
  return task.rerun === null ? undefined : (JSON.parse(task.rerun) as Rerun)
}

/** The rule for the attempt with this number. */
export function existingRule(job: { keepWhole: boolean }, task: Pick<TaskState, 'rerun'>, attempt: number): ExistingRule {
  const rerun = rerunOf(task)
  const since = rerun?.from ?? 0
  const keepsWhole = rerun?.keepWhole ?? job.keepWhole
  const mode = keepsWhole ? 'keep-whole' : attempt > since + 1 ? 'keep-proven' : 'replace'
  return { mode, since, frames: rerun?.frames, compare: rerun?.compare === true }
}

/** The rule for the worker; undefined means "replace", the default. `known` names files in the worker's notation. */
export function existingFor(rule: ExistingRule, known: KnownFile[]): Existing | undefined {
  const { mode } = rule
  if (mode === 'keep-whole') return { mode }
  const compare = rule.compare ? { compare: true } : {}
  if (mode === 'keep-proven') return { mode, known, ...compare }
  return rule.compare ? { mode, ...compare } : undefined
}
