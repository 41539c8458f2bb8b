import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { violations } from '../../support/invariants.ts'
import type { JobState, WorkerState } from '../../../src/main/engine/base/model.ts'
import { TestFarm } from '../../support/testFarm.ts'

let test: TestFarm
beforeEach(async () => {
  test = await TestFarm.open()
})
afterEach(async () => {
  expect(await violations(test)).toEqual({})
  await test.close()
})

const MANY = Array.from({ length: 40 }, () => ({}))

describe('a failed task', () => {
  it('is tried on other workers, never on one that failed it while others are there', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit([{}, {}], { policyChanges: { failAfterWorkers: 3 } })
    const first = await test.takeOne(ada)
    await test.fail(ada, first)
    expect((await test.statuses(job))[0]).toBe('soft-failed')
    const second = await test.takeOne(ada)
    expect(second.taskId).toBe(test.taskId(job, 2))
    await test.finish(ada, second)
    expect(await test.take(ada)).toEqual([])
    expect(await test.takeOne(bob)).toMatchObject({ taskId: first.taskId, attempt: 2 })
  })

  it('comes after the tasks of its priority that were never tried', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit([{ priority: 60 }, { priority: 60 }, {}, {}])
    await test.fail(ada, await test.takeOne(ada))
    const order: string[] = []
    for (let at = 0; at < 4; at++) {
      const task = await test.takeOne(bob)
      order.push(task.taskId)
      await test.finish(bob, task)
    }
    expect(order).toEqual([2, 1, 3, 4].map((index) => test.taskId(job, index)))
  })

  it('keeps its place where tasks run in order', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit(MANY, { lane: { kind: 'mailbox', name: 'm', concurrency: 1, ordered: true } })
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.take(ada)).toEqual([])
    expect((await test.takeOne(bob)).taskId).toBe(test.taskId(job, 1))
  })

  it('keeps its place among the failed ones after a restart', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit([{}, {}, {}])
    await test.fail(ada, await test.takeOne(ada))
    await test.restart()
    expect(await test.work(test.again(bob))).toEqual([2, 3, 1].map((index) => test.taskId(job, index)))
    await test.farm.jobs.act(job.publicId, 'requeue', 'tester')
    expect(await test.work(test.again(bob), test.again(ada))).toEqual([1, 2, 3].map((index) => test.taskId(job, index)))
  })

  it('says in its log that it is a soft failure, then a hard one', async () => {
    const workers = await Promise.all(['ada', 'bob', 'eve', 'joe'].map((name) => test.worker(name)))
    const job = await test.submit([{}])
    const id = test.taskId(job, 1)
    for (const worker of workers.slice(0, 3)) await test.fail(worker, await test.takeOne(worker))
    expect((await test.statuses(job))[0]).toBe('failed')
    expect(await test.log(id, 1)).toContain(
      'Task failed by 1 worker(s), Manager will mark it as soft failure. 2 more failure(s) will cause hard failure.\n',
    )
    expect(await test.log(id, 2)).toContain(
      'Task failed by 2 worker(s), Manager will mark it as soft failure. 1 more failure(s) will cause hard failure.\n',
    )
    expect(await test.log(id, 3)).toContain('Task failed by 3 worker(s), Manager will mark it as hard failure\n')
    expect(await test.jobRow(job)).toMatchObject({ status: 'failed', count_failed: 1 })
  })

  it('keeps each attempt with its own outcome', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit([{}])
    await test.fail(ada, await test.takeOne(ada), 7)
    await test.finish(bob, await test.takeOne(bob))
    const attempts = await test.opened.read.all('select number, status, outcome, exit_code from attempts order by number')
    expect(attempts).toEqual([
      { number: 1, status: 'failed', outcome: 'exit-code', exit_code: 7 },
      { number: 2, status: 'completed', outcome: 'success', exit_code: 0 },
    ])
    expect(await test.status(job)).toBe('completed')
  })

  it('is tried three times by the only worker, after all others; then the job ends and says what failed first', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}, {}, {}], { policyChanges: { failJobWhenNobodyLeft: true } })
    const order: string[] = []
    for (let at = 0; at < 5; at++) {
      const task = await test.takeOne(ada)
      order.push(task.taskId)
      if (task.taskId === test.taskId(job, 1)) {
        await test.say(ada, task, {
          type: 'log',
          at: test.time,
          stream: 'stderr',
          text: 'reading\nError: cannot open scene.blend\nquitting\n',
        })
        await test.fail(ada, task)
      } else await test.finish(ada, task)
    }
    expect(order).toEqual([1, 2, 3, 1, 1].map((index) => test.taskId(job, index)))
    expect(await test.statuses(job)).toEqual(['failed', 'completed', 'completed'])
    expect(await test.jobRow(job)).toMatchObject({
      status: 'failed',
      activity:
        'Changed to status "failed": tasks failed and nothing is left to run. ' +
        'First failure: task "task 1" on ada: ended with exit-code: Error: cannot open scene.blend',
    })
  })

  it('three bad frames of a hundred cost only these three on a farm of one worker', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(Array.from({ length: 100 }, () => ({})))
    const bad = new Set([2, 3, 4].map((index) => test.taskId(job, index)))
    for (let task = await test.takeOne(ada); ;) {
      if (bad.has(task.taskId)) await test.fail(ada, task)
      else await test.finish(ada, task)
      await test.settled()
      const [next] = await test.take(ada)
      if (!next) break
      task = next
    }
    expect(await test.jobRow(job)).toMatchObject({ status: 'failed', count_failed: 3, count_completed: 97 })
    expect(await test.opened.read.all('select * from job_blocks')).toEqual([])
  })

  it('is tried by the last one again when the others leave, are deleted, blocked, retagged or lose the kind', async () => {
    const tag = await test.farm.tags.create({ name: 'gpu' })
    const leave: Record<string, (bob: WorkerState, job: JobState) => Promise<unknown>> = {
      'signs off': (bob) => test.farm.workers.signOff(bob.publicId),
      'is deleted': (bob) => test.farm.workers.delete(bob.publicId),
      'is retagged': (bob) => test.farm.workers.setTags(bob.publicId, []),
      'loses the kind': (bob) =>
        test.farm.workers.signOn(bob.publicId, {
          name: 'bob',
          software: '',
          address: '',
          kinds: ['video'],
          canRestart: false,
          running: [],
        }),
    }
    const ada = await test.worker('ada')
    await test.farm.workers.setTags(ada.publicId, [tag.publicId])
    for (const [how, goes] of Object.entries(leave)) {
      const bob = await test.worker('bob')
      await test.farm.workers.setTags(bob.publicId, [tag.publicId])
      const job = await test.submit([{}], { tag: tag.publicId })
      await test.fail(ada, await test.takeOne(ada))
      expect(await test.take(ada), how).toEqual([])
      const reply = test.farm.native.take(ada.publicId, { slots: 1, waitMs: 20_000, running: [] })
      await goes(bob, job)
      const [again] = (await reply).assignments
      expect(again, how).toMatchObject({ taskId: test.taskId(job, 1), attempt: 2 })
      await test.finish(ada, again!)
    }
  })

  it('waits for workers that are asleep, however long', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    await test.farm.workers.changedStatus(bob.publicId, 'asleep')
    const job = await test.submit([{}], { policyChanges: { failJobWhenNobodyLeft: true } })
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.take(ada)).toEqual([])
    for (let hours = 0; hours < 9; hours++) {
      test.pass(3_600_000)
      await test.farm.timers.checkStalls()
    }
    expect(await test.statuses(job)).toEqual(['soft-failed'])
  })
})

describe('tasks that no worker is left for', () => {
  const minutes = async (count: number): Promise<void> => {
    for (let at = 0; at < count; at++) {
      test.pass(60_000)
      await test.farm.timers.checkStalls()
    }
  }

  it('fail after five minutes when the only worker used up its tries and the other one has left', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    await test.farm.workers.signOff(bob.publicId)
    const job = await test.submit([{}])
    for (let tries = 0; tries < 3; tries++) await test.fail(ada, await test.takeOne(ada))
    expect(await test.statuses(job)).toEqual(['soft-failed'])
    await test.farm.timers.checkStalls()
    await minutes(4)
    expect(await test.statuses(job)).toEqual(['soft-failed'])
    await minutes(1)
    expect(await test.jobRow(job)).toMatchObject({ status: 'failed', count_failed: 1 })
    expect(await test.log(test.taskId(job, 1), 3)).toContain('Task failed: no worker is left for it: ada failed it, bob is offline')
  })

  it('fail together when who fits is blocked or gone, and end the job with the reason', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit(MANY)
    for (let done = 0; done < 5; done++) await test.finish(bob, await test.takeOne(bob))
    for (let failed = 0; failed < 3; failed++) await test.fail(ada, await test.takeOne(ada))
    expect(await test.take(ada)).toEqual([])
    await test.farm.workers.signOff(bob.publicId)
    await minutes(14)
    expect(await test.status(job)).toBe('active')
    await minutes(2)
    const [wait] = test.farm.jobs.waitsOf(job.publicId)
    expect(wait).toMatchObject({ state: 'stalled', kind: 'misc', message: 'ada is blocked, bob is offline' })
    await minutes(5)
    expect(await test.jobRow(job)).toMatchObject({ status: 'failed', count_failed: 35, count_completed: 5 })
    expect((await test.jobRow(job)).activity).toContain(
      'no worker is left for tasks of kind "misc": ada is blocked, bob is offline. First failure: task "task 6" on ada',
    )
  })

  it('go on when a worker comes in time', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit([{}, {}])
    await test.fail(ada, await test.takeOne(ada))
    await test.farm.tasks.act(test.taskId(job, 1), 'requeue-elsewhere', 'tester')
    await test.farm.workers.delete(bob.publicId)
    await test.finish(ada, await test.takeOne(ada))
    await minutes(4)
    const eve = await test.worker('eve')
    await minutes(9)
    expect(await test.work(eve)).toEqual([test.taskId(job, 1)])
    expect(await test.status(job)).toBe('completed')
  })

  it('leave tasks of other kinds to their workers, unless the policy ends the job', async () => {
    const ada = await test.worker('ada', { kinds: ['misc', 'video'] })
    for (const failJobWhenNobodyLeft of [false, true]) {
      const bob = await test.worker('bob')
      const job = await test.submit([...MANY.slice(0, 6), { kind: 'video' }], {
        policyChanges: { blockAfterFailures: 1, failJobWhenNobodyLeft },
      })
      await test.finish(bob, await test.takeOne(bob))
      const video = await test.takeOne(ada)
      await test.fail(ada, video.kind === 'misc' ? video : await test.takeOne(ada))
      await test.farm.workers.delete(bob.publicId)
      await minutes(6)
      expect(await test.status(job)).toBe(failJobWhenNobodyLeft ? 'failed' : 'active')
      await test.work(ada)
      expect(await test.status(job)).toBe('failed')
      expect(await test.jobRow(job)).toMatchObject({ count_completed: failJobWhenNobodyLeft ? 1 : 2 })
    }
  })

  it('wait with the reason, and do not fail, while no worker fits or those that fit are not approved, asleep or offline', async () => {
    const job = await test.submit([{}])
    const state = () => test.farm.jobs.waitsOf(job.publicId).map(({ state, rule }) => `${state} ${rule}`)
    expect(state()).toEqual(['waiting no-worker'])
    await test.worker('video', { kinds: ['video'] })
    expect(state()).toEqual(['waiting no-worker'])
    const ada = await test.worker('ada', { approved: false })
    expect(state()).toEqual(['waiting not-approved'])
    await test.farm.workers.approve(ada.publicId)
    expect(state()).toEqual([])
    await test.farm.workers.changedStatus(ada.publicId, 'asleep')
    expect(state()).toEqual(['waiting asleep'])
    await test.farm.workers.signOff(ada.publicId)
    expect(state()).toEqual(['waiting offline'])
    await minutes(90)
    expect(state()).toEqual(['waiting offline'])
    expect(await test.status(job)).toBe('queued')
  })
})

describe('the blocklist', () => {
  it('blocks a worker that fails what it tries while others do not', async () => {
    const [ada, bob] = [await test.worker('ada', { kinds: ['misc', 'video'] }), await test.worker('bob')]
    const job = await test.submit([...MANY, { kind: 'video' }])
    await test.finish(bob, await test.takeOne(bob))
    for (let failures = 0; failures < 2; failures++) await test.fail(ada, await test.takeOne(ada))
    const third = await test.takeOne(ada)
    expect(await test.opened.read.all('select * from job_blocks')).toEqual([])
    await test.fail(ada, third)
    expect(await test.opened.read.all('select worker_id, kind from job_blocks')).toEqual([{ worker_id: ada.id, kind: 'misc' }])
    // Another kind of the same job, and another job, are still open to it.
    expect((await test.takeOne(ada)).kind).toBe('video')
    expect(await test.take(ada)).toEqual([])
    const other = await test.submit([{}])
    expect((await test.takeOne(ada)).taskId).toBe(test.taskId(other, 1))
    expect((await test.takeOne(bob)).taskId).toBe(test.taskId(job, 5))
  })

  it('blocks a worker when others complete three tasks that it failed, however many it completed', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit(MANY.slice(0, 9))
    for (let at = 0; at < 3; at++) await test.fail(ada, await test.takeOne(ada))
    for (let at = 0; at < 6; at++) await test.finish(ada, await test.takeOne(ada))
    for (let at = 0; at < 2; at++) await test.finish(bob, await test.takeOne(bob))
    await test.restart()
    expect(await test.opened.read.all('select * from job_blocks')).toEqual([])
    await test.finish(test.again(bob), await test.takeOne(test.again(bob)))
    expect(await test.opened.read.all('select worker_id from job_blocks')).toEqual([{ worker_id: ada.id }])
    expect(await test.status(job)).toBe('completed')
  })

  it('never blocks the last worker that is left', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit(MANY)
    for (let at = 0; at < 5; at++) await test.finish(bob, await test.takeOne(bob))
    await test.farm.workers.delete(bob.publicId)
    for (let at = 0; at < 5; at++) await test.fail(ada, await test.takeOne(ada))
    expect(await test.opened.read.all('select * from job_blocks')).toEqual([])
    await test.work(ada)
    expect(await test.status(job)).toBe('completed')
  })

  it('gives what the blocked worker failed for good another chance elsewhere, which stays in counts and history', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit(MANY, { policyChanges: { failAfterWorkers: 1, blockAfterFailures: 3, failJobAtPercent: 101 } })
    await test.finish(bob, await test.takeOne(bob))
    for (let failures = 0; failures < 2; failures++) await test.fail(ada, await test.takeOne(ada))
    expect(await test.jobRow(job)).toMatchObject({ count_failed: 2 })
    await test.fail(ada, await test.takeOne(ada))
    expect((await test.statuses(job)).slice(1, 5)).toEqual(['soft-failed', 'soft-failed', 'soft-failed', 'queued'])
    expect(await test.opened.read.get('select activity from tasks where idx = 2')).toEqual({
      activity: 'Retrying, failed on ada: that worker was blocked from tasks of type "misc"',
    })
    expect(await test.opened.read.all('select task_id from task_failures where worker_id = ?', [ada.id])).toHaveLength(3)
    await test.work(bob)
    expect(await test.status(job)).toBe('completed')
  })

  it('forgets the failures of a worker that is taken off the list', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit(MANY)
    await test.finish(bob, await test.takeOne(bob))
    for (let at = 0; at < 3; at++) await test.fail(ada, await test.takeOne(ada))
    await test.farm.jobs.unblock(job.publicId, ada.publicId, 'misc')
    expect(await test.opened.read.all('select * from task_failures')).toEqual([])
    for (let at = 0; at < 2; at++) await test.fail(ada, await test.takeOne(ada))
    expect(await test.opened.read.all('select * from job_blocks')).toEqual([])
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.opened.read.all('select * from job_blocks')).toHaveLength(1)
    await test.work(bob)
  })

  it('is emptied for a kind when a task is requeued that everyone is blocked for', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit(MANY, { policyChanges: { blockAfterFailures: 1 } })
    await test.finish(bob, await test.takeOne(bob))
    const failed = await test.takeOne(ada)
    await test.fail(ada, failed)
    await test.farm.workers.delete(bob.publicId)
    expect(await test.take(ada)).toEqual([])
    await test.farm.tasks.act(failed.taskId, 'requeue', 'tester')
    await test.work(ada)
    expect(await test.status(job)).toBe('completed')
  })

  it('lets a worker in again when it is taken off the list, and wakes it when it waits', async () => {
    const ada = await test.worker('ada')
    const bob = await test.worker('bob')
    const job = await test.submit(MANY, { policyChanges: { blockAfterFailures: 1 } })
    await test.finish(bob, await test.takeOne(bob))
    await test.fail(ada, await test.takeOne(ada))
    const reply = test.farm.native.take(ada.publicId, { slots: 1, waitMs: 20_000, running: [] })
    await test.settled()
    await test.farm.jobs.unblock(job.publicId, ada.publicId, 'misc')
    expect((await reply).assignments).toMatchObject([{ taskId: test.taskId(job, 3) }])
  })

  it('survives a restart', async () => {
    const ada = await test.worker('ada')
    const bob = await test.worker('bob')
    await test.submit(MANY, { policyChanges: { blockAfterFailures: 1 } })
    await test.finish(bob, await test.takeOne(bob))
    await test.fail(ada, await test.takeOne(ada))
    await test.restart()
    expect(await test.take(test.again(ada))).toEqual([])
  })

  it('knows who completed most of its tasks after a restart and after a mass update', async () => {
    const ada = await test.worker('ada')
    const bob = await test.worker('bob')
    const job = await test.submit(MANY, { policyChanges: { blockAfterFailures: 1 } })
    await test.finish(bob, await test.takeOne(bob))
    for (let done = 0; done < 4; done++) await test.finish(ada, await test.takeOne(ada))
    await test.restart()
    await test.fail(test.again(ada), await test.takeOne(test.again(ada)))
    expect(await test.opened.read.all('select * from job_blocks')).toEqual([])
    await test.farm.tasks.act(test.taskId(job, 1), 'requeue', 'ada')
    await test.fail(test.again(ada), await test.takeOne(test.again(ada)))
    expect(await test.opened.read.all('select * from job_blocks')).toEqual([])
    expect(await test.opened.read.all('select tasks from job_completions')).toEqual([{ tasks: 4 }])
  })
})

describe('retries', () => {
  it('wait as long as the policy says, longer each time', async () => {
    const ada = await test.worker('ada')
    await test.submit([{}], {
      policyChanges: { retryOnSameWorker: true, failAfterWorkers: 4, retryDelayMs: 1000, retryBackoff: 2, blockAfterFailures: 0 },
    })
    for (const delay of [1000, 2000, 4000]) {
      await test.fail(ada, await test.takeOne(ada))
      test.pass(delay - 1)
      test.farm.timers.releaseDue()
      expect(await test.take(ada)).toEqual([])
      test.pass(1)
      test.farm.timers.releaseDue()
    }
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.opened.read.get('select status, retries from tasks')).toEqual({ status: 'failed', retries: 4 })
  })

  it('wait on across a restart', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}], { policyChanges: { retryOnSameWorker: true, retryDelayMs: 60_000 } })
    await test.fail(ada, await test.takeOne(ada))
    await test.restart()
    expect(await test.take(test.again(ada))).toEqual([])
    test.pass(60_000)
    test.farm.timers.releaseDue()
    expect(await test.take(test.again(ada))).toMatchObject([{ taskId: test.taskId(job, 1), attempt: 2 }])
  })

  it('a licence shortage by exit code is waited out and never counted', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}], { policyChanges: { licenceExitCodes: [42], licenceRetryDelayMs: 5000, failAfterWorkers: 1 } })
    for (let round = 0; round < 5; round++) {
      await test.fail(ada, await test.takeOne(ada), 42)
      expect(await test.statuses(job)).toEqual(['queued'])
      expect(await test.take(ada)).toEqual([])
      test.pass(5000)
      test.farm.timers.releaseDue()
    }
    expect(await test.opened.read.all('select * from task_failures')).toEqual([])
    await test.finish(ada, await test.takeOne(ada))
    expect(await test.status(job)).toBe('completed')
  })

  it('a licence shortage by a line of the log too, but not of a log of before', async () => {
    const ada = await test.worker('ada')
    await test.worker('bob')
    const job = await test.submit([{}], { policyChanges: { licencePattern: 'licen[cs]e .* unavailable', licenceRetryDelayMs: 1000 } })
    const first = await test.takeOne(ada)
    await test.say(ada, first, { type: 'log', at: test.time, stream: 'stderr', text: 'nuke: license server unavailable\n' })
    await test.fail(ada, first)
    expect(await test.statuses(job)).toEqual(['queued'])
    test.pass(1000)
    test.farm.timers.releaseDue()
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.statuses(job)).toEqual(['soft-failed'])
  })

  it('a licence pattern sees single lines of a longer text', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}], { policyChanges: { licencePattern: '^no licence$' } })
    const task = await test.takeOne(ada)
    await test.say(ada, task, { type: 'log', at: test.time, stream: 'stdout', text: 'starting\nno licence\nbye\n' })
    await test.fail(ada, task)
    expect(await test.statuses(job)).toEqual(['queued'])
  })

  it('a licence pattern that would never end holds up nothing', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}], { policyChanges: { licencePattern: '(a+)+$' } })
    const task = await test.takeOne(ada)
    const line = `${'a'.repeat(60)}!`
    for (let n = 0; n < 10; n++) await test.say(ada, task, { type: 'log', at: test.time, stream: 'stdout', text: `${line}\n` })
    await test.finish(ada, task)
    expect(await test.status(job)).toBe('completed')
  })

  it('an exit code that the policy calls a success completes the task', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}], { policyChanges: { successExitCodes: [0, 3] } })
    await test.fail(ada, await test.takeOne(ada), 3)
    expect(await test.status(job)).toBe('completed')
    expect(await test.opened.read.get('select status, outcome, exit_code from attempts')).toEqual({
      status: 'completed',
      outcome: 'success',
      exit_code: 3,
    })
  })

  it('a task that was stopped or lost is queued again and blames no worker', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}], { policyChanges: { failAfterWorkers: 1 } })
    await test.finish(ada, await test.takeOne(ada), 'lost', null)
    await test.finish(ada, await test.takeOne(ada), 'stopped', null)
    expect(await test.statuses(job)).toEqual(['queued'])
    expect(await test.opened.read.all('select status from attempts order by number')).toEqual([{ status: 'lost' }, { status: 'canceled' }])
    expect(await test.opened.read.all('select * from task_failures')).toEqual([])
  })
})

describe('failures of a job', () => {
  it('fail it when ten tasks and their share are reached, and cancel the rest, what runs too', async () => {
    const [ada, bob] = [await test.worker('ada', { capacity: 2 }), await test.worker('bob')]
    const job = await test.submit(MANY.slice(0, 20), {
      policyChanges: { failAfterWorkers: 1, failJobAtPercent: 10, blockAfterFailures: 0 },
    })
    for (let failed = 0; failed < 9; failed++) await test.fail(ada, await test.takeOne(ada))
    expect(await test.status(job)).toBe('active')
    const running = await test.takeOne(bob)
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.status(job)).toBe('failed')
    expect(await test.jobRow(job)).toMatchObject({
      count_failed: 10,
      count_canceled: 10,
      activity: 'Changed to status "failed": too many tasks failed. First failure: task "task 1" on ada: ended with exit-code',
    })
    const reply = await test.finish(bob, running)
    expect(reply.stale).toEqual([{ taskId: running.taskId, attempt: 1 }])
    expect(await test.jobRow(job)).toMatchObject({ status: 'failed', count_completed: 0 })
  })

  it('end it when what is left depends on what failed', async () => {
    const ada = await test.worker('ada', { capacity: 5 })
    const job = await test.submit([{}, {}, { dependsOn: [1] }, { dependsOn: [3] }], {
      policyChanges: { failAfterWorkers: 1, failJobAtPercent: 101 },
    })
    const [first, second] = await test.take(ada, 5)
    await test.fail(ada, first!)
    expect(await test.status(job)).toBe('active')
    await test.finish(ada, second!)
    expect(await test.status(job)).toBe('failed')
    expect(await test.statuses(job)).toEqual(['failed', 'completed', 'canceled', 'canceled'])
    expect((await test.jobRow(job)).activity).toContain('1 task failed, and what is left depends on that')
  })

  it('do not end it while a completion has just released something else, of a kind never seen before', async () => {
    const ada = await test.worker('ada', { capacity: 5, kinds: ['misc', 'video'] })
    const job = await test.submit([{}, {}, { dependsOn: [2], kind: 'video' }, { dependsOn: [1] }], {
      policyChanges: { failAfterWorkers: 1, failJobAtPercent: 101 },
    })
    const [first, second] = await test.take(ada, 5)
    await test.fail(ada, first!)
    await test.finish(ada, second!)
    await test.settled()
    expect(await test.status(job)).toBe('active')
    await test.work(ada)
    expect(await test.statuses(job)).toEqual(['failed', 'completed', 'completed', 'canceled'])
    expect(await test.status(job)).toBe('failed')
  })

  it('end it also when the failed task was the last one running and nothing was ever loaded of the rest', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}, { dependsOn: [1] }], { policyChanges: { failAfterWorkers: 1, failJobAtPercent: 101 } })
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.status(job)).toBe('failed')
  })

  it('leave it open while a retry is on its way', async () => {
    const ada = await test.worker('ada', { capacity: 2 })
    const job = await test.submit([{}, {}, { dependsOn: [1] }], {
      policyChanges: { failAfterWorkers: 2, failJobAtPercent: 101, retryOnSameWorker: true, retryDelayMs: 1000, blockAfterFailures: 0 },
    })
    const [first, second] = await test.take(ada, 2)
    await test.fail(ada, first!)
    await test.finish(ada, second!)
    expect(await test.status(job)).toBe('active')
    test.pass(1000)
    test.farm.timers.releaseDue()
    await test.work(ada)
    expect(await test.status(job)).toBe('completed')
  })
})
