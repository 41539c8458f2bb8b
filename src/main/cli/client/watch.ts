/** Follows a job until it ends: a progress bar for people, one line of JSON per change for programs, an exit code for both. */
import { FINISHED_JOB_STATUSES } from '../../../shared/enums.ts'
import type { Client, Job } from './client.ts'
import type { Context } from '../parsing/command.ts'
import { EXIT, type ExitCode } from '../errors.ts'
import { duration } from '../output/format.ts'
import { printJsonLine } from '../output/output.ts'
import { patiently } from './patience.ts'
import { pause } from './pause.ts'
import { makeProgress, noProgress } from '../output/progress.ts'
import { plural } from '../../../shared/text/plural.ts'

/** Polling interval: short enough for a smooth bar, too long to load the manager. */
const EVERY_MS = 250

export interface Watched {
  job: Job
  exitCode: ExitCode
}

/** Resolves when the job has ended. @throws CliError when interrupted, or when the manager stays away */
export async function watchJob(client: Client, jobId: string, context: Context, json: boolean): Promise<Watched> {
  const progress = json ? noProgress : makeProgress(context.terminal, context.now)
  let printed = ''
  const reason = waitReason(client, context.now)
  try {
    for (;;) {
      const job = await patiently(() => client.job(jobId), context)
      progress.update(shareDone(job), describe(job, json ? '' : await reason(job)))
      if (json && job.updatedAt + job.status !== printed) printJsonLine(context.terminal, job)
      printed = job.updatedAt + job.status
      if (FINISHED_JOB_STATUSES.includes(job.status)) return { job, exitCode: exitCodeOf(job) }
      await pause(EVERY_MS, context.signal)
    }
  } finally {
    progress.clear()
  }
}

/** 0 to 1, by steps (mostly frames) when the job counts them, else by tasks. */
export function shareDone({ steps, counts }: Pick<Job, 'steps' | 'counts'>): number {
  if (steps.total > 0) return steps.completed / steps.total
  return counts.total > 0 ? counts.completed / counts.total : 0
}

/** Idle time after which the watcher asks why the job waits. */
const PUZZLED_AFTER_MS = 2_000
const ASK_EVERY_MS = 5_000

/** Explains why a job waits once it has been idle for a while; otherwise a user would stare at 0 % indefinitely. */
function waitReason(client: Client, now: () => number): (job: Job) => Promise<string> {
  let waitingSince: number | undefined
  let askedAt = -Infinity
  let answer = ''
  return async ({ id, status, counts }) => {
    const waits = (status === 'queued' || status === 'active') && counts.active === 0 && counts.queued + counts.softFailed > 0
    if (!waits) {
      waitingSince = undefined
      return (answer = '')
    }
    waitingSince ??= now()
    if (now() - waitingSince < PUZZLED_AFTER_MS || now() - askedAt < ASK_EVERY_MS) return answer
    askedAt = now()
    const explained = await client.explainJob(id).catch(() => undefined)
    return (answer = [explained?.summary, explained?.reasons[0]?.message].filter(Boolean).join(' '))
  }
}

function describe(job: Job, why: string): string {
  const stall = job.waits?.[0]
  const parts = [
    job.status,
    job.counts.total > 0 ? `${job.counts.completed}/${plural(job.counts.total, 'task')}` : '',
    job.frameCount > 0 ? plural(job.frameCount, 'frame') : '',
    job.warningCount > 0 ? plural(job.warningCount, 'warning') : '',
    job.counts.failed > 0 ? `${job.counts.failed} failed` : '',
    job.etaSeconds !== null && job.etaSeconds >= 1 ? `${duration(job.etaSeconds * 1000)} left` : '',
    stall ? `${stall.state}: ${stall.message}` : why ? `waiting: ${why}` : '',
  ]
  return parts.filter(Boolean).join(', ')
}

export function exitCodeOf({ status }: Pick<Job, 'status'>): ExitCode {
  if (status === 'completed') return EXIT.done
  return status === 'canceled' ? EXIT.canceled : EXIT.failed
}

/** Why a job failed: its own message, then the first failed tasks with the reason of their last attempt. */
export async function failureReasons(client: Client, job: Job): Promise<string[]> {
  const lines = job.activity ? [job.activity] : []
  const failed = (await client.tasks(job.id, { status: 'failed', limit: 3 })).items
  for (const summary of failed) {
    const task = await client.task(summary.id)
    const attempt = task.attemptList.toSorted((a, b) => a.number - b.number).at(-1)
    const reason = attempt?.reason || (attempt?.exitCode != null ? `exit code ${attempt.exitCode}` : 'unknown reason')
    lines.push(`task "${task.name}" on ${attempt?.worker.name ?? 'no worker'}: ${reason}`)
    lines.push(`  log: framehouse logs ${task.id}`)
  }
  return lines
}
