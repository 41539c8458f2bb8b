import { describe, expect, it } from 'vitest'
import { JOB_STATUSES, TASK_STATUSES, type JobStatus, type TaskStatus } from '../../../src/shared/enums.ts'
import { ACTION_ALLOWED, effectOfJobStatus, jobAfterTaskChange } from '../../../src/main/engine/rules/jobRules.ts'
import type { StatusCounts } from '../../../src/main/engine/base/model.ts'

const NONE: StatusCounts = { queued: 0, active: 0, completed: 0, failed: 0, canceled: 0, 'soft-failed': 0, paused: 0 }

function after(
  status: JobStatus,
  task: TaskStatus,
  counts: Partial<StatusCounts>,
  percent = 10,
  lastTaskDecides = false,
): JobStatus | undefined {
  const full = { ...NONE, ...counts }
  const taskCount = Object.values(full).reduce((sum, n) => sum + n, 0)
  return jobAfterTaskChange({ status, counts: full, taskCount }, task, { failJobAtPercent: percent, lastTaskDecides })?.status
}

describe('what a task change means for its job', () => {
  it.each<[string, JobStatus, TaskStatus, Partial<StatusCounts>, JobStatus | undefined]>([
    ['the first active task starts the job', 'queued', 'active', { active: 1, queued: 2 }, 'active'],
    ['more active tasks change nothing', 'active', 'active', { active: 2, queued: 1 }, undefined],
    ['a soft failure starts a queued job', 'queued', 'soft-failed', { 'soft-failed': 1, queued: 1 }, 'active'],
    [
      'a late soft failure does not wake a job that is cancelled',
      'cancel-requested',
      'soft-failed',
      { 'soft-failed': 1, canceled: 1 },
      undefined,
    ],
    ['a late soft failure does not wake a canceled job', 'canceled', 'soft-failed', { 'soft-failed': 1, canceled: 1 }, undefined],
    ['a late soft failure does not wake a paused job', 'paused', 'soft-failed', { 'soft-failed': 1, paused: 1 }, undefined],
    ['an active task does not wake a pausing job', 'pause-requested', 'active', { active: 1, paused: 1 }, undefined],
    [
      'a soft failure as the last running task of a pausing job pauses it',
      'pause-requested',
      'soft-failed',
      { 'soft-failed': 1, paused: 1 },
      'paused',
    ],
    ['one completed task of three starts a queued job', 'queued', 'completed', { completed: 1, queued: 2 }, 'active'],
    ['one completed task of three changes nothing in an active job', 'active', 'completed', { completed: 1, queued: 2 }, undefined],
    ['the last completed task completes the job', 'active', 'completed', { completed: 3 }, 'completed'],
    ['the last completed task completes even a pausing job', 'pause-requested', 'completed', { completed: 3 }, 'completed'],
    ['the last running task of a pausing job pauses it', 'pause-requested', 'completed', { completed: 1, paused: 2 }, 'paused'],
    ['a pausing job with a running task goes on', 'pause-requested', 'completed', { completed: 1, active: 1, paused: 1 }, undefined],
    ['all but canceled tasks completed completes the job', 'active', 'completed', { completed: 2, canceled: 1 }, 'completed'],
    ['a failed task among completed ones fails the job at its end', 'active', 'completed', { completed: 99, failed: 1 }, 'failed'],
    ['with only paused tasks left the job is paused', 'active', 'completed', { completed: 2, paused: 1 }, 'paused'],
    ['… also when others failed', 'active', 'failed', { completed: 2, failed: 1, paused: 1 }, 'paused'],
    ['… and when the last task that was not paused is canceled', 'active', 'canceled', { canceled: 1, paused: 1 }, 'paused'],
    ['canceling one paused task of a paused job leaves it paused', 'paused', 'canceled', { canceled: 1, paused: 2 }, undefined],
    ['canceling the last paused task ends the job', 'paused', 'canceled', { canceled: 3 }, 'canceled'],
    ['a pausing job whose last task fails ends', 'pause-requested', 'failed', { completed: 2, failed: 1 }, 'failed'],
    [
      'a pausing job whose last task is done ends, though some were canceled',
      'pause-requested',
      'completed',
      { completed: 2, canceled: 1 },
      'completed',
    ],
    ['1 % failed: the job goes on', 'queued', 'failed', { failed: 1, queued: 99 }, 'active'],
    ['9 % failed: the job goes on', 'active', 'failed', { failed: 9, queued: 91 }, undefined],
    ['10 % failed: the job fails', 'active', 'failed', { failed: 10, queued: 90 }, 'failed'],
    ['the share is cut off, not rounded', 'active', 'failed', { failed: 10, queued: 91 }, undefined],
    ['a job of ten tasks finishes its healthy tasks', 'active', 'failed', { failed: 1, queued: 9 }, undefined],
    ['a share says nothing before ten tasks failed', 'active', 'failed', { failed: 9, queued: 9 }, undefined],
    ['nine failed tasks and nothing left end the job as failed', 'active', 'failed', { failed: 9, completed: 1 }, 'failed'],
    ['a failure in a pausing job with nothing running pauses it', 'pause-requested', 'failed', { failed: 1, paused: 19 }, 'paused'],
    ['a late failure leaves a canceled job alone', 'canceled', 'failed', { failed: 1, canceled: 1 }, undefined],
    ['a late failure leaves a job alone that is being cancelled', 'cancel-requested', 'failed', { failed: 1, canceled: 1 }, undefined],
    ['the last failure of a failed job changes nothing', 'failed', 'failed', { failed: 2 }, undefined],
    ['canceling the last runnable task cancels the job', 'active', 'canceled', { canceled: 1, completed: 1 }, 'canceled'],
    ['… even with failed siblings', 'active', 'canceled', { canceled: 1, failed: 1, completed: 20 }, 'canceled'],
    ['canceling one of many changes nothing', 'active', 'canceled', { canceled: 1, queued: 1 }, undefined],
    [
      'canceling the last running task of a pausing job pauses it',
      'pause-requested',
      'canceled',
      { canceled: 1, 'soft-failed': 1, paused: 3 },
      'paused',
    ],
    ['canceling in a completed job changes nothing', 'completed', 'canceled', { canceled: 1, completed: 1 }, undefined],
    ['pausing the last running task of a pausing job pauses it', 'pause-requested', 'paused', { paused: 3 }, 'paused'],
    ['pausing a task of an active job changes nothing', 'active', 'paused', { paused: 1, queued: 1 }, undefined],
    ['requeueing a task of a completed job requeues the job', 'completed', 'queued', { completed: 2, queued: 1 }, 'requeueing'],
    ['requeueing a task of a failed job leaves it failed', 'failed', 'queued', { queued: 1, canceled: 1 }, undefined],
    ['requeueing a task of an active job changes nothing', 'active', 'queued', { queued: 1, completed: 1 }, undefined],
  ])('%s', (_, status, task, counts, expected) => {
    expect(after(status, task, counts)).toBe(expected)
  })

  it('never fails by share when the share is above 100', () => {
    expect(after('active', 'failed', { failed: 5, queued: 1 }, 101)).toBeUndefined()
    expect(after('active', 'failed', { failed: 6 }, 101)).toBe('failed')
  })

  it('lets the last task decide where the policy says so, and nowhere else', () => {
    const counts = { failed: 2, completed: 1 }
    expect(after('active', 'completed', counts, 101)).toBe('failed')
    expect(after('active', 'completed', counts, 101, true)).toBe('completed')
    expect(after('active', 'completed', { ...counts, queued: 1 }, 101, true)).toBeUndefined()
    expect(after('active', 'failed', { failed: 1, completed: 2 }, 101, true)).toBe('failed')
  })

  it('never reopens a job that was stopped, whatever its tasks say', () => {
    for (const status of ['canceled', 'cancel-requested', 'failed', 'paused'] as const) {
      for (const task of TASK_STATUSES) {
        const next = after(status, task, { queued: 3, active: 2, completed: 4, failed: 1, canceled: 1, 'soft-failed': 1, paused: 1 }, 101)
        expect(next, `${status} with a task ${task}`).toBeUndefined()
      }
    }
  })
})

describe('what a job status does to the tasks', () => {
  it.each<[JobStatus, JobStatus, TaskStatus[] | undefined, TaskStatus | undefined]>([
    ['active', 'cancel-requested', ['active', 'queued', 'soft-failed'], 'canceled'],
    ['active', 'failed', ['active', 'queued', 'soft-failed'], 'canceled'],
    ['active', 'pause-requested', ['queued', 'soft-failed'], 'paused'],
    ['completed', 'requeueing', ['completed', 'canceled', 'failed', 'paused', 'soft-failed', 'active'], 'queued'],
    ['failed', 'requeueing', ['canceled', 'failed', 'paused', 'soft-failed'], 'queued'],
    ['paused', 'requeueing', ['canceled', 'failed', 'paused', 'soft-failed'], 'queued'],
    ['under-construction', 'requeueing', undefined, undefined],
    ['active', 'active', undefined, undefined],
    ['active', 'completed', undefined, undefined],
    ['active', 'canceled', undefined, undefined],
    ['active', 'paused', undefined, undefined],
    ['active', 'queued', undefined, undefined],
    ['active', 'under-construction', undefined, undefined],
  ])('%s → %s', (from, to, tasks, status) => {
    const effect = effectOfJobStatus(from, to)
    expect(effect.tasks?.from).toEqual(tasks)
    expect(effect.tasks?.to).toBe(status)
  })

  it('goes on by itself where nothing is left to wait for', () => {
    const next = (from: JobStatus, to: JobStatus, counts: Partial<StatusCounts>, taskCount = 3) =>
      effectOfJobStatus(from, to).next?.({ ...NONE, ...counts }, taskCount, {})?.status
    expect(next('active', 'cancel-requested', { canceled: 3 })).toBe('canceled')
    expect(next('active', 'failed', { canceled: 3 })).toBeUndefined()
    expect(next('active', 'pause-requested', { paused: 3 })).toBe('paused')
    expect(next('active', 'pause-requested', { paused: 2, active: 1 })).toBeUndefined()
    expect(next('failed', 'requeueing', { queued: 3 })).toBe('queued')
    expect(next('under-construction', 'requeueing', { queued: 3 })).toBeUndefined()
    expect(next('requeueing', 'queued', { completed: 3 })).toBe('completed')
    expect(next('requeueing', 'queued', { completed: 2, queued: 1 })).toBeUndefined()
    expect(next('requeueing', 'queued', {}, 0)).toBeUndefined()
    expect(next('paused', 'queued', { completed: 2, canceled: 1 })).toBe('completed')
    expect(next('paused', 'active', { canceled: 3 })).toBe('canceled')
    expect(next('failed', 'active', { completed: 2, failed: 1 })).toBe('failed')
    expect(next('completed', 'queued', { completed: 2, paused: 1 })).toBe('paused')
  })

  it('names the status in the activity of the tasks', () => {
    expect(effectOfJobStatus('active', 'failed').tasks?.activity).toBe('Manager cancelled this task because the job got status "failed".')
    expect(effectOfJobStatus('active', 'cancel-requested').tasks?.activity).toBe(
      'Manager cancelled this task because the job got status "cancel-requested".',
    )
    expect(effectOfJobStatus('active', 'pause-requested').tasks?.activity).toBe(
      'Manager paused this task because the job got status "pause-requested".',
    )
    expect(effectOfJobStatus('failed', 'requeueing').tasks?.activity).toBe(
      'Queued because job transitioned status from "failed" to "requeueing"',
    )
  })
})

describe('what a person may do in which status', () => {
  it.each<[keyof typeof ACTION_ALLOWED, string]>([
    ['pause', 'queued active'],
    ['resume', 'queued active paused pause-requested'],
    ['cancel', 'queued active failed paused pause-requested'],
    ['requeue', 'queued active completed failed canceled paused'],
    ['requeue-failed', 'queued active completed failed canceled paused'],
  ])('%s', (action, allowed) => {
    expect(JOB_STATUSES.filter((status) => ACTION_ALLOWED[action].includes(status)).join(' ')).toBe(allowed)
  })
})
