/** Who holds a task: fencing, exactly once, lost replies, sign-on, timeouts. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NotFoundError, TooManyError } from '../../../src/main/engine/base/errors.ts'
import type { WorkerState } from '../../../src/main/engine/base/model.ts'
import type { Fence, Report, ReportEvent } from '../../../src/shared/schemas/agent.ts'
import { violations } from '../../support/invariants.ts'
import { START, TestFarm } from '../../support/testFarm.ts'

const MINUTE = 60_000

let test: TestFarm
beforeEach(async () => {
  test = await TestFarm.open()
})
afterEach(async () => {
  expect(await violations(test)).toEqual({})
  await test.close()
})

const SIGN_ON = { name: 'ada', software: '', address: '', kinds: ['misc'], canRestart: false, capacity: 4 }
const log = (text: string): ReportEvent => ({ type: 'log', at: test.time, stream: 'stdout', text })
const done = (): ReportEvent => ({ type: 'finished', at: test.time, outcome: 'success', exitCode: 0, reason: '' })
const call = (worker: WorkerState, running: Fence[], slots = 0) =>
  test.farm.native.take(worker.publicId, {
    slots,
    waitMs: 0,
    running: running.map(({ taskId, attempt }) => ({ taskId, attempt })),
  })
const report = (fence: Fence, seq: number, event: ReportEvent): Report => ({ seq, taskId: fence.taskId, attempt: fence.attempt, event })

describe('fencing', () => {
  it('a stale attempt changes nothing, and its log lines are kept', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit([{}])
    const old = await test.takeOne(ada)
    await test.say(ada, old, log('before\n'))
    await test.farm.workers.signOff(ada.publicId)
    const current = await test.takeOne(bob)
    const reply = await test.farm.native.report(
      ada.publicId,
      [
        report(old, 2, { type: 'progress', at: test.time, stepsCompleted: 1, activity: 'stale' }),
        report(old, 3, log('late 1\n')),
        report(old, 4, log('late 2\n')),
        report(old, 5, {
          type: 'output',
          at: test.time,
          path: '/stale.png',
          frame: 1,
          bytes: null,
          width: null,
          height: null,
          renderedMs: null,
        }),
        report(old, 6, done()),
      ],
      0,
    )
    expect(reply).toMatchObject({ reportSeq: 6, stale: [{ taskId: old.taskId, attempt: 1 }] })
    expect(await test.opened.read.get('select status, steps_completed, activity, worker_id from tasks')).toMatchObject({
      status: 'active',
      steps_completed: 0,
      worker_id: bob.id,
    })
    expect(await test.opened.read.all('select * from frames')).toEqual([])
    expect(await test.log(old.taskId, 1)).toMatch(/^before\n.*worker signed off\n.*active -> queued\nlate 1\nlate 2\n$/)
    expect(await test.log(old.taskId, 2)).toMatch(/^\S+ task changed status queued -> active\n$/)
    expect((await test.finish(bob, current)).stale).toEqual([])
    expect(await test.status(job)).toBe('completed')
  })

  it('another worker cannot speak for an attempt', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit([{}])
    const task = await test.takeOne(ada)
    expect((await test.finish(bob, task)).stale).toHaveLength(1)
    await test.say(bob, task, log('not mine\n'))
    expect(await test.log(task.taskId)).toBe('')
    expect(await test.statuses(job)).toEqual(['active'])
  })

  it('the same worker with an older attempt number cannot either', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}])
    const first = await test.takeOne(ada)
    await test.farm.tasks.act(first.taskId, 'requeue', 'tester')
    const second = await test.takeOne(ada)
    expect(second.attempt).toBe(2)
    expect((await test.finish(ada, first)).stale).toEqual([{ taskId: first.taskId, attempt: 1 }])
    expect(await test.statuses(job)).toEqual(['active'])
  })

  it('reports of attempts that were never there are stale and harmless', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}])
    const unknown = { taskId: '0000002a-1c3d-4e5f-8a9b-0c1d2e3f4a5b', attempt: 1 }
    for (const fence of [unknown, { taskId: test.taskId(job, 1), attempt: 1 }, { taskId: test.taskId(job, 9), attempt: 1 }]) {
      expect((await test.say(ada, fence, log('?\n'))).stale).toEqual([fence])
    }
    await expect(test.farm.native.report('0000002a-1c3d-4e5f-8a9b-0c1d2e3f4a5b', [], 0)).rejects.toThrow(NotFoundError)
  })

  it('an attempt ended by a change of the whole job while its reports come in stays ended', async () => {
    const ada = await test.worker('ada', { capacity: 20 })
    const job = await test.submit(Array.from({ length: 5000 }, () => ({})))
    const running = await test.take(ada, 20)
    let over = false
    const cancel = test.farm.jobs.act(job.publicId, 'cancel', 'tester').then(() => (over = true))
    let seq = 0
    let before = 0
    const calls: Promise<unknown>[] = []
    while (!over) {
      const task = running[seq % running.length]!
      const events = [log('working\n'), { type: 'progress', at: test.time, stepsCompleted: 1, activity: 'half' } as const]
      calls.push(
        test.farm.native.report(
          ada.publicId,
          events.map((event) => report(task, ++seq, event)),
          0,
        ),
      )
      await new Promise((resolve) => setImmediate(resolve))
      if (!over) before++
    }
    await cancel
    await Promise.all(calls)
    expect(before).toBeGreaterThan(5)
    expect(ada.reportSeq).toBe(seq)
    expect(new Set(await test.statuses(job))).toEqual(new Set(['canceled']))
    expect(await test.opened.read.all('select distinct status from attempts')).toEqual([{ status: 'canceled' }])
  })
})

describe('exactly once', () => {
  it('what comes again is dropped, what is new is applied', async () => {
    const ada = await test.worker('ada')
    await test.submit([{}])
    const task = await test.takeOne(ada)
    const [a, b, c] = [report(task, 1, log('a\n')), report(task, 2, log('b\n')), report(task, 3, log('c\n'))]
    expect((await test.farm.native.report(ada.publicId, [a, b], 0)).reportSeq).toBe(2)
    expect((await test.farm.native.report(ada.publicId, [a, b, c], 0)).reportSeq).toBe(3)
    expect(await test.log(task.taskId)).toBe('a\nb\nc\n')
  })

  it('also when the same call comes twice at the same time, and in the middle of a mass update', async () => {
    const ada = await test.worker('ada')
    const [job, other] = [await test.submit([{}, {}]), await test.submit([{}, {}])]
    const task = await test.takeOne(ada)
    const reports = [report(task, 1, log('a\n')), report(task, 2, log('b\n')), report(task, 3, done())]
    const replies = await Promise.all([
      test.farm.jobs.act(other.publicId, 'cancel', 'tester'),
      test.farm.jobs.act(job.publicId, 'pause', 'tester'),
      test.farm.native.report(ada.publicId, reports, 0),
      test.farm.native.report(ada.publicId, reports, 0),
    ])
    expect(replies[2]).toMatchObject({ reportSeq: 3, stale: [] })
    expect(replies[3]).toMatchObject({ reportSeq: 3, stale: [] })
    expect(await test.log(task.taskId)).toBe('a\nb\n')
    expect(await test.statuses(job)).toEqual(['completed', 'paused'])
    expect(await test.status(job)).toBe('paused')
  })

  it('the number survives a restart together with what it counted', async () => {
    const ada = await test.worker('ada')
    await test.submit([{}])
    const task = await test.takeOne(ada)
    await test.farm.native.report(ada.publicId, [report(task, 1, log('a\n')), report(task, 2, log('b\n'))], 0)
    await test.restart()
    const reply = await test.farm.workers.signOn(ada.publicId, { ...SIGN_ON, running: [{ taskId: task.taskId, attempt: 1 }] })
    expect(reply).toMatchObject({ reportSeq: 2, keep: [{ taskId: task.taskId, attempt: 1 }], lost: [] })
    await test.farm.native.report(ada.publicId, [report(task, 2, log('b\n')), report(task, 3, log('c\n'))], 0)
    expect(await test.log(task.taskId)).toBe('a\nb\nc\n')
  })

  it('the next task comes with the report of the last one', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}, {}])
    const task = await test.takeOne(ada)
    const reply = await test.say(ada, task, done(), 1)
    expect(reply.assignments).toMatchObject([{ taskId: test.taskId(job, 2) }])
  })
})

describe('a reply that was lost', () => {
  it('an assignment that the worker never names is taken back after 15 seconds', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}])
    await test.takeOne(ada)
    test.pass(15_000)
    await call(ada, [])
    expect(await test.statuses(job)).toEqual(['active'])
    test.pass(1)
    await call(ada, [])
    expect(await test.statuses(job)).toEqual(['queued'])
    expect(await test.takeOne(ada)).toMatchObject({ attempt: 2 })
  })

  it.each(['names it in a call', 'reports of it'])('one that the worker %s is its own', async (how) => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}])
    const task = await test.takeOne(ada)
    if (how === 'reports of it') await test.say(ada, task, { type: 'started', at: test.time })
    else await call(ada, [task])
    test.pass(20_000)
    await call(ada, [])
    expect(await test.statuses(job)).toEqual(['active'])
  })

  it('of a manager that died too: the worker never got it', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}])
    await test.takeOne(ada)
    await test.restart()
    test.pass(15_001)
    await call(test.again(ada), [])
    expect(await test.statuses(job)).toEqual(['queued'])
  })
})

describe('sign-on of a worker of ours', () => {
  it('adopts what still runs, gives back what does not, and names what must stop', async () => {
    const ada = await test.worker('ada', { capacity: 4 })
    const job = await test.submit([{}, {}, {}])
    const [kept, lost] = await test.take(ada, 2)
    const reply = await test.farm.workers.signOn(ada.publicId, {
      ...SIGN_ON,
      running: [
        { taskId: kept!.taskId.toUpperCase(), attempt: 1 },
        { taskId: test.taskId(job, 3), attempt: 7 },
      ],
    })
    expect(reply).toMatchObject({
      status: 'awake',
      keep: [{ taskId: kept!.taskId, attempt: 1 }],
      lost: [{ taskId: lost!.taskId, attempt: 1 }],
    })
    expect(await test.statuses(job)).toEqual(['active', 'queued', 'queued'])
    expect((await test.finish(ada, kept!)).stale).toEqual([])
    expect((await test.finish(ada, lost!)).stale).toHaveLength(1)
  })

  it('after a restart it was asked for, it is awake', async () => {
    const ada = await test.worker('ada', { canRestart: true })
    await test.farm.workers.requestStatus(ada.publicId, 'restart', true)
    expect(await test.farm.workers.signOn(ada.publicId, { ...SIGN_ON, canRestart: true })).toMatchObject({ status: 'awake' })
  })

  it('comes back as it left', async () => {
    const ada = await test.worker('ada')
    await test.farm.workers.requestStatus(ada.publicId, 'asleep', false)
    await test.farm.workers.changedStatus(ada.publicId, 'asleep')
    await test.farm.workers.signOff(ada.publicId)
    expect(await test.farm.workers.signOn(ada.publicId, SIGN_ON)).toMatchObject({ status: 'asleep' })
  })

  it('waits for approval, and the number of those who wait is capped', async () => {
    test.settings = { ...test.settings, maxPendingWorkers: 2 }
    const ada = await test.worker('ada', { approved: false })
    await test.worker('bob', { approved: false })
    await expect(test.worker('eve', { approved: false })).rejects.toThrow(TooManyError)
    await test.submit([{}])
    const waiting = test.farm.native.take(ada.publicId, { slots: 1, waitMs: 20_000, running: [] })
    await test.settled()
    await test.farm.workers.approve(ada.publicId)
    expect(await waiting).toMatchObject({ approved: true, assignments: [] })
    expect(await test.take(ada)).toHaveLength(1)
    await test.worker('eve', { approved: false })
  })
})

it('many that ask for approval at once find no more room than one after the other', async () => {
  const asked = await Promise.allSettled(Array.from({ length: 60 }, (_, at) => test.worker(`w${at}`, { approved: false })))
  expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(test.settings.maxPendingPerAddress)
  expect(test.farm.workers.all().filter(({ approvedAt }) => approvedAt === null)).toHaveLength(test.settings.maxPendingPerAddress)
})

describe('a call that stands open', () => {
  it('is answered when its worker is asked to change its status', async () => {
    const ada = await test.worker('ada')
    const reply = test.farm.native.take(ada.publicId, { slots: 1, waitMs: 20_000, running: [] })
    await test.settled()
    await test.farm.workers.requestStatus(ada.publicId, 'asleep', true)
    expect(await reply).toMatchObject({ statusRequested: 'asleep', statusRequestLazy: true, assignments: [] })
  })

  it('gets no work once its worker sleeps', async () => {
    const ada = await test.worker('ada')
    const reply = test.farm.native.take(ada.publicId, { slots: 1, waitMs: 200, running: [] })
    await test.settled()
    await test.farm.workers.changedStatus(ada.publicId, 'asleep')
    const job = await test.submit([{}])
    expect((await reply).assignments).toEqual([])
    expect(await test.statuses(job)).toEqual(['queued'])
  })

  it('is superseded by the next one of the same worker', async () => {
    const ada = await test.worker('ada')
    const first = test.farm.native.take(ada.publicId, { slots: 1, waitMs: 20_000, running: [] })
    await test.settled()
    const second = test.farm.native.take(ada.publicId, { slots: 1, waitMs: 20_000, running: [] })
    expect((await first).assignments).toEqual([])
    await test.submit([{}])
    expect((await second).assignments).toHaveLength(1)
  })

  it('one new task wakes one worker, and goes to the one that waits longest', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const waits = [ada, bob].map((worker) => test.farm.native.take(worker.publicId, { slots: 1, waitMs: 300, running: [] }))
    await test.settled()
    await test.submit([{}])
    const [first, second] = await Promise.all(waits)
    expect(first!.assignments).toHaveLength(1)
    expect(second!.assignments).toEqual([])
  })

  it('is a sign of life as long as it stands', async () => {
    const ada = await test.worker('ada')
    const reply = test.farm.native.take(ada.publicId, { slots: 1, waitMs: 20_000, running: [] })
    await test.settled()
    test.pass(2 * MINUTE)
    await test.farm.timers.checkTimeouts()
    expect(ada.status).toBe('awake')
    await test.submit([{}])
    expect((await reply).assignments).toHaveLength(1)
  })

  it('ends when the farm stops', async () => {
    const ada = await test.worker('ada')
    const reply = test.farm.native.take(ada.publicId, { slots: 1, waitMs: 20_000, running: [] })
    await test.settled()
    await test.restart()
    await expect(reply).resolves.toMatchObject({ assignments: [] })
  })
})

describe('timeouts', () => {
  it('a worker that is silent for a minute is in error and its work goes elsewhere', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit([{}])
    const task = await test.takeOne(ada)
    await test.farm.workers.requestStatus(ada.publicId, 'asleep', true)
    test.pass(MINUTE)
    await call(bob, [])
    await test.farm.timers.checkTimeouts()
    expect(ada).toMatchObject({ status: 'error', statusRequested: null })
    expect(bob.status).toBe('awake')
    expect(await test.statuses(job)).toEqual(['queued'])
    expect(await test.log(task.taskId)).toContain('Task was queued by Manager because worker timed out')
    expect(await test.takeOne(bob)).toMatchObject({ attempt: 2 })
  })

  it('one of ours that comes back is awake again, and what it did meanwhile is stale', async () => {
    const ada = await test.worker('ada')
    await test.submit([{}])
    const task = await test.takeOne(ada)
    test.pass(MINUTE)
    await test.farm.timers.checkTimeouts()
    const reply = await call(ada, [task], 1)
    expect(ada.status).toBe('awake')
    expect(reply.cancel).toMatchObject([{ taskId: task.taskId, attempt: 1 }])
    expect(reply.assignments).toMatchObject([{ taskId: task.taskId, attempt: 2 }])
  })

  it('a foreign one that comes back gets nothing until a person wakes it', async () => {
    const flora = await test.foreignWorker('flora')
    await test.submit([{}])
    test.pass(MINUTE)
    await test.farm.timers.checkTimeouts()
    await expect(test.farm.foreign.schedule(flora.publicId)).rejects.toThrow('error')
    await test.farm.workers.requestStatus(flora.publicId, 'awake', false)
    await expect(test.farm.foreign.schedule(flora.publicId)).rejects.toThrow('awake')
    await test.farm.workers.changedStatus(flora.publicId, 'awake')
    expect(await test.farm.foreign.schedule(flora.publicId)).toBeDefined()
  })

  it('no worker times out in the grace period after a start', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}])
    await test.takeOne(ada)
    test.settings = { ...test.settings, timeoutGraceMs: 5 * MINUTE }
    test.pass(60 * MINUTE)
    await test.restart()
    test.pass(5 * MINUTE - 1)
    await test.farm.timers.checkTimeouts()
    expect(test.again(ada).status).toBe('awake')
    test.pass(1)
    await test.farm.timers.checkTimeouts()
    expect(test.again(ada).status).toBe('error')
    expect(await test.statuses(job)).toEqual(['queued'])
  })

  it('a task that is not touched for ten minutes fails for good', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(Array.from({ length: 20 }, () => ({})))
    const task = await test.takeOne(ada)
    await call(ada, [task])
    const touched = test.time
    for (let minute = 0; minute < 10; minute++) {
      test.pass(MINUTE - 1)
      await call(ada, [])
    }
    test.pass(9)
    await call(ada, [])
    await test.farm.timers.checkTimeouts()
    expect((await test.statuses(job))[0]).toBe('active')
    test.pass(1)
    await call(ada, [])
    await test.farm.timers.checkTimeouts()
    expect((await test.statuses(job))[0]).toBe('failed')
    expect(await test.log(task.taskId)).toContain(
      `Task timed out. It was assigned to worker ada (${ada.publicId}), but untouched since ${new Date(touched).toISOString()}\n`,
    )
    expect(await test.opened.read.get('select outcome from attempts')).toEqual({ outcome: 'timed-out' })
    expect(await test.opened.read.all('select * from task_failures')).toEqual([])
  })

  it('a task that runs too long, or is silent too long, fails as the policy says', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const long = await test.submit([{}], { policyChanges: { maxRunMs: MINUTE } })
    const silent = await test.submit([{}], { policyChanges: { maxSilenceMs: MINUTE } })
    const [first, second] = [await test.takeOne(ada), await test.takeOne(bob)]
    for (let seconds = 0; seconds < 64; seconds++) {
      test.pass(1000)
      await call(ada, [first])
      await call(bob, [second])
      if (seconds === 30) await test.say(bob, second, log('alive\n'))
      await test.say(ada, first, log('alive\n'))
      await test.farm.timers.checkTimeouts()
    }
    expect(await test.statuses(long)).toEqual(['active'])
    test.pass(1000)
    await call(bob, [second])
    await test.farm.timers.checkTimeouts()
    expect(await test.statuses(long)).toEqual(['soft-failed'])
    expect(await test.statuses(silent)).toEqual(['active'])
    test.pass(30_999)
    await call(bob, [second])
    await test.farm.timers.checkTimeouts()
    expect(await test.statuses(silent)).toEqual(['active'])
    test.pass(1)
    await test.farm.timers.checkTimeouts()
    expect(await test.statuses(silent)).toEqual(['soft-failed'])
    expect(await test.opened.read.all('select outcome from attempts order by id')).toEqual([
      { outcome: 'timed-out' },
      { outcome: 'silent' },
    ])
    await test.farm.timers.checkTimeouts()
  })

  it('a task that is not started in time fails, blocked or not', async () => {
    const ada = await test.worker('ada', { capacity: 5 })
    const job = await test.submit([{}, { dependsOn: [1] }, {}, {}], { policyChanges: { failJobAtPercent: 101 } })
    await test.opened.writer.exclusive((tx) => tx.run('update tasks set start_by = ? where idx <= 3', [test.time + MINUTE]))
    await test.restart()
    const [first] = await test.take(test.again(ada), 1)
    test.pass(MINUTE)
    await test.farm.timers.checkStartBy()
    expect(await test.statuses(job)).toEqual(['active', 'failed', 'failed', 'queued'])
    expect(await test.opened.read.get('select activity from tasks where idx = 2')).toEqual({ activity: 'it was not started in time' })
    await test.finish(test.again(ada), first!)
    expect(await test.work(test.again(ada))).toEqual([test.taskId(job, 4)])
    expect(await test.status(job)).toBe('failed')
  })

  it('sightings and touches reach the disk from time to time', async () => {
    const ada = await test.worker('ada')
    await test.submit([{}])
    const task = await test.takeOne(ada)
    test.pass(30_000)
    await call(ada, [task])
    test.farm.timers.keepHouse()
    await test.settled()
    expect(await test.opened.read.get('select last_seen_at from workers')).toEqual({ last_seen_at: test.time })
    expect(await test.opened.read.get('select touched_at from tasks')).toEqual({ touched_at: test.time })
  })
})

describe('sleep schedules', () => {
  const local = (hours: number): number => new Date(new Date(START).setHours(hours, 0, 0, 0)).getTime()
  const plan = (startTime: string, endTime: string, isActive = true) => ({ isActive, daysOfWeek: '', startTime, endTime })

  it('are applied at once, at their times, and not lazily', async () => {
    test.time = local(8)
    const ada = await test.worker('ada')
    await test.farm.workers.requestStatus(ada.publicId, 'asleep', true)
    await test.farm.workers.setSleepSchedule(ada.publicId, plan('09:00', '18:00'))
    expect(ada).toMatchObject({ status: 'awake', statusRequested: null })
    test.time = local(9) - 1
    test.farm.timers.applySchedules()
    expect(ada.statusRequested).toBeNull()
    test.time = local(9)
    test.farm.timers.applySchedules()
    expect(ada).toMatchObject({ statusRequested: 'asleep', statusRequestLazy: false })
    await test.farm.workers.changedStatus(ada.publicId, 'asleep')
    test.time = local(18)
    test.farm.timers.applySchedules()
    expect(ada.statusRequested).toBe('awake')
  })

  it('make a lazy request a firm one', async () => {
    test.time = local(12)
    const ada = await test.worker('ada')
    await test.farm.workers.requestStatus(ada.publicId, 'asleep', true)
    await test.farm.workers.setSleepSchedule(ada.publicId, plan('09:00', '18:00'))
    expect(ada).toMatchObject({ statusRequested: 'asleep', statusRequestLazy: false })
  })

  it('leave a worker in error alone', async () => {
    test.time = local(12)
    const flora = await test.foreignWorker('flora')
    await test.farm.workers.changedStatus(flora.publicId, 'error')
    await test.farm.workers.setSleepSchedule(flora.publicId, plan('', ''))
    expect(flora.statusRequested).toBeNull()
  })

  it('survive a restart, and decide what a worker receives at sign-on', async () => {
    test.time = local(12)
    const ada = await test.worker('ada')
    await test.farm.workers.setSleepSchedule(ada.publicId, plan('18:00', '09:00'))
    await test.restart()
    expect(test.again(ada).sleepSchedule).toMatchObject({ startTime: '09:00', endTime: '18:00', isActive: true })
    expect(await test.farm.workers.signOn(ada.publicId, SIGN_ON)).toMatchObject({ status: 'asleep' })
  })
})

describe('a request that is taken back', () => {
  const say = (worker: WorkerState, status: 'awake' | 'asleep', waitMs = 0) =>
    test.farm.native.take(worker.publicId, { slots: 1, waitMs, running: [], status })

  it('is news until the worker has confirmed it', async () => {
    const ada = await test.worker('ada')
    await test.farm.workers.requestStatus(ada.publicId, 'asleep', true)
    expect(await say(ada, 'awake')).toMatchObject({ statusRequested: 'asleep', statusRequestLazy: true })
    await test.farm.workers.requestStatus(ada.publicId, 'awake', false)
    // Answered at once, though it would wait.
    expect(await say(ada, 'awake', 20_000)).toMatchObject({ statusRequested: 'awake' })
    expect(await say(ada, 'awake')).toMatchObject({ statusRequested: null })
    expect(ada).toMatchObject({ status: 'awake', statusRequested: null })
  })

  it('is sent again to a worker that had begun to follow it', async () => {
    for (const heard of [false, true]) {
      const ada = await test.worker('ada')
      await test.farm.workers.requestStatus(ada.publicId, 'asleep', true)
      await say(ada, 'awake')
      await test.farm.workers.requestStatus(ada.publicId, 'awake', false)
      if (heard) {
        // The reply is lost on its way, and the worker falls asleep.
        await say(ada, 'awake')
        await say(ada, 'awake')
      }
      await test.farm.workers.changedStatus(ada.publicId, 'asleep')
      expect(ada).toMatchObject({ status: 'asleep', statusRequested: 'awake' })
      expect(await say(ada, 'asleep')).toMatchObject({ statusRequested: 'awake' })
      await test.farm.workers.changedStatus(ada.publicId, 'awake')
      expect(ada).toMatchObject({ status: 'awake', statusRequested: null })
    }
  })

  it('wakes a Flamenco Worker that went to sleep all the same', async () => {
    const flora = await test.foreignWorker('flora')
    await test.farm.workers.requestStatus(flora.publicId, 'asleep', true)
    await test.farm.workers.requestStatus(flora.publicId, 'awake', false)
    expect(flora.statusRequested).toBeNull()
    await test.farm.workers.changedStatus(flora.publicId, 'asleep')
    expect(flora).toMatchObject({ status: 'asleep', statusRequested: 'awake' })
  })
})

describe('the limit of a log', () => {
  it('is sent to our workers, which enforce it; one that does not is ended a margin later, and gets no further', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}], { policyChanges: { maxLogBytes: 1000 } })
    const task = await test.takeOne(ada)
    expect(task.maxLogBytes).toBe(1000)
    await test.say(ada, task, log('x'.repeat(500_000)))
    expect(await test.statuses(job)).toEqual(['active'])
    const reply = await test.farm.native.report(ada.publicId, [report(task, 2, log('y'.repeat(600_000))), report(task, 3, log('late'))], 0)
    expect(reply.stale).toEqual([{ taskId: task.taskId, attempt: 1 }])
    expect(await test.statuses(job)).toEqual(['failed'])
    const text = (await test.logs.read(task.taskId, 1, 0, 2_000_000)).toString()
    expect([text.includes('y'.repeat(600_000)), text.includes('late')]).toEqual([true, false])
  })

  it('is final when its worker says that it was reached, and explained', async () => {
    const [ada] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit([{}], { policyChanges: { maxLogBytes: 1000 } })
    const task = await test.takeOne(ada)
    const end = { type: 'finished' as const, at: test.time, outcome: 'log-limit' as const, exitCode: null }
    await test.say(ada, task, { ...end, reason: 'its log reached the limit of 1 kB' })
    expect(await test.statuses(job)).toEqual(['failed'])
    const { summary, reasons } = await test.farm.tasks.explain(task.taskId)
    expect(summary).toBe('The task is failed and does not wait: its log reached the limit of 1 kB.')
    expect(reasons[0]).toMatchObject({ rule: 'log-limit', message: 'the task is failed: its log reached the limit of 1 kB' })
  })
})
