/**
 * The failure policy of a job: data, so that each dialect supplies its own rules and the engine has a single code path.
 * Used by engine/rules/failurePolicy.ts. Durations are milliseconds; 0 disables a time limit.
 */
import { Type, type Static } from 'typebox'

export const Policy = Type.Object({
  /** Failures on this many different workers make a failure final (Flamenco: task_fail_after_softfail_count). */
  failAfterWorkers: Type.Integer({ minimum: 1, default: 3 }),
  /**
   * A worker is blocked for a kind of task of the job when others completed this many tasks that it failed, or when it failed this
   * many and more than half of what it tried while others fail less than a quarter (Flamenco: blocklist_threshold). 0: never.
   */
  blockAfterFailures: Type.Integer({ minimum: 0, default: 3 }),
  /** Percentage of finally failed tasks (at least ten) at which the job ends early. Above 100: never. */
  failJobAtPercent: Type.Integer({ minimum: 1, maximum: 101, default: 10 }),
  /**
   * When nothing is left to run, the task that ended last decides the job's status, whatever the others did: for jobs whose
   * tasks are repeated runs of the same thing (Fastlane's executions).
   */
  lastTaskDecides: Type.Optional(Type.Boolean()),
  /**
   * For jobs that get tasks as they come (an actor's mailbox): with nothing to run the job rests as completed, whatever its
   * tasks did, and this text says what it waits for.
   */
  restsAs: Type.Optional(Type.String({ maxLength: 100 })),
  /** When no worker is left for a kind of task, the whole job ends with its tasks (Flamenco), instead of continuing with other kinds. */
  failJobWhenNobodyLeft: Type.Boolean({ default: false }),
  /** Whether a failed task may be retried on the worker that failed it, even when other workers could take it. */
  retryOnSameWorker: Type.Boolean({ default: false }),
  /** Delay before a failed task is retried, and the factor for each further delay. */
  retryDelayMs: Type.Integer({ minimum: 0, default: 0 }),
  retryBackoff: Type.Number({ minimum: 1, default: 1 }),
  /** These exit codes count as success. */
  successExitCodes: Type.Array(Type.Integer(), { default: [0] }),
  /** Ends that complete the task whatever its program's exit code: for jobs whose tasks are requests that only have to be processed. */
  successOutcomes: Type.Optional(Type.Array(Type.Enum(['exit-code', 'timed-out']), { maxItems: 2 })),
  /** A failure with one of these exit codes, or a log line that matches licencePattern, is a license shortage: retried, not counted. */
  licenceExitCodes: Type.Array(Type.Integer(), { default: [] }),
  licencePattern: Type.Optional(Type.String()),
  licenceRetryDelayMs: Type.Integer({ minimum: 0, default: 60_000 }),
  /** Maximum duration of an attempt. */
  maxRunMs: Type.Integer({ minimum: 0, default: 0 }),
  /** Maximum time without a log line or progress. */
  maxSilenceMs: Type.Integer({ minimum: 0, default: 0 }),
  /** An attempt whose log reaches so many bytes ends with the outcome `log-limit`; what was written before is kept. 0 or missing: no limit. */
  maxLogBytes: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  /** True: a task that reached `maxLogBytes` is tried again like others that failed. Otherwise that is final: it would write as much again. */
  retryAtLogLimit: Type.Optional(Type.Boolean()),
  /** An attempt that its worker does not touch for this long fails (Flamenco: task_timeout). */
  touchTimeoutMs: Type.Integer({ minimum: 0, default: 600_000 }),
  /**
   * A task whose worker was lost is given to another one only after this time: the worker may come back and continue. For tasks that must not
   * run twice at a time. 0 or missing: as soon as the worker counts as lost. Deleting the worker ends the wait.
   */
  takeoverAfterMs: Type.Optional(Type.Integer({ minimum: 0 })),
  /**
   * How to treat intact frames that may be wrong (shared/pictures/suspects.ts): ignore, warn (also when missing), or retry
   * once on another worker, and accept the same picture afterwards.
   */
  pictureChecks: Type.Optional(Type.Enum(['off', 'warn', 'retry'])),
  /**
   * `fail`: before rendering, a task checks whether all files of the scene exist, and fails when some are missing. Only when the
   * job is submitted. Otherwise missing files are warnings.
   */
  missingFiles: Type.Optional(Type.Enum(['warn', 'fail'])),
  /** False: every task runs in its own process; otherwise workers may keep an application open between tasks (docs/sessions.md). */
  sessions: Type.Optional(Type.Boolean()),
})
export type Policy = Static<typeof Policy>

/** A partial policy from a client: a misspelled rule must not be mistaken for one that was left out. */
export const PolicyChanges = Type.Partial(Policy, { additionalProperties: false })
