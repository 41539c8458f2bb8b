/** What people do to jobs and tasks: pause, resume, cancel, requeue, skip, delete, change. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConflictError, InvalidInputError, NotFoundError } from '../../../src/main/engine/base/errors.ts'
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

const tasks = (count: number) => Array.from({ length: count }, () => ({}))
const act = (job: { publicId: string }, action: Parameters<typeof test.farm.jobs.act>[1]) =>
  test.farm.jobs.act(job.publicId, action, 'tester')

describe('pause and resume', () => {
  it('a job without running tasks is paused at once', async () => {
    const job = await test.submit(tasks(3))
    await act(job, 'pause')
    expect(await test.status(job)).toBe('paused')
    expect(await test.statuses(job)).toEqual(['paused', 'paused', 'paused'])
    expect(await test.opened.read.get('select activity from tasks')).toEqual({
      activity: 'Manager paused this task because the job got status "pause-requested".',
    })
  })

  it('running tasks run on, and the job is paused after the last of them', async () => {
    const ada = await test.worker('ada', { capacity: 2 })
    const job = await test.submit(tasks(4))
    const [first, second] = await test.take(ada, 2)
    await act(job, 'pause')
    expect(await test.status(job)).toBe('pause-requested')
    expect(await test.statuses(job)).toEqual(['active', 'active', 'paused', 'paused'])
    expect(await test.take(ada, 2)).toEqual([])
    await test.finish(ada, first!)
    expect(await test.status(job)).toBe('pause-requested')
    await test.finish(ada, second!)
    expect(await test.status(job)).toBe('paused')
    await act(job, 'resume')
    expect(await test.work(ada)).toEqual([3, 4].map((index) => test.taskId(job, index)))
    expect(await test.status(job)).toBe('completed')
  })

  it('a task that fails or is lost while the job pauses is paused, not queued', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit(tasks(3))
    const first = await test.takeOne(ada)
    await test.takeOne(bob)
    await act(job, 'pause')
    await test.fail(ada, first)
    expect(await test.statuses(job)).toEqual(['paused', 'active', 'paused'])
    await test.farm.workers.signOff(bob.publicId)
    expect(await test.statuses(job)).toEqual(['paused', 'paused', 'paused'])
    expect(await test.status(job)).toBe('paused')
    expect(await test.opened.read.get('select activity from tasks where idx = 2')).toEqual({
      activity: 'Task was paused by Manager because worker signed off',
    })
  })

  it('resuming while tasks still run goes on with them', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(2))
    const first = await test.takeOne(ada)
    await act(job, 'pause')
    await act(job, 'resume')
    expect(await test.status(job)).toBe('active')
    expect((await test.finish(ada, first)).stale).toEqual([])
    await test.work(ada)
    expect(await test.status(job)).toBe('completed')
  })

  it('resuming wakes a waiting worker', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(1))
    await act(job, 'pause')
    const reply = test.farm.native.take(ada.publicId, { slots: 1, waitMs: 20_000, running: [] })
    await act(job, 'resume')
    expect((await reply).assignments).toHaveLength(1)
  })

  it('a paused job stays paused over a restart', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(2))
    await act(job, 'pause')
    await test.restart()
    expect(await test.take(test.again(ada))).toEqual([])
    await act(job, 'resume')
    expect(await test.work(test.again(ada))).toHaveLength(2)
  })

  it('a resumed job whose rest depends on what failed meanwhile ends', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}, { dependsOn: [1] }], { policyChanges: { failAfterWorkers: 1, failJobAtPercent: 101 } })
    const first = await test.takeOne(ada)
    await act(job, 'pause')
    await test.fail(ada, first)
    expect(await test.status(job)).toBe('paused')
    await act(job, 'resume')
    expect(await test.status(job)).toBe('failed')
  })
})

describe('cancel', () => {
  it('ends everything; what ran is stale, and its worker is notified', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(3))
    const first = await test.takeOne(ada)
    const reply = test.farm.native.take(ada.publicId, { slots: 0, waitMs: 0, running: [first] })
    expect((await reply).cancel).toEqual([])
    await act(job, 'cancel')
    expect(await test.status(job)).toBe('canceled')
    expect(await test.statuses(job)).toEqual(['canceled', 'canceled', 'canceled'])
    const told = await test.farm.native.take(ada.publicId, { slots: 0, waitMs: 0, running: [first] })
    expect(told.cancel).toMatchObject([{ taskId: first.taskId, attempt: 1 }])
    expect((await test.finish(ada, first)).stale).toHaveLength(1)
    expect(await test.opened.read.get('select status, outcome from attempts')).toEqual({ status: 'canceled', outcome: 'stopped' })
  })

  it('keeps what is completed', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(3))
    await test.finish(ada, await test.takeOne(ada))
    await act(job, 'cancel')
    expect(await test.statuses(job)).toEqual(['completed', 'canceled', 'canceled'])
  })

  it('works while the job pauses; what is paused already stays so', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(3))
    await test.takeOne(ada)
    await act(job, 'pause')
    await act(job, 'cancel')
    expect(await test.statuses(job)).toEqual(['canceled', 'paused', 'paused'])
    expect(await test.status(job)).toBe('canceled')
  })

  it('of one task leaves the rest; of the last one ends the job', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(3))
    await test.finish(ada, await test.takeOne(ada))
    await test.farm.tasks.act(test.taskId(job, 2), 'cancel', 'tester')
    expect(await test.status(job)).toBe('active')
    await test.farm.tasks.act(test.taskId(job, 3), 'cancel', 'tester')
    expect(await test.status(job)).toBe('canceled')
  })

  it('of one task on which all others depend ends the job too', async () => {
    const job = await test.submit([{}, { dependsOn: [1] }])
    await test.farm.tasks.act(test.taskId(job, 1), 'cancel', 'tester')
    expect(await test.status(job)).toBe('canceled')
    expect(await test.statuses(job)).toEqual(['canceled', 'canceled'])
  })

  it('twice at the same time is once, and so is the count', async () => {
    const job = await test.submit(tasks(3))
    await Promise.all([test.farm.tasks.act(test.taskId(job, 2), 'cancel', 'a'), test.farm.tasks.act(test.taskId(job, 2), 'cancel', 'b')])
    expect(await test.jobRow(job)).toMatchObject({ count_canceled: 1, count_queued: 2 })
  })
})

describe('requeue', () => {
  it('of a completed job runs everything again', async () => {
    const ada = await test.worker('ada', { capacity: 4 })
    const job = await test.submit([{}, {}, { dependsOn: [1, 2] }])
    await test.work(ada)
    await act(job, 'requeue')
    expect(await test.jobRow(job)).toMatchObject({ status: 'queued', count_queued: 3, steps_completed: 0 })
    expect(await test.take(ada, 4)).toHaveLength(2)
    for (const index of [1, 2]) await test.finish(ada, { taskId: test.taskId(job, index), attempt: 2 })
    await test.work(ada)
    expect(await test.status(job)).toBe('completed')
    expect(await test.opened.read.all('select attempts from tasks')).toEqual([{ attempts: 2 }, { attempts: 2 }, { attempts: 2 }])
  })

  it('of a running job stops what runs and begins anew', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(2))
    const first = await test.takeOne(ada)
    await act(job, 'requeue')
    expect((await test.finish(ada, first)).stale).toHaveLength(1)
    expect(await test.takeOne(ada)).toMatchObject({ taskId: first.taskId, attempt: 2 })
    expect(await test.status(job)).toBe('active')
  })

  it('of what failed leaves the rest alone and forgets the failures', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit([{}, {}, { dependsOn: [2] }], { policyChanges: { failAfterWorkers: 1, blockAfterFailures: 1 } })
    await test.finish(ada, await test.takeOne(ada))
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.statuses(job)).toEqual(['completed', 'failed', 'canceled'])
    await act(job, 'requeue-failed')
    expect(await test.opened.read.all('select * from task_failures union all select *, 1 from job_blocks')).toEqual([])
    expect(await test.statuses(job)).toEqual(['completed', 'queued', 'queued'])
    expect(await test.work(ada, bob)).toEqual([test.taskId(job, 2), test.taskId(job, 3)])
    expect(await test.status(job)).toBe('completed')
  })

  it('of one task takes what depends on it along, and reopens the job', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}, {}, { dependsOn: [1] }, { dependsOn: [3] }])
    await test.work(ada)
    await test.farm.tasks.act(test.taskId(job, 1), 'requeue', 'tester')
    expect(await test.statuses(job)).toEqual(['queued', 'completed', 'queued', 'queued'])
    expect(await test.status(job)).toBe('queued')
    expect(await test.work(ada)).toEqual([1, 3, 4].map((index) => test.taskId(job, index)))
    expect(await test.status(job)).toBe('completed')
  })

  it('of one task stops its running dependents', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}, { dependsOn: [1] }])
    await test.finish(ada, await test.takeOne(ada))
    await test.settled()
    const second = await test.takeOne(ada)
    await test.farm.tasks.act(test.taskId(job, 1), 'requeue', 'tester')
    expect((await test.finish(ada, second)).stale).toHaveLength(1)
    expect(await test.work(ada)).toEqual([test.taskId(job, 1), test.taskId(job, 2)])
  })

  it('of one task that depends on a canceled one ends the job again and says why', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}, {}, { dependsOn: [1] }])
    await test.farm.tasks.act(test.taskId(job, 1), 'cancel', 'tester')
    await test.work(ada)
    expect(await test.statuses(job)).toEqual(['canceled', 'completed', 'canceled'])
    await test.farm.tasks.act(test.taskId(job, 3), 'requeue', 'tester')
    expect(await test.jobRow(job)).toMatchObject({
      status: 'canceled',
      activity: 'Changed to status "canceled": 1 task was canceled, and what is left depends on that',
    })
    await test.farm.tasks.act(test.taskId(job, 1), 'requeue', 'tester')
    expect(await test.work(ada)).toEqual([1, 3].map((index) => test.taskId(job, index)))
    expect(await test.status(job)).toBe('completed')
  })

  it('of one task in a paused job leaves it paused', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(2))
    await test.finish(ada, await test.takeOne(ada))
    await act(job, 'pause')
    await test.farm.tasks.act(test.taskId(job, 1), 'requeue', 'tester')
    expect(await test.status(job)).toBe('paused')
    expect(await test.take(ada)).toEqual([])
  })
})

describe('requeue elsewhere', () => {
  it('keeps the task from the worker that ran it, for ever and over a restart of the manager, and from no other', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit(tasks(2))
    await test.finish(ada, await test.takeOne(ada))
    await test.farm.tasks.act(test.taskId(job, 1), 'requeue-elsewhere', 'tester')
    await test.restart()
    expect(await test.takeOne(ada)).toMatchObject({ taskId: test.taskId(job, 2) })
    expect(await test.farm.tasks.explain(test.taskId(job, 1))).toMatchObject({
      reasons: expect.arrayContaining([expect.objectContaining({ rule: 'kept-off', workers: [{ id: ada.publicId, name: 'ada' }] })]),
    })
    expect(await test.takeOne(bob)).toMatchObject({ taskId: test.taskId(job, 1), attempt: 2 })
  })

  it('of a running task takes it away, and a second time leaves neither worker', async () => {
    const [ada, bob, eve] = [await test.worker('ada'), await test.worker('bob'), await test.worker('eve')]
    const job = await test.submit(tasks(1))
    const first = await test.takeOne(ada)
    await test.farm.tasks.act(first.taskId, 'requeue-elsewhere', 'tester')
    expect((await test.finish(ada, first)).stale).toHaveLength(1)
    const second = await test.takeOne(bob)
    await test.farm.tasks.act(first.taskId, 'requeue-elsewhere', 'tester')
    await test.finish(bob, second)
    expect(await test.work(ada, bob)).toEqual([])
    expect(await test.work(eve)).toEqual([test.taskId(job, 1)])
    expect(await test.status(job)).toBe('completed')
  })

  it('is undone by a plain requeue, of the task or of the job', async () => {
    const [ada] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit(tasks(1))
    for (const undo of ['task', 'job'] as const) {
      await test.finish(ada, await test.takeOne(ada))
      await test.farm.tasks.act(test.taskId(job, 1), 'requeue-elsewhere', 'tester')
      expect(await test.take(ada)).toEqual([])
      if (undo === 'task') await test.farm.tasks.act(test.taskId(job, 1), 'requeue', 'tester')
      else {
        await act(job, 'cancel')
        await act(job, 'requeue-failed')
      }
    }
    expect(await test.opened.read.all('select * from task_kept_off')).toEqual([])
    expect(await test.work(ada)).toEqual([test.taskId(job, 1)])
  })

  it('is refused, and changes nothing, when it has not run or no other worker could run it', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(1))
    const again = () => test.farm.tasks.act(test.taskId(job, 1), 'requeue-elsewhere', 'tester')
    await expect(again()).rejects.toThrow(/has not run yet/)
    await test.finish(ada, await test.takeOne(ada))
    await expect(again()).rejects.toThrow(ConflictError)
    expect(await test.statuses(job)).toEqual(['completed'])
  })
})

describe('skip', () => {
  it('counts as completed and releases what waits for it', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}, { dependsOn: [1] }])
    const first = await test.takeOne(ada)
    await test.farm.tasks.act(first.taskId, 'skip', 'tester')
    expect((await test.finish(ada, first)).stale).toHaveLength(1)
    expect(await test.work(ada)).toEqual([test.taskId(job, 2)])
    expect(await test.jobRow(job)).toMatchObject({ status: 'completed', steps_completed: 2 })
  })

  it('refuses a completed task: that is to be requeued', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(2))
    await test.finish(ada, await test.takeOne(ada))
    await expect(test.farm.tasks.act(test.taskId(job, 1), 'skip', 'tester')).rejects.toThrow(ConflictError)
    await expect(test.farm.tasks.act(test.taskId(job, 9), 'skip', 'tester')).rejects.toThrow(NotFoundError)
  })
})

describe('delete', () => {
  it('cancels, hides, and can be undone', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(2))
    await test.takeOne(ada)
    await act(job, 'delete')
    expect(await test.jobRow(job)).toMatchObject({ status: 'canceled', deleted_at: test.time, delete_requested_at: test.time })
    expect(await test.take(ada)).toEqual([])
    await expect(act(job, 'requeue')).rejects.toThrow(ConflictError)
    await expect(test.farm.tasks.act(test.taskId(job, 1), 'requeue', 'tester')).rejects.toThrow(ConflictError)
    await act(job, 'undelete')
    await act(job, 'requeue')
    expect(await test.work(ada)).toHaveLength(2)
  })

  it('takes effect at once for jobs that wait', async () => {
    const job = await test.submit(tasks(1))
    const ada = await test.worker('ada')
    const reply = test.farm.native.take(ada.publicId, { slots: 1, waitMs: 200, running: [] })
    expect((await reply).assignments).toHaveLength(1)
    await act(job, 'delete')
    expect(test.farm.status()).toBe('idle')
  })

  it('after the undo period nothing is left: rows, frames, logs and the bytes of their segments', async () => {
    const ada = await test.worker('ada')
    const [gone, kept] = [
      await test.submit([{}, { dependsOn: [1] }], { checkoutId: 'shot/1', policyChanges: { failAfterWorkers: 1 } }),
      await test.submit(tasks(1)),
    ]
    for (let at = 0; at < 3; at++) {
      const task = await test.takeOne(ada)
      await test.say(ada, task, { type: 'log', at: test.time, stream: 'stdout', text: 'x'.repeat(999) + '\n' })
      await test.say(ada, task, {
        type: 'output',
        at: test.time,
        path: `/out/${at}.png`,
        frame: at,
        bytes: 1,
        width: 1,
        height: 1,
        renderedMs: 1,
      })
      if (at === 0) await test.finish(ada, task)
      else await test.fail(ada, task, 5)
      await test.settled()
    }
    await act(gone, 'delete')
    test.pass(test.settings.undoPeriodMs - 1)
    await test.farm.timers.purge()
    expect(await test.opened.read.all('select id from jobs')).toHaveLength(2)
    test.pass(1)
    await test.farm.timers.purge()
    expect(test.purged).toEqual([{ publicId: gone.publicId, checkoutId: 'shot/1', resultsRoot: null }])
    expect(await test.opened.read.all('select id from jobs')).toEqual([{ id: kept.id }])
    for (const table of ['tasks', 'attempts', 'frames', 'command_templates', 'task_failures']) {
      const rows = await test.opened.read.all<{ job_id: number }>(`select job_id from ${table}`)
      expect(
        rows.filter((row) => row.job_id === gone.id),
        table,
      ).toEqual([])
      expect(rows.length, table).toBeGreaterThan(0)
    }
    expect(await test.opened.read.all('select * from task_groups')).toEqual([])
    const live = await test.opened.read.get<{ live: number; all: number }>(
      'select sum(live_bytes) as live, sum(bytes) as "all" from log_segments',
    )
    expect(live!.live).toBeLessThan(live!.all)
    expect(live!.live).toBeGreaterThan(0)
    await expect(act(gone, 'undelete')).rejects.toThrow(NotFoundError)
  })

  it('a segment in which nothing is alive is deleted', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(1))
    const task = await test.takeOne(ada)
    await test.say(ada, task, { type: 'log', at: test.time, stream: 'stdout', text: 'hello\n' })
    await test.finish(ada, task)
    await test.restart()
    const file = join(test.opened.logFolder, '00000001.seg')
    expect(existsSync(file)).toBe(true)
    await act(job, 'delete')
    test.pass(test.settings.undoPeriodMs)
    await test.farm.timers.purge()
    expect(existsSync(file)).toBe(false)
    expect(await test.opened.read.all('select * from log_segments')).toEqual([])
  })

  it('one whose files cannot be deleted is tried again, and holds up no other one', async () => {
    const jobs = [await test.submit(tasks(1)), await test.submit(tasks(1))]
    test.undeletable = jobs[0]?.publicId
    for (const job of jobs) await act(job, 'delete')
    test.pass(test.settings.undoPeriodMs)
    await test.farm.timers.purge()
    expect(await test.opened.read.all('select public_id from jobs')).toEqual([{ public_id: test.undeletable }])
    test.undeletable = undefined
    await test.farm.timers.purge()
    expect(await test.opened.read.all('select public_id from jobs')).toEqual([])
  })

  it('one brought back in time is not purged', async () => {
    const job = await test.submit(tasks(1))
    await act(job, 'delete')
    test.pass(test.settings.undoPeriodMs)
    await act(job, 'undelete')
    await test.farm.timers.purge()
    expect(await test.status(job)).toBe('canceled')
  })
})

describe('changes of a running job', () => {
  it('its priority counts from the next hand-out on', async () => {
    const ada = await test.worker('ada')
    const [first, second] = [await test.submit(tasks(3)), await test.submit(tasks(3))]
    expect((await test.takeOne(ada)).taskId).toBe(test.taskId(first, 1))
    await test.farm.jobs.change(second.publicId, { priority: 90 })
    expect((await test.takeOne(ada)).taskId).toBe(test.taskId(second, 1))
    await test.farm.jobs.change(second.publicId, { priority: 10 })
    expect((await test.takeOne(ada)).taskId).toBe(test.taskId(first, 2))
  })

  it('name, project, tag and policy are kept over a restart', async () => {
    const tag = await test.farm.tags.create({ name: 'gpu' })
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(1))
    await test.farm.jobs.change(job.publicId, { name: 'new', project: 'film', tag: tag.publicId, policy: { maxRunMs: 77 } })
    expect(await test.take(ada)).toEqual([])
    await test.restart()
    expect(await test.farm.jobs.find(job.publicId)).toMatchObject({ name: 'new', project: 'film', policy: { maxRunMs: 77 } })
    expect(await test.take(test.again(ada))).toEqual([])
    await test.farm.workers.setTags(ada.publicId, [tag.publicId])
    expect(await test.take(test.again(ada))).toHaveLength(1)
  })

  it('wrong ones are refused and name the field', async () => {
    const job = await test.submit(tasks(1))
    const wrong = (changes: Parameters<typeof test.farm.jobs.change>[1]) => test.farm.jobs.change(job.publicId, changes)
    await expect(wrong({ tag: '00000000-0000-4000-8000-000000000000' })).rejects.toThrow(expect.objectContaining({ field: 'tag' }))
    await expect(wrong({ limits: ['none'] })).rejects.toThrow(expect.objectContaining({ field: 'limits' }))
    await expect(wrong({ policy: { licencePattern: '(' } })).rejects.toThrow(expect.objectContaining({ field: 'policy/licencePattern' }))
    await expect(wrong({ policy: { retryBackoff: 0 } })).rejects.toThrow(InvalidInputError)
    expect(await test.farm.jobs.find(job.publicId)).toMatchObject({ tagId: null, limitIds: [] })
  })

  it('of several changes none is made when one of them is wrong', async () => {
    const job = await test.submit(tasks(1))
    const tag = await test.farm.tags.create({ name: 'gpu' })
    await test.farm.limits.create({ name: 'nuke', max: 1 })
    const wrong = (changes: Parameters<typeof test.farm.jobs.change>[1]) => test.farm.jobs.change(job.publicId, changes)
    await expect(wrong({ tag: tag.publicId, limits: ['none'] })).rejects.toThrow(InvalidInputError)
    await expect(wrong({ limits: ['nuke'], policy: { licencePattern: '(' } })).rejects.toThrow(InvalidInputError)
    expect(await test.farm.jobs.find(job.publicId)).toMatchObject({ tagId: null, limitIds: [] })
    expect(await test.opened.read.all('select * from job_limits')).toEqual([])
  })

  it('an action that makes no sense in the status says from which it does', async () => {
    const job = await test.submit(tasks(1))
    await expect(act(job, 'resume')).rejects.toThrow('cannot resume a job in state "queued"; allowed in paused, pause-requested')
    await expect(act({ publicId: '0000002a-1c3d-4e5f-8a9b-0c1d2e3f4a5b' }, 'cancel')).rejects.toThrow(NotFoundError)
  })
})

describe('statuses set by Flamenco clients', () => {
  it('requeueing a completed job runs everything, of another one what is not completed', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(3))
    await test.finish(ada, await test.takeOne(ada))
    await test.farm.jobs.setStatus(job.publicId, 'cancel-requested', 'by hand')
    expect(await test.status(job)).toBe('canceled')
    await test.farm.jobs.setStatus(job.publicId, 'requeueing', 'by hand')
    expect(await test.statuses(job)).toEqual(['completed', 'queued', 'queued'])
    expect(await test.jobRow(job)).toMatchObject({ status: 'queued', steps_completed: 1 })
    await test.work(ada)
    await test.farm.jobs.setStatus(job.publicId, 'requeueing', 'by hand')
    expect(await test.statuses(job)).toEqual(['queued', 'queued', 'queued'])
  })

  it('requeueing a job all of whose tasks are completed completes it again', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(2))
    await test.work(ada)
    await test.farm.jobs.setStatus(job.publicId, 'paused', 'by hand')
    await test.farm.jobs.setStatus(job.publicId, 'requeueing', 'by hand')
    expect(await test.status(job)).toBe('completed')
  })

  it('requeueing clears failure lists and blocklist, cancelling does not', async () => {
    const ada = await test.worker('ada')
    const bob = await test.worker('bob')
    const job = await test.submit(tasks(30), { policyChanges: { blockAfterFailures: 1 } })
    await test.finish(bob, await test.takeOne(bob))
    await test.fail(ada, await test.takeOne(ada))
    await test.farm.jobs.setStatus(job.publicId, 'cancel-requested', 'by hand')
    expect(await test.opened.read.all('select worker_id from task_failures union all select worker_id from job_blocks')).toHaveLength(2)
    await test.farm.jobs.setStatus(job.publicId, 'requeueing', 'by hand')
    expect(await test.opened.read.all('select worker_id from task_failures union all select worker_id from job_blocks')).toEqual([])
    expect(await test.take(ada)).toHaveLength(1)
  })

  it('queueing a task clears its failures', async () => {
    const ada = await test.worker('ada')
    await test.worker('bob')
    const job = await test.submit(tasks(30))
    const task = await test.takeOne(ada)
    await test.fail(ada, task)
    await test.farm.tasks.setStatus(task.taskId, 'queued', 'try again')
    expect(await test.takeOne(ada)).toMatchObject({ taskId: task.taskId, attempt: 2 })
    expect(await test.opened.read.get('select activity from tasks where idx = 1')).toEqual({ activity: 'try again' })
    expect(await test.status(job)).toBe('active')
  })

  it('queueing one task of a completed job requeues all', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(3))
    await test.work(ada)
    await test.farm.tasks.setStatus(test.taskId(job, 2), 'queued', 'again')
    await test.settled()
    expect(await test.statuses(job)).toEqual(['queued', 'queued', 'queued'])
    expect(await test.status(job)).toBe('queued')
  })

  it('queueing one task of a job that ended reopens the job, with that task and what depends on it only', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}, {}, { dependsOn: [1] }, { dependsOn: [2] }], { policyChanges: { failAfterWorkers: 1 } })
    await test.farm.tasks.act(test.taskId(job, 4), 'cancel', 'tester')
    await test.fail(ada, await test.takeOne(ada))
    await test.finish(ada, await test.takeOne(ada))
    expect(await test.status(job)).toBe('failed')
    expect(await test.statuses(job)).toEqual(['failed', 'completed', 'canceled', 'canceled'])
    await test.farm.tasks.setStatus(test.taskId(job, 1), 'queued', 'again')
    expect(await test.statuses(job)).toEqual(['queued', 'completed', 'queued', 'canceled'])
    expect(await test.work(ada)).toEqual([test.taskId(job, 1), test.taskId(job, 3)])
    expect(await test.status(job)).toBe('completed')
  })

  it('a job may begin paused, and requeueing starts it', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(1), { initialStatus: 'paused' })
    expect(await test.take(ada)).toEqual([])
    expect(await test.statuses(job)).toEqual(['queued'])
    await test.farm.jobs.setStatus(job.publicId, 'requeueing', 'go')
    expect(await test.work(ada)).toHaveLength(1)
  })

  it('a job without tasks is completed from the beginning', async () => {
    const job = await test.submit([])
    expect(await test.status(job)).toBe('completed')
  })
})

describe('paused tasks', () => {
  it('pause their job when nothing else is left, or what is left depends on them; resuming it takes them all', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}, { dependsOn: [1] }, {}])
    await test.farm.tasks.setStatus(test.taskId(job, 1), 'paused', 'by hand')
    expect(await test.status(job)).toBe('queued')
    await test.work(ada)
    expect(await test.status(job)).toBe('paused')
    await act(job, 'resume')
    expect(await test.work(ada)).toEqual([1, 2].map((index) => test.taskId(job, index)))
    expect(await test.status(job)).toBe('completed')
  })

  it('stay paused when one of them is canceled, and when what failed is requeued', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(4), { policyChanges: { failAfterWorkers: 1 } })
    await test.fail(ada, await test.takeOne(ada))
    await act(job, 'pause')
    await test.farm.tasks.act(test.taskId(job, 2), 'cancel', 'tester')
    expect(await test.status(job)).toBe('paused')
    await act(job, 'requeue-failed')
    expect(await test.statuses(job)).toEqual(['queued', 'queued', 'paused', 'paused'])
    expect((await test.farm.tasks.explain(test.taskId(job, 3))).reasons.map(({ rule, advice }) => [rule, advice])).toEqual([
      ['task-status', 'resume the job'],
      ['job-status', 'resume the job'],
    ])
    await act(job, 'resume')
    await test.work(ada)
    expect(await test.status(job)).toBe('completed')
  })
})
