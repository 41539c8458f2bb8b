import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { violations } from '../../support/invariants.ts'
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
  it('is tried on other workers, never on one that failed it', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit(MANY, { policyChanges: { failAfterWorkers: 3 } })
    const first = await test.takeOne(ada)
    await test.fail(ada, first)
    expect((await test.statuses(job))[0]).toBe('soft-failed')
    expect((await test.takeOne(ada)).taskId).toBe(test.taskId(job, 2))
    expect(await test.takeOne(bob)).toMatchObject({ taskId: first.taskId, attempt: 2 })
  })

  it('says in its log that it is a soft failure, then a hard one', async () => {
    const workers = await Promise.all(['ada', 'bob', 'eve', 'joe'].map((name) => test.worker(name)))
    const job = await test.submit(MANY)
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
    expect(await test.jobRow(job)).toMatchObject({ status: 'active', count_failed: 1 })
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

  it('is final on a farm of one worker, and the job with it', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(MANY, { policyChanges: { failJobWhenNobodyLeft: true } })
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.status(job)).toBe('failed')
    expect(await test.log(test.taskId(job, 1))).toContain(
      `Task failed by worker ada (${ada.publicId}), Manager will fail the entire job as there are no more workers left for tasks of type "misc".`,
    )
    expect(await test.jobRow(job)).toMatchObject({
      activity: 'Changed to status "failed": no more workers left to run tasks of type "misc"',
      count_failed: 1,
      count_canceled: 39,
    })
  })

  it('is final alone when the policy spares the job', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(MANY)
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.status(job)).toBe('active')
    expect(await test.jobRow(job)).toMatchObject({ count_failed: 1, count_queued: 39 })
  })

  it('is not final while one other worker is left', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit(MANY, { policyChanges: { failJobWhenNobodyLeft: true } })
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.status(job)).toBe('active')
    await test.fail(bob, await test.takeOne(bob))
    expect(await test.status(job)).toBe('failed')
  })

  it('does not count workers that are deleted, of another kind, of another tag or not approved as left', async () => {
    const tag = await test.farm.createTag({ name: 'gpu' })
    const ada = await test.worker('ada')
    const [gone, other, untagged] = [
      await test.worker('gone'),
      await test.worker('other', { kinds: ['video'] }),
      await test.worker('untagged'),
    ]
    await test.worker('stranger', { approved: false })
    for (const worker of [ada, gone, other]) await test.farm.setWorkerTags(worker.publicId, [tag.publicId])
    await test.farm.deleteWorker(gone.publicId)
    expect(untagged.tagIds.size).toBe(0)
    const job = await test.submit([{}], { tag: tag.publicId, policyChanges: { failJobWhenNobodyLeft: true } })
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.status(job)).toBe('failed')
  })

  it('waits for workers that are offline or asleep: they are left', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    await test.farm.signOff(bob.publicId)
    const job = await test.submit([{}], { policyChanges: { failJobWhenNobodyLeft: true } })
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.statuses(job)).toEqual(['soft-failed'])
  })
})

describe('the blocklist', () => {
  it('blocks a worker at its third failed task of a kind', async () => {
    const [ada, bob] = [await test.worker('ada', { kinds: ['misc', 'video'] }), await test.worker('bob')]
    const job = await test.submit([...MANY, { kind: 'video' }])
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
    expect((await test.takeOne(bob)).taskId).toBe(test.taskId(job, 1))
  })

  it('gives what the blocked worker failed for good another chance elsewhere', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit(MANY, { policyChanges: { failAfterWorkers: 1, blockAfterFailures: 3, failJobAtPercent: 101 } })
    for (let failures = 0; failures < 2; failures++) await test.fail(ada, await test.takeOne(ada))
    expect(await test.jobRow(job)).toMatchObject({ count_failed: 2 })
    await test.fail(ada, await test.takeOne(ada))
    expect((await test.statuses(job)).slice(0, 4)).toEqual(['queued', 'queued', 'failed', 'queued'])
    expect((await test.takeOne(bob)).taskId).toBe(test.taskId(job, 1))
  })

  it('fails the job when the last capable worker is blocked', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(MANY, { policyChanges: { blockAfterFailures: 1, failJobWhenNobodyLeft: true, retryOnSameWorker: true } })
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.status(job)).toBe('failed')
    expect(await test.opened.read.all('select worker_id from job_blocks')).toHaveLength(1)
  })

  it('lets a worker in again when somebody takes it off the list, and wakes it when it waits', async () => {
    const ada = await test.worker('ada')
    await test.worker('bob')
    const job = await test.submit(MANY, { policyChanges: { blockAfterFailures: 1 } })
    await test.fail(ada, await test.takeOne(ada))
    const reply = test.farm.take(ada.publicId, { slots: 1, waitMs: 20_000, running: [] })
    await test.settled()
    await test.farm.unblockWorker(job.publicId, ada.publicId, 'misc')
    expect((await reply).assignments).toMatchObject([{ taskId: test.taskId(job, 2) }])
  })

  it('survives a restart', async () => {
    const ada = await test.worker('ada')
    await test.worker('bob')
    await test.submit(MANY, { policyChanges: { blockAfterFailures: 1 } })
    await test.fail(ada, await test.takeOne(ada))
    await test.restart()
    expect(await test.take(test.again(ada))).toEqual([])
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

  it('a licence pattern that would never end holds up nobody', async () => {
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

  it('a task that was stopped or lost is queued again and blames nobody', async () => {
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
  it('fail it when their share is reached, and cancel the rest, what runs too', async () => {
    const [ada, bob] = [await test.worker('ada', { capacity: 2 }), await test.worker('bob')]
    const job = await test.submit(MANY.slice(0, 20), {
      policyChanges: { failAfterWorkers: 1, failJobAtPercent: 10, blockAfterFailures: 0 },
    })
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.status(job)).toBe('active')
    const running = await test.takeOne(bob)
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.status(job)).toBe('failed')
    expect(await test.jobRow(job)).toMatchObject({
      count_failed: 2,
      count_canceled: 18,
      activity: 'Changed to status "failed": too many tasks failed',
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
