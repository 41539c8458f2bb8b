import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JobState } from '../../../src/main/engine/base/model.ts'
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

const FAILS_AT_ONCE = { policyChanges: { failAfterWorkers: 1 } }
const warnings = (job: JobState) => test.opened.read.all('select code, text, count from warnings where job_id = ?', [job.id])

describe('an optional task that fails for good', () => {
  it('is a warning of a job that completes; its attempt and its log say that it failed', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{ name: 'render' }, { name: 'video', optional: true, dependsOn: [1] }], FAILS_AT_ONCE)
    await test.finish(ada, await test.takeOne(ada))
    await test.settled()
    const video = await test.takeOne(ada)
    await test.fail(ada, video)
    expect(await test.status(job)).toBe('completed')
    expect(await test.statuses(job)).toEqual(['completed', 'completed'])
    expect(await warnings(job)).toEqual([{ code: 'optional-task-failed', text: 'task "video" failed: ended with exit-code', count: 1 }])
    expect(await test.opened.read.all('select status, outcome from attempts where task_id = (select id from tasks where idx = 2)')).toEqual(
      [{ status: 'failed', outcome: 'exit-code' }],
    )
    expect(await test.log(video.taskId)).toContain('The task is optional: its failure is a warning')
    expect(await test.jobRow(job)).toMatchObject({ first_failure: null, warning_count: 1 })
  })

  it('is retried first, like any other', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit([{ optional: true }], { policyChanges: { failAfterWorkers: 2 } })
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.statuses(job)).toEqual(['soft-failed'])
    await test.finish(bob, await test.takeOne(bob))
    expect(await test.status(job)).toBe('completed')
    expect(await warnings(job)).toEqual([])
  })

  it('lets what depends on it run, also through a barrier', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{ optional: true }, { optional: true }, { dependsOn: [1, 2] }], FAILS_AT_ONCE)
    for (let n = 0; n < 2; n++) await test.fail(ada, await test.takeOne(ada))
    await test.settled()
    const last = await test.takeOne(ada)
    expect(last.taskId).toBe(test.taskId(job, 3))
    await test.finish(ada, last)
    expect(await test.status(job)).toBe('completed')
  })

  it('of a foreign worker counts as well', async () => {
    const ada = await test.foreignWorker('ada')
    const job = await test.submit([{ name: 'video', optional: true }], FAILS_AT_ONCE)
    const task = await test.farm.foreign.schedule(ada.publicId)
    await test.farm.foreign.update(ada.publicId, task?.assignment.taskId ?? '', { status: 'failed', activity: 'no ffmpeg' })
    expect(await test.status(job)).toBe('completed')
    expect(await warnings(job)).toMatchObject([{ text: 'task "video" failed: no ffmpeg' }])
  })

  it('is forgiven when it is requeued and succeeds', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{ optional: true }], FAILS_AT_ONCE)
    await test.fail(ada, await test.takeOne(ada))
    await test.farm.tasks.act(test.taskId(job, 1), 'requeue', 'tester')
    expect(await warnings(job)).toEqual([])
    await test.finish(ada, await test.takeOne(ada))
    expect(await test.status(job)).toBe('completed')
    expect(await warnings(job)).toEqual([])
  })

  it('survives a restart of the manager as what it is', async () => {
    const job = await test.submit([{ optional: true }], FAILS_AT_ONCE)
    await test.restart()
    const ada = await test.worker('ada')
    await test.fail(ada, await test.takeOne(ada))
    expect(await test.status(job)).toBe('completed')
  })
})

describe('an optional task that no worker is left for', () => {
  it('ends as a warning after the time in which workers may come back', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}, { name: 'video', kind: 'ffmpeg', optional: true, dependsOn: [1] }])
    await test.finish(ada, await test.takeOne(ada))
    await test.settled()
    const { stalls } = test.farm.parts
    await stalls.check()
    expect(await test.status(job)).toBe('active')
    test.pass(test.settings.nobodyLeftMs + 1)
    await stalls.check()
    expect(await test.statuses(job)).toEqual(['completed', 'completed'])
    expect(await test.status(job)).toBe('completed')
    expect(await warnings(job)).toMatchObject([{ code: 'optional-task-failed' }])
  })
})
