/** Schedules on a real farm and database, with a clock that the test sets. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConflictError, InvalidInputError, NotFoundError } from '../../../src/main/engine/base/errors.ts'
import { MAX_WAITING } from '../../../src/main/engine/rules/schedules/firingRules.ts'
import type { ScheduleInput, ScheduleState } from '../../../src/main/engine/base/scheduleEngine.ts'
import { authored, START, TestFarm } from '../../support/testFarm.ts'
import { violations } from '../../support/invariants.ts'

const HOUR = 3_600_000
const hourly = { kind: 'cron', expression: '0 * * * *' } as const

let test: TestFarm
beforeEach(async () => {
  test = await TestFarm.open()
})
afterEach(() => test.close())

const create = (input: Partial<ScheduleInput> = {}): Promise<ScheduleState> =>
  test.farm.schedules.create({
    origin: 'native',
    owner: 'anna',
    ownerId: 'user:anna',
    adminRights: false,
    submittedWith: '',
    name: 'nightly',
    trigger: hourly,
    template: { kind: 'submit', job: { name: 'dailies {n} {date}', type: 'test' } },
    ...input,
  })

const ref = ({ publicId }: ScheduleState) => ({ publicId })
const found = (schedule: ScheduleState) => test.farm.schedules.find(ref(schedule))

async function tickAt(time: number): Promise<void> {
  test.time = time
  await test.farm.schedules.tick()
}

const jobs = () =>
  test.opened.read.all<{ name: string; status: string; owner: string }>(
    `select name, status, owner from jobs where deleted_at is null order by id`,
  )
const names = async () => (await jobs()).map(({ name }) => name)
const firings = () =>
  test.opened.read.all<{ outcome: string; cause: string; dueAt: number; count: number; reason: string }>(
    'select outcome, cause, due_at as dueAt, count, reason from schedule_firings order by id',
  )
const outcomes = async () => (await firings()).map(({ outcome }) => outcome)

describe('a schedule', () => {
  it('submits a job at each of its moments, as its owner, and not before', async () => {
    await create()
    await tickAt(START + HOUR - 1)
    expect(await jobs()).toEqual([])
    await tickAt(START + HOUR)
    await test.farm.schedules.tick()
    await tickAt(START + 2 * HOUR + 500)
    expect(await jobs()).toEqual([
      { name: 'dailies 1 2026-01-05', status: 'queued', owner: 'anna' },
      { name: 'dailies 2 2026-01-05', status: 'queued', owner: 'anna' },
    ])
    expect(await firings()).toMatchObject([
      { outcome: 'submitted', cause: 'due', dueAt: START + HOUR },
      { outcome: 'submitted', cause: 'due', dueAt: START + 2 * HOUR },
    ])
  })

  it('goes on after a restart where it was', async () => {
    const schedule = await create({ overlap: 'queue' })
    await tickAt(START + HOUR)
    await tickAt(START + 2 * HOUR)
    const before = found(schedule)
    await test.restart()
    expect(found(schedule)).toEqual(before)
    await tickAt(START + 3 * HOUR)
    expect(await outcomes()).toEqual(['submitted', 'waiting', 'waiting'])
  })

  it.each([
    ['skip', [], 5],
    ['once', ['dailies 1 2026-01-05'], 4],
    ['all', ['dailies 1 2026-01-05', 'dailies 2 2026-01-05'], 3],
  ] as const)('makes up for a downtime by its policy: %s', async (missed, submitted, dropped) => {
    const schedule = await create({ missed, missedLimit: 2 })
    await test.restart()
    await tickAt(START + 5.5 * HOUR)
    expect(await names()).toEqual(submitted)
    expect(await firings()).toEqual([
      { outcome: 'missed', cause: 'missed', dueAt: START + HOUR, count: dropped, reason: '' },
      ...submitted.map(() => expect.objectContaining({ outcome: 'submitted', cause: 'missed' })),
    ])
    expect(found(schedule)).toMatchObject({ nextAt: START + 6 * HOUR, fired: submitted.length })
  })

  it('of a single moment ends with it, even when the moment had passed', async () => {
    const schedule = await create({ trigger: { kind: 'at', at: new Date(START - 5 * HOUR).toISOString() }, missed: 'skip' })
    await tickAt(START)
    expect(await names()).toEqual(['dailies 1 2026-01-05'])
    expect(found(schedule)).toMatchObject({ state: 'ended', nextAt: null })
    await tickAt(START + HOUR)
    expect(await names()).toHaveLength(1)
    await test.farm.schedules.change(ref(schedule), { trigger: { kind: 'interval', everySeconds: 60 } })
    expect(found(schedule)).toMatchObject({ state: 'active', nextAt: START + HOUR + 60_000 })
  })

  it('tells its next firings, none while it is paused, and goes on from now', async () => {
    const schedule = await create()
    expect(test.farm.schedules.next(ref(schedule), 2)).toEqual([START + HOUR, START + 2 * HOUR])
    await test.farm.schedules.pause(ref(schedule))
    expect(test.farm.schedules.next(ref(schedule), 2)).toEqual([])
    await tickAt(START + 3.5 * HOUR)
    await test.farm.schedules.resume(ref(schedule))
    await test.farm.schedules.tick()
    expect(await names()).toEqual([])
    expect(found(schedule)).toMatchObject({ state: 'active', nextAt: START + 4 * HOUR })
  })

  it('no longer fires when it is deleted, and its client id is free', async () => {
    const schedule = await create({ origin: 'fastlane', clientId: 'a' })
    await expect(create({ origin: 'fastlane', clientId: 'a' })).rejects.toThrow(ConflictError)
    await test.farm.schedules.delete({ origin: 'fastlane', clientId: 'a' })
    expect(found(schedule)).toBeUndefined()
    await tickAt(START + HOUR)
    expect(await names()).toEqual([])
    await create({ origin: 'fastlane', clientId: 'a' })
    await expect(test.farm.schedules.pause(ref(schedule))).rejects.toThrow(NotFoundError)
  })

  it('is announced', async () => {
    const events = test.events()
    const schedule = await create()
    await tickAt(START + HOUR)
    await test.farm.schedules.delete(ref(schedule))
    expect(events.flatMap((event) => (event.type === 'schedule' ? [event.deleted] : []))).toEqual([false, false, true])
  })

  it('runs now when asked, without losing its next moment', async () => {
    const schedule = await create({ overlap: 'skip' })
    const first = await test.farm.schedules.runNow(ref(schedule))
    const second = await test.farm.schedules.runNow(ref(schedule))
    expect([first.outcome, second.outcome]).toEqual(['submitted', 'submitted'])
    expect(await test.farm.jobs.find(first.jobId ?? '')).toMatchObject({ name: 'dailies 1 2026-01-05' })
    expect(found(schedule)).toMatchObject({ fired: 2, nextAt: START + HOUR })
  })
})

describe('overlap', () => {
  async function finishOne(): Promise<void> {
    const worker = test.farm.workers.all()[0] ?? (await test.worker('ada'))
    await test.finish(worker, await test.takeOne(worker))
    await test.settled()
  }

  it('skip: nothing while earlier work runs', async () => {
    await create({ overlap: 'skip' })
    await tickAt(START + HOUR)
    await tickAt(START + 2 * HOUR)
    await finishOne()
    await tickAt(START + 3 * HOUR)
    expect(await outcomes()).toEqual(['submitted', 'skipped', 'submitted'])
    expect((await firings())[1]?.reason).toBe('earlier work is not finished')
  })

  it('queue: one after the other, none lost by a restart', async () => {
    const schedule = await create({ overlap: 'queue' })
    for (const hour of [1, 2, 3]) await tickAt(START + hour * HOUR)
    expect(found(schedule)).toMatchObject({ waiting: 2, fired: 1 })
    await test.restart()
    for (const left of [1, 0]) {
      await finishOne()
      await tickAt(test.time + 2_000)
      expect(found(schedule)).toMatchObject({ waiting: left })
    }
    expect(await names()).toEqual(['dailies 1 2026-01-05', 'dailies 2 2026-01-05', 'dailies 3 2026-01-05'])
    expect(await firings()).toMatchObject([1, 2, 3].map((hour) => ({ outcome: 'submitted', dueAt: START + hour * HOUR })))
  })

  it('queue: no endless row of them', async () => {
    await create({ overlap: 'queue', trigger: { kind: 'interval', everySeconds: 1 } })
    for (let second = 0; second < MAX_WAITING + 3; second++) await tickAt(START + second * 1_000)
    expect((await outcomes()).slice(-3)).toEqual(['waiting', 'waiting', 'skipped'])
  })

  it('replace: cancels what runs', async () => {
    await create({ overlap: 'replace' })
    await tickAt(START + HOUR)
    await tickAt(START + 2 * HOUR)
    expect((await jobs()).map(({ status }) => status)).toEqual(['canceled', 'queued'])
  })
})

describe('a schedule that adds tasks to a job', () => {
  const grow = (jobId: string) => ({ kind: 'grow', jobId, tasks: authored([{ name: 'again' }]) }) as const

  it('reopens it at each firing', async () => {
    const worker = await test.worker('ada')
    const job = await test.submit([{}])
    await create({ template: grow(job.publicId) })
    await test.work(worker)
    expect(await test.status(job)).toBe('completed')
    await tickAt(START + HOUR)
    expect(await test.status(job)).toBe('queued')
    expect(await test.work(worker)).toEqual([test.taskId(job, 2)])
    expect(await test.farm.schedules.runNow(ref(test.farm.schedules.list()[0]!))).toEqual({
      outcome: 'grown',
      reason: '',
      jobId: job.publicId,
      tasks: { first: 3, last: 3 },
    })
    expect(await test.statuses(job)).toEqual(['completed', 'completed', 'queued'])
  })

  it('looks at the tasks that it added, not at the job, for overlap', async () => {
    const job = await test.submit([{}])
    await create({ template: grow(job.publicId), overlap: 'replace' })
    await tickAt(START + HOUR)
    await tickAt(START + 2 * HOUR)
    expect(await test.statuses(job)).toEqual(['queued', 'canceled', 'queued'])
  })

  it('fails with a reason while the job is deleted, and ends when it is gone', async () => {
    const job = await test.submit([{}])
    const schedule = await create({ template: grow(job.publicId) })
    await test.farm.jobs.act(job.publicId, 'delete', 'anna')
    await tickAt(START + HOUR)
    expect(await firings()).toMatchObject([{ outcome: 'failed', reason: expect.stringContaining('is deleted') }])
    await tickAt(START + 2 * HOUR + test.settings.undoPeriodMs)
    await test.farm.timers.purge()
    await tickAt(test.time + HOUR)
    expect(found(schedule)).toMatchObject({ state: 'ended' })
    expect(await violations(test)).toEqual({})
  })

  it('is refused for a job that does not exist', async () => {
    await expect(create({ template: grow('00000000-0000-4000-8000-000000000000') })).rejects.toThrow(
      expect.objectContaining({ constructor: InvalidInputError, field: '/template/jobId' }),
    )
  })
})

describe('a manager that dies while a schedule fires', () => {
  it.each(['submit', 'grow'] as const)('has fired once or not at all, and makes up for it: %s', async (kind) => {
    for (let transactions = 0, ended = false; !ended; transactions++) {
      const farm = await TestFarm.open()
      try {
        const job = await farm.submit([{}])
        const schedule = await farm.farm.schedules.create({
          origin: 'native',
          owner: 'anna',
          ownerId: 'user:anna',
          adminRights: false,
          submittedWith: '',
          name: 'nightly',
          trigger: hourly,
          template: kind === 'submit' ? { kind, job: { name: '{n}', type: 'test' } } : { kind, jobId: job.publicId, tasks: authored([{}]) },
        })
        farm.time = START + HOUR
        await farm.settled()
        const died = farm.dieAfter(transactions)
        await Promise.race([
          farm.farm.schedules
            .tick()
            .then(() => farm.opened.store.durable())
            .then(() => (ended = true)),
          died,
        ])
        for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
        await farm.revive()
        await farm.farm.schedules.tick()
        const made = kind === 'submit' ? 'select count(*) - 1 as n from jobs' : 'select count(*) - 1 as n from tasks'
        expect(await farm.opened.read.get(made), `after ${transactions} transactions`).toEqual({ n: 1 })
        expect(await farm.opened.read.get('select count(*) as n from schedule_firings')).toEqual({ n: 1 })
        expect(farm.farm.schedules.find({ publicId: schedule.publicId })).toMatchObject({ fired: 1, nextAt: START + 2 * HOUR })
        expect(await violations(farm)).toEqual({})
      } finally {
        await farm.close()
      }
      expect(transactions).toBeLessThan(50)
    }
  })
})
