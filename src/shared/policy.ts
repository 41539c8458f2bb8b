/**
 * The failure policy of a job: data, so that each dialect brings its own rules and the engine has one code path.
 * Read by engine/failurePolicy.ts. Durations are milliseconds; 0 switches a time limit off.
 */
import { Type, type Static } from 'typebox'

export const Policy = Type.Object({
  /** Failures on this many different workers make a failure final (Flamenco: task_fail_after_softfail_count). */
  failAfterWorkers: Type.Integer({ minimum: 1, default: 3 }),
  /** This many failures of one worker on one kind of task block it for the job (Flamenco: blocklist_threshold). 0: never. */
  blockAfterFailures: Type.Integer({ minimum: 0, default: 3 }),
  /** The job fails when this share of its tasks has failed for good, in per cent. Above 100: never. */
  failJobAtPercent: Type.Integer({ minimum: 1, maximum: 101, default: 10 }),
  /**
   * When nothing is left to run, the task that ended last says how the job did, whatever became of others: for jobs whose
   * tasks are runs of one and the same thing (Fastlane's executions).
   */
  lastTaskDecides: Type.Optional(Type.Boolean()),
  /** When no other worker could take a failed task, the whole job fails (Flamenco) instead of that task alone. */
  failJobWhenNobodyLeft: Type.Boolean({ default: false }),
  /** Whether a failed task may be tried again on the worker that failed it. */
  retryOnSameWorker: Type.Boolean({ default: false }),
  /** Wait before a failed task is tried again, and what each further wait is multiplied by. */
  retryDelayMs: Type.Integer({ minimum: 0, default: 0 }),
  retryBackoff: Type.Number({ minimum: 1, default: 1 }),
  /** An exit code of these counts as success. */
  successExitCodes: Type.Array(Type.Integer(), { default: [0] }),
  /** A failure with one of these exit codes, or a log line matching licencePattern, is a licence shortage: retried, not counted. */
  licenceExitCodes: Type.Array(Type.Integer(), { default: [] }),
  licencePattern: Type.Optional(Type.String()),
  licenceRetryDelayMs: Type.Integer({ minimum: 0, default: 60_000 }),
  /** An attempt may run this long. */
  maxRunMs: Type.Integer({ minimum: 0, default: 0 }),
  /** An attempt may go without a log line or progress for this long. */
  maxSilenceMs: Type.Integer({ minimum: 0, default: 0 }),
  /** An attempt whose worker does not touch it for this long fails (Flamenco: task_timeout). */
  touchTimeoutMs: Type.Integer({ minimum: 0, default: 600_000 }),
  /** False: every task runs in a process of its own; otherwise workers may keep an application open between tasks (docs/sessions.md). */
  sessions: Type.Optional(Type.Boolean()),
})
export type Policy = Static<typeof Policy>

/** Some of it, from a client: a rule that is misspelled must not be taken for one that was left out. */
export const PolicyChanges = Type.Partial(Policy, { additionalProperties: false })
