/** What else decides who gets what when: start times, job dependencies, maxima, limits, lanes, growth, explanations, events. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConflictError, InvalidInputError } from '../../../src/main/engine/base/errors.ts'
import type { JobState, WorkerState } from '../../../src/main/engine/base/model.ts'
import { compileTasks } from '../../../src/main/engine/compile/compileTasks.ts'
import type { AuthoredTask } from '../../../src/main/engine/base/compiledJob.ts'
import { deferred } from '../../../src/shared/async.ts'
import { memoryOf, violations } from '../../support/invariants.ts'
import { TestFarm } from '../../support/testFarm.ts'

let test: TestFarm
beforeEach(async () => {
  test = await TestFarm.open()
})
afterEach(async () => {
  expect(await violations(test)).toEqual({})
  const before = await memoryOf(test)
  await test.restart()
  expect(await memoryOf(test)).toEqual(before)
  await test.close()
})

const tasks = (count: number, like: Partial<AuthoredTask> = {}) => Array.from({ length: count }, () => like)
const act = (job: JobState, action: Parameters<typeof test.farm.jobs.act>[1]) => test.farm.jobs.act(job.publicId, action, 'tester')
const wait = (worker: WorkerState, waitMs = 20_000) =>
  test.farm.native.take(worker.publicId, { slots: 1, waitMs, running: [] }).then(({ assignments }) => assignments)
const rules = async (taskId: string) =>
  (await test.farm.tasks.explain(taskId)).reasons.map(({ rule, workersExcluded }) => `${rule}:${workersExcluded}`)

describe('start-after', () => {
  it('holds a job back until its moment, then wakes who waits', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(1), { startAfter: test.time + 60_000 })
    expect(await test.take(ada)).toEqual([])
    const reply = wait(ada)
    test.pass(59_000)
    test.farm.timers.releaseDue()
    await test.settled()
    test.pass(2_000)
    test.farm.timers.releaseDue()
    expect(await reply).toMatchObject([{ taskId: test.taskId(job, 1) }])
  })

  it('can be moved and taken away', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(1), { startAfter: test.time + 60_000 })
    await test.farm.jobs.change(job.publicId, { startAfter: null })
    expect(await test.take(ada)).toHaveLength(1)
  })
})

describe('jobs that depend on jobs', () => {
  it('wait until all of them are completed, and wake who waits', async () => {
    const ada = await test.worker('ada')
    const [first, second] = [await test.submit(tasks(1)), await test.submit(tasks(1))]
    const last = await test.submit(tasks(1), { dependsOn: [first.publicId, second.publicId.toUpperCase()], priority: 90 })
    expect(await test.jobRow(last)).toMatchObject({ unmet_jobs: 2 })
    expect((await test.takeOne(ada)).taskId).toBe(test.taskId(first, 1))
    await test.finish(ada, { taskId: test.taskId(first, 1), attempt: 1 })
    expect((await test.takeOne(ada)).taskId).toBe(test.taskId(second, 1))
    const bob = await test.worker('bob')
    const reply = wait(bob)
    await test.finish(ada, { taskId: test.taskId(second, 1), attempt: 1 })
    expect(await reply).toMatchObject([{ taskId: test.taskId(last, 1) }])
  })

  it('do not start when one of them fails, and wait anew when it is requeued', async () => {
    const ada = await test.worker('ada')
    const first = await test.submit(tasks(1), { policyChanges: { failAfterWorkers: 1 } })
    const last = await test.submit(tasks(2), { dependsOn: [first.publicId] })
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.status(first)).toBe('failed')
    expect(await test.take(ada)).toEqual([])
    await act(first, 'requeue')
    await test.finish(ada, await test.takeOne(ada))
    await test.settled()
    const begun = await test.takeOne(ada)
    expect(begun.taskId).toBe(test.taskId(last, 1))
    await act(first, 'requeue')
    await test.settled()
    expect((await test.takeOne(ada)).taskId).toBe(test.taskId(first, 1))
    expect(await test.take(ada)).toEqual([])
    expect((await test.finish(ada, begun)).stale).toEqual([])
  })

  it('start also when what they depend on was completed before, or while they were stored', async () => {
    const ada = await test.worker('ada')
    const done = await test.submit(tasks(1))
    await test.work(ada)
    const first = await test.submit(tasks(1))
    const running = await test.takeOne(ada)
    const [late] = await Promise.all([
      test.submit(tasks(4000), { dependsOn: [done.publicId, first.publicId] }),
      new Promise((resolve) => setTimeout(resolve, 5)).then(() => test.finish(ada, running)),
    ])
    await test.settled()
    expect(await test.jobRow(late)).toMatchObject({ unmet_jobs: 0 })
    expect((await test.takeOne(ada)).taskId).toBe(test.taskId(late, 1))
  })

  it('are freed by a restart when the manager died before it told them', async () => {
    const ada = await test.worker('ada')
    const first = await test.submit(tasks(1))
    const last = await test.submit(tasks(1), { dependsOn: [first.publicId] })
    const running = await test.takeOne(ada)
    void test.dieAfter(1)
    await test.finish(ada, running)
    await test.revive()
    expect(await test.status(first)).toBe('completed')
    expect((await test.takeOne(test.again(ada))).taskId).toBe(test.taskId(last, 1))
  })

  it('do not wait for one that is purged', async () => {
    const ada = await test.worker('ada')
    const first = await test.submit(tasks(1))
    const last = await test.submit(tasks(1), { dependsOn: [first.publicId] })
    await act(first, 'delete')
    test.pass(test.settings.undoPeriodMs)
    await test.farm.timers.purge()
    expect((await test.takeOne(ada)).taskId).toBe(test.taskId(last, 1))
  })

  it('cannot depend on what is not there', async () => {
    const gone = await test.submit(tasks(1))
    await act(gone, 'delete')
    for (const id of [gone.publicId, '00000000-0000-4000-8000-000000000000']) {
      await expect(test.submit(tasks(1), { dependsOn: [id] })).rejects.toThrow(`job "${id}" to depend on not found`)
    }
    await expect(test.submit(tasks(1), { limits: ['none'] })).rejects.toThrow(InvalidInputError)
    await expect(test.submit(tasks(1), { tag: 'none' })).rejects.toThrow(InvalidInputError)
    expect(await test.opened.read.all('select id from jobs')).toHaveLength(1)
  })
})

describe('the maximum of workers of a job', () => {
  it('counts workers, not tasks', async () => {
    const [ada, bob, eve] = [await test.worker('ada', { capacity: 3 }), await test.worker('bob'), await test.worker('eve')]
    const job = await test.submit(tasks(6), { maxWorkers: 2 })
    const other = await test.submit(tasks(1), { priority: 10 })
    expect(await test.take(ada, 3)).toHaveLength(3)
    expect(await test.take(bob)).toHaveLength(1)
    expect(await test.take(eve)).toMatchObject([{ taskId: test.taskId(other, 1) }])
    expect(await rules(test.taskId(job, 6))).toContain('max-workers:1')
  })

  it('lets the next one in when one leaves, also one that waits', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit(tasks(3), { maxWorkers: 1 })
    const running = await test.takeOne(ada)
    const reply = wait(bob)
    await test.settled()
    await test.finish(ada, running)
    expect(await reply).toMatchObject([{ taskId: test.taskId(job, 2) }])
  })

  it('can be raised while a worker waits', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit(tasks(3), { maxWorkers: 1 })
    await test.takeOne(ada)
    const reply = wait(bob)
    await test.settled()
    await test.farm.jobs.change(job.publicId, { maxWorkers: null })
    expect(await reply).toHaveLength(1)
  })
})

describe('limits', () => {
  it('per attempt: over all jobs that use it', async () => {
    const ada = await test.worker('ada', { capacity: 10 })
    await test.farm.limits.create({ name: 'nuke', max: 3 })
    const [first, second] = [await test.submit(tasks(2), { limits: ['nuke'] }), await test.submit(tasks(3), { limits: ['nuke', 'nuke'] })]
    const free = await test.submit(tasks(1), { priority: 10 })
    const got = await test.take(ada, 10)
    expect(got.map(({ taskId }) => taskId)).toEqual([
      test.taskId(first, 1),
      test.taskId(first, 2),
      test.taskId(second, 1),
      test.taskId(free, 1),
    ])
    expect(test.farm.limits.all()).toMatchObject([{ name: 'nuke', max: 3, inUse: 3 }])
    const holders = test.farm.limits.all().flatMap((limit) => test.farm.limits.holders(limit.id))
    expect(holders).toMatchObject(got.slice(0, 3).map(({ taskId }) => ({ taskId, worker: { name: ada.name } })))
    expect(await rules(test.taskId(second, 2))).toEqual(['limit:1'])
    await test.finish(ada, got[0]!)
    expect(await test.take(ada, 10)).toMatchObject([{ taskId: test.taskId(second, 2) }])
  })

  it('wake a worker that waits when a unit comes free', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    await test.farm.limits.create({ name: 'nuke', max: 1 })
    await test.submit(tasks(1), { limits: ['nuke'] })
    const second = await test.submit(tasks(1), { limits: ['nuke'] })
    const running = await test.takeOne(ada)
    const reply = wait(bob)
    await test.settled()
    await test.finish(ada, running)
    expect(await reply).toMatchObject([{ taskId: test.taskId(second, 1) }])
  })

  it('per machine: as many attempts as it likes on each of so many machines', async () => {
    await test.farm.limits.create({ name: 'houdini', max: 2, scope: 'machine' })
    const [a1, a2] = [await test.worker('a1', { onMachine: 1, capacity: 2 }), await test.worker('a2', { onMachine: 1 })]
    const [b, c, alone] = [await test.worker('b', { onMachine: 2 }), await test.worker('c', { onMachine: 3 }), await test.worker('alone')]
    const job = await test.submit(tasks(9), { limits: ['houdini'] })
    const first = await test.take(a1, 2)
    expect(first).toHaveLength(2)
    const [second] = await test.take(b)
    expect(await test.take(c)).toEqual([])
    expect(await test.take(alone)).toEqual([])
    expect(await test.take(a2)).toHaveLength(1)
    expect(test.farm.limits.all()).toMatchObject([{ inUse: 2 }])
    expect(await rules(test.taskId(job, 9))).toContain('machine-limit:2')
    const reply = wait(c)
    await test.settled()
    await test.finish(b, second!)
    expect(await reply).toHaveLength(1)
  })

  it('can be changed while jobs run', async () => {
    const [ada, bob] = [await test.worker('ada', { capacity: 10 }), await test.worker('bob')]
    const limit = await test.farm.limits.create({ name: 'nuke', max: 2 })
    await test.submit(tasks(9), { limits: ['nuke'] })
    const got = await test.take(ada, 10)
    expect(got).toHaveLength(2)
    await test.farm.limits.change(limit.publicId, { max: 1 })
    await test.finish(ada, got[0]!)
    expect(await test.take(ada, 10)).toEqual([])
    const reply = wait(bob)
    await test.settled()
    await test.farm.limits.change(limit.publicId, { max: 2 })
    expect(await reply).toHaveLength(1)
    const eve = await test.worker('eve')
    await test.farm.limits.change(limit.publicId, { scope: 'machine', max: 2 })
    expect(await test.take(eve)).toEqual([])
    expect(await test.take(ada, 3)).toHaveLength(3)
    await test.farm.limits.change(limit.publicId, { max: 3, name: 'other', description: 'x' })
    expect(await test.take(eve)).toHaveLength(1)
  })

  it('of a running job can be taken away: the units go to those that wait for them', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    await test.farm.limits.create({ name: 'nuke', max: 1 })
    const [first, second] = [
      await test.submit(tasks(2), { limits: ['nuke'] }),
      await test.submit(tasks(1), { limits: ['nuke'], priority: 90 }),
    ]
    await test.farm.jobs.change(second.publicId, { startAfter: test.time + 1000 })
    await test.takeOne(ada)
    await test.farm.jobs.change(second.publicId, { startAfter: null })
    const reply = wait(bob)
    await test.settled()
    await test.farm.jobs.change(first.publicId, { limits: [] })
    expect(await reply).toMatchObject([{ taskId: test.taskId(second, 1) }])
    expect(test.farm.limits.all()).toMatchObject([{ inUse: 1 }])
    expect((await test.takeOne(await test.worker('eve'))).taskId).toBe(test.taskId(first, 2))
  })

  it('cannot be deleted while a job needs it, nor be there twice', async () => {
    const limit = await test.farm.limits.create({ name: 'nuke', max: 1 })
    await expect(test.farm.limits.create({ name: 'nuke', max: 2 })).rejects.toThrow(ConflictError)
    const job = await test.submit(tasks(1), { limits: ['nuke'] })
    await expect(test.farm.limits.delete(limit.publicId)).rejects.toThrow(ConflictError)
    await act(job, 'cancel')
    await test.farm.limits.delete(limit.publicId)
    expect(test.farm.limits.all()).toEqual([])
    await act(job, 'requeue')
    expect(await test.take(await test.worker('ada'))).toHaveLength(1)
  })

  it('of a paused job that rests on disk is still in use', async () => {
    const limit = await test.farm.limits.create({ name: 'nuke', max: 1 })
    const job = await test.submit(tasks(1), { limits: ['nuke'] })
    await act(job, 'pause')
    await test.restart()
    await expect(test.farm.limits.delete(limit.publicId)).rejects.toThrow(ConflictError)
  })
})

describe('lanes', () => {
  const lane = (concurrency: number, ordered: boolean) => ({ kind: 'mailbox', name: 'one', concurrency, ordered })

  it('let so many attempts run at once, over all jobs in them', async () => {
    const ada = await test.worker('ada', { capacity: 10 })
    const [first, second] = [await test.submit(tasks(2), { lane: lane(3, false) }), await test.submit(tasks(4), { lane: lane(3, false) })]
    await test.submit(tasks(1), { priority: 1 })
    const got = await test.take(ada, 10)
    expect(got).toHaveLength(4)
    expect(await rules(test.taskId(second, 4))).toEqual(['lane:1'])
    const reply = wait(await test.worker('bob'))
    await test.finish(
      ada,
      got.find(({ taskId }) => taskId === test.taskId(first, 1))!,
    )
    expect(await reply).toMatchObject([{ taskId: test.taskId(second, 2) }])
    await test.restart()
    expect(await test.take(test.again(ada), 10)).toEqual([])
  })

  it('in order: the oldest job first, one after the other, whatever their priorities', async () => {
    const ada = await test.worker('ada', { capacity: 10 })
    const first = await test.submit(tasks(2), { lane: lane(1, true), queueOrder: 'fifo' })
    const second = await test.submit(tasks(1), { lane: lane(1, true), queueOrder: 'fifo', priority: 100 })
    expect(await rules(test.taskId(second, 1))).toContain('lane-order:1')
    expect(await test.work(ada)).toEqual([test.taskId(first, 1), test.taskId(first, 2), test.taskId(second, 1)])
  })

  it('in order: a retry that waits is not overtaken, nor a task that this worker may not have', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(2), {
      lane: lane(1, true),
      policyChanges: { retryOnSameWorker: true, retryDelayMs: 1000, failJobAtPercent: 101 },
    })
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.take(ada)).toEqual([])
    test.pass(1000)
    test.farm.timers.releaseDue()
    expect(await test.work(ada)).toEqual([test.taskId(job, 1), test.taskId(job, 2)])

    const [bob] = [await test.worker('bob')]
    const elsewhere = await test.submit(tasks(2), { lane: { ...lane(1, true), name: 'two' }, policyChanges: { failJobAtPercent: 101 } })
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.take(ada)).toEqual([])
    expect(await test.takeOne(bob)).toMatchObject({ taskId: test.taskId(elsewhere, 1), attempt: 2 })
  })

  it('in order: over different kinds of task too', async () => {
    const ada = await test.worker('ada', { kinds: ['misc', 'video'], capacity: 5 })
    const job = await test.submit([{ kind: 'video' }, { kind: 'misc' }, { kind: 'video' }], { lane: lane(1, true) })
    expect(await test.work(ada)).toEqual([1, 2, 3].map((index) => test.taskId(job, index)))
    const misc = await test.worker('misc', { kinds: ['misc'] })
    await test.submit([{ kind: 'video' }, { kind: 'misc' }], { lane: lane(1, true) })
    expect(await test.take(misc)).toEqual([])
  })
})

describe('a job that grows', () => {
  const grown = (list: Partial<AuthoredTask>[]) => ({
    ...compileTasks(
      list.map((task, at): AuthoredTask => ({
        name: `new ${at + 1}`,
        kind: 'misc',
        priority: 50,
        commands: [{ name: 'echo', parameters: {}, totalStepCount: 2 }],
        dependsOn: [],
        ...task,
      })),
    ),
    settings: {},
    metadata: {},
  })

  it('hands the new tasks out after what they depend on, old and new', async () => {
    const ada = await test.worker('ada', { capacity: 10 })
    const job = await test.submit([{}, { dependsOn: [1] }])
    const first = await test.takeOne(ada)
    await test.farm.jobs.grow(
      job.publicId,
      grown([{ dependsOnOlder: [2] }, { dependsOn: [1] }, { dependsOnOlder: [1, 2], dependsOn: [2] }, { priority: 90 }]),
    )
    expect(await test.jobRow(job)).toMatchObject({ task_count: 6, count_queued: 5, count_active: 1, steps_total: 10 })
    expect(await test.take(ada, 10)).toMatchObject([{ taskId: test.taskId(job, 6) }])
    await test.finish(ada, { taskId: test.taskId(job, 6), attempt: 1 })
    await test.finish(ada, first)
    expect(await test.work(ada)).toEqual([2, 3, 4, 5].map((index) => test.taskId(job, index)))
    expect(await test.status(job)).toBe('completed')
  })

  it('goes on when it was completed already', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(1))
    await test.work(ada)
    const reply = wait(ada)
    await test.settled()
    await test.farm.jobs.grow(job.publicId, grown([{ dependsOnOlder: [1] }]))
    expect(await reply).toMatchObject([{ taskId: test.taskId(job, 2), taskName: 'new 1' }])
    await test.finish(ada, { taskId: test.taskId(job, 2), attempt: 1 })
    expect(await test.status(job)).toBe('completed')
  })

  it('is reopened when it had failed, and fails again when nothing makes up for that', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(1), { policyChanges: { failAfterWorkers: 1 } })
    await test.fail(ada, await test.takeOne(ada))
    await test.farm.jobs.grow(job.publicId, grown([{}]))
    expect(await test.work(ada)).toEqual([test.taskId(job, 2)])
    expect(await test.status(job)).toBe('failed')
  })

  it('stays paused when it is', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(1))
    await act(job, 'pause')
    await test.farm.jobs.grow(job.publicId, grown([{}]))
    expect(await test.status(job)).toBe('paused')
    expect(await test.take(ada)).toEqual([])
    await act(job, 'resume')
    expect(await test.work(ada)).toHaveLength(2)
  })

  it('may grow many times at once, each whole', async () => {
    const ada = await test.worker('ada', { capacity: 20 })
    const job = await test.submit(tasks(1))
    await Promise.all(Array.from({ length: 10 }, () => test.farm.jobs.grow(job.publicId, grown([{}, { dependsOn: [1] }]))))
    expect(await test.jobRow(job)).toMatchObject({ task_count: 21 })
    expect(await test.work(ada)).toHaveLength(21)
  })

  it('refuses what depends on tasks that it does not have, and is as before', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(1))
    for (const older of [0, 2, 99]) {
      await expect(test.farm.jobs.grow(job.publicId, grown([{ dependsOnOlder: [older] }]))).rejects.toThrow(
        `task number ${older}, which the job does not have`,
      )
    }
    expect(await test.jobRow(job)).toMatchObject({ task_count: 1 })
    expect(await test.work(ada)).toHaveLength(1)
    await act(job, 'delete')
    await expect(test.farm.jobs.grow(job.publicId, grown([{}]))).rejects.toThrow(ConflictError)
  })

  it('requeueing an old task takes the new ones that depend on it along', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(2))
    await test.work(ada)
    await test.farm.jobs.grow(job.publicId, grown([{ dependsOnOlder: [1] }, { dependsOn: [1] }]))
    await test.work(ada)
    await test.farm.tasks.act(test.taskId(job, 1), 'requeue', 'tester')
    expect(await test.statuses(job)).toEqual(['queued', 'completed', 'queued', 'queued'])
    expect(await test.work(ada)).toEqual([1, 3, 4].map((index) => test.taskId(job, index)))
  })
})

describe('a barrier of thousands', () => {
  it('releases them all, in order, also those that come back at the same moment', async () => {
    const ada = await test.worker('ada', { capacity: 50 })
    const job = await test.submit([{}, ...tasks(2000, { dependsOn: [1] }), {}], { policyChanges: { retryOnSameWorker: true } })
    const [gate, last] = await test.take(ada, 2)
    expect(last!.taskId).toBe(test.taskId(job, 2002))
    await Promise.all([test.finish(ada, gate!), test.finish(ada, last!, 'lost', null)])
    await test.settled()
    const done = await test.work(ada)
    expect(done).toEqual(Array.from({ length: 2001 }, (_, at) => test.taskId(job, at + 2)))
    expect(await test.status(job)).toBe('completed')
  })

  it('does not forget an early task that comes back meanwhile and is not on disk yet', async () => {
    const ada = await test.worker('ada', { capacity: 50 })
    const job = await test.submit([{}, {}, ...tasks(300, { dependsOn: [1] })])
    const [gate, early] = await test.take(ada, 2)
    const disk = deferred<void>()
    let lost: Promise<unknown> | undefined
    test.farm.on('task', ({ status }) => {
      if (status !== 'completed' || lost) return
      // The gate is done and its dependents are being loaded. From here on nothing reaches the disk until the test says so.
      void test.opened.writer.exclusive(() => disk.promise)
      lost = test.finish(ada, early!, 'lost', null)
    })
    await test.finish(ada, gate!)
    await test.released()
    // The window that this loads comes from a disk on which the early task still runs, and begins behind it.
    const taken = wait(ada)
    try {
      await expect.poll(async () => (await test.farm.tasks.explain(test.taskId(job, 2))).status).toBe('active')
    } finally {
      disk.resolve()
    }
    await lost
    expect(await taken).toMatchObject([{ taskId: test.taskId(job, 2), attempt: 2 }])
    await test.finish(ada, { taskId: test.taskId(job, 2), attempt: 2 })
    expect(await test.work(ada)).toEqual(Array.from({ length: 300 }, (_, at) => test.taskId(job, at + 3)))
    expect(await test.status(job)).toBe('completed')
  })
})

describe('explanations', () => {
  it('name the rule that keeps a task waiting, and whom it excludes', async () => {
    const tag = await test.farm.tags.create({ name: 'gpu' })
    const job = await test.submit([{}, { dependsOn: [1] }])
    const id = test.taskId(job, 1)
    expect((await test.farm.tasks.explain(id)).summary).toBe('There are no workers in the farm.')
    const ada = await test.worker('ada', { capacity: 1 })
    await test.worker('video', { kinds: ['video'] })
    await test.worker('stranger', { approved: false })
    const sleeper = await test.worker('sleeper')
    await test.farm.workers.changedStatus(sleeper.publicId, 'asleep')
    const leaver = await test.worker('leaver')
    await test.farm.workers.requestStatus(leaver.publicId, 'asleep', true)
    const explained = await test.farm.tasks.explain(id)
    expect(explained).toMatchObject({ workersTotal: 5, workersEligible: 1, status: 'queued' })
    expect(explained.summary).toBe('It is next in line for 1 of 5 workers, after tasks of higher rank.')
    expect((await rules(id)).sort()).toEqual(['kind:1', 'not-approved:1', 'not-awake:1', 'status-requested:1'])
    expect(explained.reasons.every(({ advice, message }) => advice.length > 5 && message.length > 5)).toBe(true)
    await test.farm.jobs.change(job.publicId, { tag: tag.publicId })
    expect(await rules(id)).toContain('tag:4')
    expect((await test.farm.tasks.explain(id)).summary).toBe(
      'It waits for a worker: 4 workers lack the job\'s tag, 1 worker cannot run tasks of kind "misc".',
    )
    await test.farm.jobs.change(job.publicId, { tag: null })
    expect(await rules(test.taskId(job, 2))).toContain('dependency:5')
    const task = await test.takeOne(ada)
    expect((await test.farm.tasks.explain(id)).summary).toBe('The task is running.')
    expect(await rules(id)).toEqual(['task-status:5'])
    const other = await test.submit(tasks(1))
    expect(await rules(test.taskId(other, 1))).toContain('no-free-slot:1')
    await test.finish(ada, task)
  })

  it('name what holds the whole job', async () => {
    const ada = await test.worker('ada')
    const first = await test.submit(tasks(30), { policyChanges: { retryDelayMs: 5000, retryOnSameWorker: true, blockAfterFailures: 1 } })
    const later = await test.submit(tasks(1), { dependsOn: [first.publicId], startAfter: test.time + 1000 })
    expect(await rules(test.taskId(later, 1))).toEqual(['start-after:1', 'job-dependency:1'])
    await test.fail(ada, await test.takeOne(ada))
    expect(await rules(test.taskId(first, 1))).toEqual(['retry-delay:1'])
    const bob = await test.worker('bob')
    await test.finish(bob, await test.takeOne(bob))
    await test.fail(ada, await test.takeOne(ada))
    await test.farm.workers.signOff(bob.publicId)
    expect(await rules(test.taskId(first, 4))).toEqual(['blocked:1', 'not-awake:1'])
    await act(first, 'pause')
    expect(await rules(test.taskId(first, 4))).toEqual(['task-status:2', 'job-status:2'])
    await act(later, 'delete')
    expect(await rules(test.taskId(later, 1))).toContain('job-deleted:2')
  })

  it('name a worker that failed the task, or lost it a moment ago', async () => {
    const [ada, flora] = [await test.worker('ada'), await test.foreignWorker('flora')]
    const job = await test.submit(tasks(1))
    await test.fail(ada, await test.takeOne(ada))
    expect(await rules(test.taskId(job, 1))).toEqual(['failed-before:1'])
    const task = await test.farm.foreign.schedule(flora.publicId)
    await test.farm.foreign.update(flora.publicId, task!.assignment.taskId, { status: 'queued' })
    expect((await rules(test.taskId(job, 1))).sort()).toEqual(['avoid:1', 'failed-before:1'])
    test.pass(60_000)
  })
})

describe('frames', () => {
  it('are counted once, however often they are rendered', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(1))
    const output = (path: string, bytes: number | null) => ({
      type: 'output' as const,
      at: test.time,
      path,
      frame: 1,
      bytes,
      width: null,
      height: null,
      renderedMs: 5,
    })
    const first = await test.takeOne(ada)
    await test.say(ada, first, output('/out/1.png', 10))
    await test.say(ada, first, output('/out/1.png', null))
    await test.say(ada, first, output('/out/2.png', 20))
    await test.farm.tasks.act(first.taskId, 'requeue', 'tester')
    const second = await test.takeOne(ada)
    await test.farm.results.addFrames(second.taskId, 2, [
      { path: '/out/1.png', frame: 1, bytes: 30, width: 4, height: 3, renderedMs: null },
    ])
    await test.finish(ada, second)
    expect(await test.jobRow(job)).toMatchObject({ frame_count: 2 })
    expect(await test.opened.read.all('select path, bytes, width, rendered_ms, attempt_id from frames order by path')).toEqual([
      { path: '/out/1.png', bytes: 30, width: 4, rendered_ms: 5, attempt_id: 2 },
      { path: '/out/2.png', bytes: 20, width: null, rendered_ms: 5, attempt_id: 1 },
    ])
    await expect(test.farm.results.addFrames(second.taskId, 9, [])).rejects.toThrow('attempt')
  })

  it('have no preview from when they are rendered again until the new one comes', async () => {
    const ada = await test.worker('ada')
    await test.submit(tasks(1))
    const frame = { path: '/out/1.png', frame: 1, bytes: 10, width: 4, height: 3, renderedMs: null }
    const previews = () => test.opened.read.all('select preview, light, preview_problem from frames')
    const first = await test.takeOne(ada)
    await test.farm.results.addFrames(first.taskId, 1, [frame])
    await test.farm.results.setFramePreview(first.taskId, frame.path, 'ready', undefined, true)
    await test.farm.results.addFrames(first.taskId, 1, [frame])
    expect(await previews()).toEqual([{ preview: 'ready', light: 1, preview_problem: '' }])
    await test.farm.tasks.act(first.taskId, 'requeue', 'tester')
    const second = await test.takeOne(ada)
    await test.farm.results.addFrames(second.taskId, 2, [frame])
    expect(await previews()).toEqual([{ preview: 'none', light: 0, preview_problem: '' }])
    await test.farm.results.setFramePreview(second.taskId, frame.path, 'ready')
    expect(await previews()).toEqual([{ preview: 'ready', light: 0, preview_problem: '' }])
  })
})

describe('what the farm tells', () => {
  it('comes after the commit, in order', async () => {
    const ada = await test.worker('ada')
    const seen: { status: string; onDisk: string | undefined }[] = []
    const reading: Promise<void>[] = []
    test.farm.on('task', ({ status }) => {
      const check = test.opened.read
        .get<{ status: string }>('select status from tasks')
        .then((row) => void seen.push({ status, onDisk: row?.status }))
      reading.push(check)
    })
    const job = await test.submit(tasks(1))
    const task = await test.takeOne(ada)
    await Promise.all(reading)
    await test.finish(ada, task)
    await Promise.all(reading)
    expect(seen).toEqual([
      { status: 'active', onDisk: 'active' },
      { status: 'completed', onDisk: 'completed' },
    ])
    expect(await test.status(job)).toBe('completed')
  })

  it('is the life of a job', async () => {
    const events = test.events()
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(1))
    await test.work(ada)
    await test.farm.results.lastRendered(job.publicId)
    await act(job, 'requeue')
    await act(job, 'delete')
    const told = events.flatMap((event) => {
      if (event.type === 'job')
        return [`job ${event.previousStatus ?? '='} ${event.status}${event.bulk ? ' bulk' : ''}${event.deleted ? ' deleted' : ''}`]
      if (event.type === 'task') return [`task ${event.previousStatus} ${event.status}`]
      return event.type === 'farm' ? [`farm ${event.status}`] : [event.type]
    })
    expect(told).toEqual([
      'worker',
      'worker',
      'farm idle',
      'job = queued',
      'farm waiting',
      'task queued active',
      'job queued active',
      'farm active',
      'task active completed',
      'job active completed',
      'farm idle',
      'last-rendered',
      'job = completed bulk',
      'job completed queued',
      'farm waiting',
      'job queued cancel-requested',
      'farm idle',
      'job = cancel-requested bulk',
      'job cancel-requested canceled',
      'job = canceled deleted',
    ])
  })

  it('a listener that throws harms no other', async () => {
    const ada = await test.worker('ada')
    const heard: string[] = []
    test.farm.onAny(() => {
      throw new Error('listener')
    })
    const stop = test.farm.on('job', ({ status }) => heard.push(status))
    const job = await test.submit(tasks(1))
    await test.work(ada)
    expect(await test.status(job)).toBe('completed')
    expect(heard).toContain('completed')
    stop()
    await act(job, 'requeue')
    expect(heard.at(-1)).toBe('completed')
  })

  it('the status of the farm follows workers and jobs', async () => {
    expect(test.farm.status()).toBe('inoperative')
    const ada = await test.worker('ada')
    expect(test.farm.status()).toBe('idle')
    const job = await test.submit(tasks(2))
    expect(test.farm.status()).toBe('waiting')
    await test.takeOne(ada)
    expect(test.farm.status()).toBe('active')
    await test.farm.workers.changedStatus(ada.publicId, 'asleep')
    expect(test.farm.status()).toBe('waiting')
    await act(job, 'cancel')
    expect(test.farm.status()).toBe('asleep')
    await test.farm.workers.signOff(ada.publicId)
    expect(test.farm.status()).toBe('inoperative')
  })
})

describe('a change of 10,000 tasks', () => {
  it('leaves other jobs alone meanwhile', async () => {
    const ada = await test.worker('ada')
    const big = await test.submit(tasks(10_000), { priority: 10 })
    const small = await test.submit(tasks(200))
    let cancelled = false
    const cancel = act(big, 'cancel').then(() => (cancelled = true))
    let during = 0
    while (!cancelled) {
      const [task] = await test.take(ada)
      if (task) await test.finish(ada, task)
      if (!cancelled) during++
      else break
      if (!task) break
    }
    await cancel
    expect(during).toBeGreaterThan(3)
    await test.work(ada)
    expect(await test.status(small)).toBe('completed')
    expect(await test.jobRow(big)).toMatchObject({ status: 'canceled', count_canceled: 10_000 })
    await act(big, 'requeue')
    expect(await test.jobRow(big)).toMatchObject({ status: 'queued', count_queued: 10_000 })
    expect((await test.takeOne(ada)).taskId).toBe(test.taskId(big, 1))
  })
})

describe('a maximum of tasks at once', () => {
  it('counts tasks, where a maximum of workers counts workers', async () => {
    const ada = await test.worker('ada', { capacity: 3 })
    const byWorkers = await test.submit(tasks(3), { maxWorkers: 1 })
    expect(await test.take(ada, 3)).toHaveLength(3)
    for (let index = 1; index <= 3; index++) await test.finish(ada, { taskId: test.taskId(byWorkers, index), attempt: 1 })
    const byTasks = await test.submit(tasks(3), { maxTasks: 1 })
    expect(await test.take(ada, 3)).toMatchObject([{ taskId: test.taskId(byTasks, 1) }])
    expect(await rules(test.taskId(byTasks, 2))).toEqual(['max-tasks:1'])
    const reply = wait(await test.worker('bob'))
    await test.finish(ada, { taskId: test.taskId(byTasks, 1), attempt: 1 })
    expect(await reply).toMatchObject([{ taskId: test.taskId(byTasks, 2) }])
    await test.farm.jobs.change(byTasks.publicId, { maxTasks: null })
    expect(await test.take(ada, 3)).toMatchObject([{ taskId: test.taskId(byTasks, 3) }])
  })
})
