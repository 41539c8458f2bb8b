/** The clock is set, or the manager stands still: no worker is blamed, nothing waits for a moment that is not coming. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { violations } from '../../support/invariants.ts'
import { TestFarm } from '../../support/testFarm.ts'

const MINUTE = 60_000
const DAY = 1_440 * MINUTE

let test: TestFarm
beforeEach(async () => {
  test = await TestFarm.open({ timeoutGraceMs: 5 * MINUTE })
})
afterEach(async () => {
  expect(await violations(test)).toEqual({})
  await test.close()
})

const LIMITS = { maxRunMs: 60 * MINUTE, maxSilenceMs: 30 * MINUTE, touchTimeoutMs: 10 * MINUTE }

describe.each([
  ['the clock set forward by a day', DAY, false],
  ['the clock set back by a day', -DAY, false],
  ['a computer suspended for a weekend', 3 * DAY, true],
])('%s', (_, ms, stopped) => {
  it('times out no worker and fails no running task', async () => {
    test.pass(10 * MINUTE)
    const ada = await test.worker('ada')
    const job = await test.submit([{}], { policyChanges: LIMITS })
    const task = await test.takeOne(ada)
    test.jump(ms, stopped)
    await test.farm.timers.checkTimeouts()
    expect([test.again(ada).status, await test.status(job)]).toEqual(['awake', 'active'])
    // It calls within the grace period of a start, and works on.
    test.pass(4 * MINUTE)
    await test.say(ada, task, { type: 'progress', at: test.time, stepsCompleted: 0, activity: 'back' })
    test.pass(2 * MINUTE)
    await test.say(ada, task, { type: 'progress', at: test.time, stepsCompleted: 0, activity: 'back' })
    await test.farm.timers.checkTimeouts()
    await test.finish(ada, task)
    expect(await test.status(job)).toBe('completed')
  })

  it('does not make limits endless: a worker that stays silent times out, an attempt that runs too long ends', async () => {
    test.pass(10 * MINUTE)
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit([{}, {}], { policyChanges: { ...LIMITS, touchTimeoutMs: 0, maxSilenceMs: 0 } })
    await test.takeOne(ada)
    const long = await test.takeOne(bob)
    test.jump(ms, stopped)
    for (let minutes = 0; minutes < 62; minutes++) {
      test.pass(MINUTE)
      await test.farm.native.take(bob.publicId, { slots: 0, waitMs: 0, running: [{ taskId: long.taskId, attempt: 1 }] })
    }
    await test.farm.timers.checkTimeouts()
    expect([test.again(ada).status, test.again(bob).status]).toEqual(['error', 'awake'])
    const ends = await test.opened.read.all<{ outcome: string }>('select outcome from attempts order by id')
    expect(ends.map(({ outcome }) => outcome)).toEqual(['lost', 'timed-out'])
    expect(await test.status(job)).not.toBe('completed')
  })

  it('changes no wait before a retry', async () => {
    const [ada] = [await test.worker('ada'), await test.worker('bob')]
    await test.submit([{}], { policyChanges: { retryDelayMs: 2 * MINUTE, retryOnSameWorker: true } })
    await test.fail(ada, await test.takeOne(ada))
    if (stopped) return
    test.jump(ms)
    test.pass(MINUTE)
    test.farm.timers.releaseDue()
    expect(await test.take(ada)).toEqual([])
    test.pass(2 * MINUTE)
    test.farm.timers.releaseDue()
    expect(await test.take(ada)).toHaveLength(1)
  })
})

describe('the clock set back while no manager ran', () => {
  it('makes nothing wait a day: retries, schedules and silent workers go by the new time', async () => {
    const ada = await test.worker('ada')
    await test.worker('bob')
    await test.submit([{}], { policyChanges: { retryDelayMs: MINUTE, retryOnSameWorker: true } })
    await test.fail(ada, await test.takeOne(ada))
    const schedule = await test.farm.schedules.create({
      name: 'often',
      origin: 'native',
      owner: 'tester',
      ownerId: 'user:tester',
      adminRights: false,
      submittedWith: '',
      trigger: { kind: 'interval', everySeconds: 600 },
      template: { kind: 'submit', job: { name: 'again', type: 'test' } },
    })
    test.time -= DAY
    await test.restart()
    expect((test.farm.schedules.find({ publicId: schedule.publicId })?.nextAt ?? 0) - test.time).toBeLessThanOrEqual(10 * MINUTE)
    expect(await test.take(test.again(ada))).toEqual([])
    await test.settled()
    test.pass(61 * MINUTE)
    test.farm.timers.releaseDue()
    await test.settled()
    expect(await test.take(test.again(ada))).toHaveLength(1)
    await test.farm.timers.checkTimeouts()
    expect(test.farm.workers.all().map(({ name, status }) => `${name} ${status}`)).toEqual(['ada awake', 'bob error'])
  })
})

describe('a sleep schedule', () => {
  const night = { isActive: true, daysOfWeek: '', startTime: '22:00', endTime: '23:30' }
  const at = (hours: number, minutes = 0): number => new Date(2026, 5, 10, hours, minutes).getTime()

  it('applies at once when the clock jumps into it, and keeps what a person asked for when it does not', async () => {
    test.time = at(12)
    const ada = await test.worker('ada')
    await test.farm.workers.setSleepSchedule(ada.publicId, night)
    test.jump(10.5 * 60 * MINUTE)
    test.farm.timers.applySchedules()
    expect(test.again(ada).statusRequested).toBe('asleep')
    await test.farm.workers.requestStatus(ada.publicId, 'awake', false)
    test.jump(10 * MINUTE)
    test.farm.timers.applySchedules()
    expect(test.again(ada).statusRequested).not.toBe('asleep')
  })

  it('is not skipped when the clock goes back before its next change', async () => {
    test.time = at(12)
    const ada = await test.worker('ada')
    await test.farm.workers.setSleepSchedule(ada.publicId, night)
    test.jump(-DAY)
    test.time = at(22, 1) - DAY
    test.farm.timers.applySchedules()
    expect(test.again(ada).statusRequested).toBe('asleep')
  })
})
