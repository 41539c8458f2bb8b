import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JobState, WorkerState } from '../../../src/main/engine/base/model.ts'
import { findJobKey } from '../../../src/main/store/queries/jobs/jobDetail.ts'
import { warningsOfJob } from '../../../src/main/store/queries/jobs/warnings.ts'
import type { Fence } from '../../../src/shared/schemas/agent.ts'
import type { JobWarnings } from '../../../src/shared/schemas/jobs/warning.ts'
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

const warn = (worker: WorkerState, fence: Fence, text: string, more: { code?: string; count?: number; frames?: number[] } = {}) =>
  test.say(worker, fence, { type: 'warning', at: test.time, code: 'missing-file', text, count: 1, ...more })

async function warnings(job: JobState): Promise<JobWarnings> {
  const key = await findJobKey(test.opened.read, job.publicId)
  if (!key) throw new Error('the job is gone')
  return warningsOfJob(test.opened.read, { ...key, publicId: job.publicId }, 200)
}
const texts = async (job: JobState): Promise<string[]> => (await warnings(job)).items.map(({ text, count }) => `${text} ×${count}`)
const counted = async (job: JobState) => (await test.jobRow(job))['warning_count']

describe('warnings of a task', () => {
  it('stay with the job that completes; equal ones are one', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}, {}])
    for (const frames of [
      [2, 1],
      [1, 3],
    ]) {
      const task = await test.takeOne(ada)
      await warn(ada, task, 'a script failed', { code: 'script-error', frames })
      await warn(ada, task, 'a script failed', { code: 'script-error', count: 2 })
      await test.finish(ada, task)
    }
    expect(await test.status(job)).toBe('completed')
    expect(await warnings(job)).toMatchObject({
      total: 1,
      items: [{ code: 'script-error', text: 'a script failed', count: 6, frames: [1, 2, 3], taskCount: 2, taskId: test.taskId(job, 1) }],
    })
  })

  it.each(['missing-file', 'missing-library'])('of a %s count it once, with the tasks that miss it', async (code) => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}, {}, {}])
    await test.farm.results.warn(job.publicId, null, { code: 'missing-file', text: 'oak.png is missing' })
    for (let number = 1; number <= 3; number++) {
      const task = await test.takeOne(ada)
      await warn(ada, task, 'wood is missing', { code })
      await test.finish(ada, task)
    }
    expect((await warnings(job)).items).toMatchObject([
      { text: 'oak.png is missing', count: 1, taskCount: 0 },
      { text: 'wood is missing', count: 1, taskCount: 3 },
    ])
  })

  it('count once what the look into the scene had reported of the job before', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}])
    await test.farm.results.warn(job.publicId, null, { code: 'missing-file', text: 'oak.png is missing' })
    expect(await texts(job)).toEqual(['oak.png is missing ×1'])
    const task = await test.takeOne(ada)
    await warn(ada, task, 'oak.png is missing')
    await test.finish(ada, task)
    expect((await warnings(job)).items).toMatchObject([{ text: 'oak.png is missing', count: 1, taskCount: 1 }])
    expect(await counted(job)).toBe(1)
  })

  it('are cleared when the task or its job is requeued, and when another attempt begins', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob', { capacity: 2 })]
    const job = await test.submit([{}, {}])
    const first = await test.takeOne(ada)
    await warn(ada, first, 'of the first attempt')
    await test.fail(ada, first)
    // The failed attempt's words stay for as long as there is no other.
    expect(await texts(job)).toEqual(['of the first attempt ×1'])
    // Untried tasks go first; bob gets both.
    const taken = await test.take(bob, 2)
    const second = taken.find(({ taskId }) => taskId === first.taskId)
    const other = taken.find(({ taskId }) => taskId !== first.taskId)
    if (!second || !other) throw new Error('bob did not get both tasks')
    expect(await texts(job)).toEqual([])
    await warn(bob, second, 'of the second')
    await test.finish(bob, second)
    await warn(bob, other, 'of the other')
    await test.finish(bob, other)
    expect(await counted(job)).toBe(2)
    await test.farm.tasks.act(first.taskId, 'requeue', 'tester')
    expect(await texts(job)).toEqual(['of the other ×1'])
    await test.farm.jobs.act(job.publicId, 'requeue', 'tester')
    expect(await counted(job)).toBe(0)
  })

  it('of an attempt that is lost do not count, whichever commit they come in', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}])
    const task = await test.takeOne(ada)
    await Promise.all([warn(ada, task, 'too late'), test.farm.workers.signOff(ada.publicId)])
    expect(await test.statuses(job)).toEqual(['queued'])
    expect(await texts(job)).toEqual([])
    await test.farm.workers.signOn(ada.publicId, { name: 'ada', software: '', address: '', kinds: ['misc'], canRestart: false })
    await test.farm.workers.changedStatus(ada.publicId, 'awake')
    const again = await test.takeOne(ada)
    // A late one of the lost attempt.
    await warn(ada, task, 'too late')
    await test.finish(ada, again)
    expect(await texts(job)).toEqual([])
  })

  it('are announced once to each listener, after the commit', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}])
    const task = await test.takeOne(ada)
    const events = test.events()
    await warn(ada, task, 'wood.png is missing')
    await test.settled()
    expect(events.filter((event) => event.type === 'warning')).toEqual([
      {
        type: 'warning',
        at: test.time,
        jobId: job.publicId,
        taskId: task.taskId,
        code: 'missing-file',
        text: 'wood.png is missing',
        count: 1,
      },
    ])
  })

  it('outlive a restart of the manager, and go with their job', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}])
    const task = await test.takeOne(ada)
    await warn(ada, task, 'wood.png is missing')
    await test.finish(ada, task)
    await test.restart()
    expect(await counted(job)).toBe(1)
    await test.opened.store.purgeJob(job.id)
    expect(await test.opened.read.all('select * from warnings')).toEqual([])
  })
})

describe('what the manager itself warns of', () => {
  it('is of the job, or of the task as of its last attempt', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}])
    await test.farm.results.warn(job.publicId, null, { code: 'output-shared', text: 'the folder is used by another job' })
    const task = await test.takeOne(ada)
    await test.finish(ada, task)
    await test.farm.results.warn(job.publicId, 1, { code: 'frame-suspect', text: 'frame 1 is black', frames: [1] })
    expect((await warnings(job)).items).toMatchObject([
      { code: 'output-shared', taskCount: 0, taskId: null },
      { code: 'frame-suspect', taskCount: 1, taskId: task.taskId, frames: [1] },
    ])
    await expect(test.farm.results.warn(job.publicId, 7, { code: 'frame-suspect', text: 'x' })).rejects.toThrow('not found')
  })

  it('is dropped without harm when the job is gone by then', async () => {
    const job = await test.submit([{}])
    await Promise.all([test.opened.store.purgeJob(job.id), test.farm.results.warn(job.publicId, null, { code: 'render-note', text: 'x' })])
    await test.farm.results.warn(job.publicId, null, { code: 'render-note', text: 'x' }).catch(() => undefined)
    expect(await test.opened.read.all('select * from warnings')).toEqual([])
  })
})
