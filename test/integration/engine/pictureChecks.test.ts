import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JobState, WorkerState } from '../../../src/main/engine/base/model.ts'
import { suspectPage } from '../../../src/main/store/queries/tasks/suspects.ts'
import { parseTaskId } from '../../../src/shared/ids.ts'
import type { Policy } from '../../../src/shared/policy.ts'
import type { Assignment, Fence } from '../../../src/shared/schemas/agent.ts'
import { violations } from '../../support/invariants.ts'
import { TestFarm } from '../../support/testFarm.ts'

const GOOD = { bytes: 900_000, facts: { allBlack: false, oneColour: false } }
const BLACK = { bytes: 8_000, facts: { allBlack: true, oneColour: true } }
type Picture = Partial<typeof GOOD> & { sameAsBefore?: boolean }

let test: TestFarm
beforeEach(async () => {
  test = await TestFarm.open({}, 'pictures')
})
afterEach(async () => {
  expect(await violations(test)).toEqual({})
  await test.close()
})

const frameOf = ({ taskId }: Fence) => parseTaskId(taskId)?.index ?? 0

/** The worker's next task, as soon as there is one: what sends a task out again works on after the job's status is on disk. */
async function next(worker: WorkerState): Promise<Assignment> {
  const taken: Assignment[] = []
  await expect.poll(async () => taken.push(...(await test.take(worker)))).toBeGreaterThan(0)
  const [task] = taken
  if (!task) throw new Error('there is no task')
  return task
}

/** Renders every task that the worker is given; `picture` by frame number. */
async function render(worker: WorkerState, tasks: number, picture: (frame: number) => Picture): Promise<Assignment[]> {
  const done: Assignment[] = []
  while (done.length < tasks) {
    const task = await next(worker)
    const frame = frameOf(task)
    const event = { path: `/out/f_${frame}.png`, frame, width: 64, height: 48, renderedMs: 1_000, bytes: null, ...picture(frame) }
    await test.say(worker, task, { type: 'output', at: test.time, ...event })
    await test.finish(worker, task)
    done.push(task)
  }
  return done
}
const submit = (pictureChecks?: Policy['pictureChecks'], record: Parameters<TestFarm['submit']>[1] = {}): Promise<JobState> =>
  test.submit(
    Array.from({ length: 7 }, () => ({})),
    { policyChanges: pictureChecks === undefined ? {} : { pictureChecks }, ...record },
  )
const suspects = async (job: JobState) => (await suspectPage(test.opened.read, job.publicId, 100)).items
const blackFourth = (frame: number): Picture => (frame === 4 ? BLACK : GOOD)
const completed = (job: JobState) => expect.poll(() => test.status(job)).toBe('completed')
/** The job is compared, and runs on. */
const runsOn = (job: JobState) => expect.poll(() => test.statuses(job)).toContain('queued')

/** The job's own warnings of such frames. */
async function said(job: JobState): Promise<{ text: string; count: number; frames: unknown }[]> {
  await test.opened.store.durable()
  const rows = await test.opened.read.all<{ text: string; count: number; frames: string }>(
    `select text, count, frames from warnings where job_id = ? and task_id is null and code = 'frame-suspect' order by id`,
    [job.id],
  )
  return rows.map(({ frames, ...row }) => ({ ...row, frames: JSON.parse(frames) }))
}
const ends = async (job: JobState) =>
  (await test.opened.read.all<{ payload: string }>(`select payload from outbox where kind = 'job-ended'`)).filter(({ payload }) =>
    payload.includes(job.publicId),
  ).length

describe('frames that may be wrong', () => {
  it('are warned of when the job completes, and shown with the frames beside them', async () => {
    const job = await submit()
    await render(await test.worker('ada'), 7, blackFourth)
    await completed(job)
    expect(await said(job)).toEqual([{ text: expect.stringContaining('all black'), count: 1, frames: [4] }])
    const [suspect, ...others] = await suspects(job)
    expect(others).toEqual([])
    expect(suspect).toMatchObject({
      reason: 'all-black',
      frame: { frame: 4 },
      before: [{ frame: 2 }, { frame: 3 }],
      after: [{ frame: 5 }, { frame: 6 }],
    })
  })

  it('are warned of before the job is reported as completed', async () => {
    const job = await submit()
    const order: string[] = []
    test.farm.onAny((event) => {
      if (event.type === 'warning') order.push('warning')
      if (event.type === 'job' && event.status === 'completed' && event.previousStatus !== null) order.push('completed')
    })
    await render(await test.worker('ada'), 7, blackFourth)
    await completed(job)
    await test.settled()
    expect(order).toEqual(['warning', 'completed'])
  })

  it('are ignored where the job says so', async () => {
    const job = await submit('off')
    await render(await test.worker('ada'), 7, blackFourth)
    await completed(job)
    expect(await said(job)).toEqual([])
    expect(await suspects(job)).toEqual([])
  })

  it('are warned of no more when a person had them rendered again and they are good', async () => {
    const ada = await test.worker('ada')
    const job = await submit()
    await render(ada, 7, blackFourth)
    await completed(job)
    await test.farm.tasks.act(test.taskId(job, 4), 'requeue', 'tester')
    await render(ada, 1, () => GOOD)
    await completed(job)
    expect(await said(job)).toEqual([])
  })

  it('are warned of once, however often the job runs', async () => {
    const ada = await test.worker('ada')
    const job = await submit()
    await render(ada, 7, blackFourth)
    await completed(job)
    await test.farm.jobs.act(job.publicId, 'requeue', 'tester')
    await render(ada, 7, blackFourth)
    await completed(job)
    expect(await said(job)).toMatchObject([{ count: 1, frames: [4] }])
  })
})

describe('frames that may be wrong, with one more try', () => {
  it('are rendered by another worker before the job is completed; a better picture ends it', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await submit('retry', { watched: { job: true } })
    const dependent = await test.submit([{}], { dependsOn: [job.publicId] })
    const events = test.events()
    await render(ada, 7, blackFourth)
    await runsOn(job)
    expect(await test.status(job)).toBe('active')
    expect(await ends(job)).toBe(0)
    expect(await test.take(ada)).toEqual([])
    const [again] = await render(bob, 1, () => GOOD)
    expect(again?.existing).toEqual({ mode: 'replace', compare: true })
    await completed(job)
    expect(await said(job)).toEqual([])
    expect(await suspects(job)).toEqual([])
    // One message, one end, and nothing that waited for it began too early.
    expect(await ends(job)).toBe(1)
    expect(events.filter((event) => event.type === 'job' && event.jobId === job.publicId && event.status === 'completed')).toHaveLength(1)
    await expect.poll(() => test.take(ada)).toMatchObject([{ jobId: dependent.publicId }])
    await test.finish(ada, { taskId: test.taskId(dependent, 1), attempt: 1 })
  })

  it('are rendered anew also where whole frames are kept', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await submit('retry', { keepWholeFrames: true })
    await render(ada, 7, blackFourth)
    await runsOn(job)
    const [again] = await render(bob, 1, () => GOOD)
    expect(again?.existing).toEqual({ mode: 'replace', compare: true })
    await completed(job)
  })

  it('are accepted when the other worker makes the same picture', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await submit('retry')
    await render(ada, 7, blackFourth)
    await runsOn(job)
    await render(bob, 1, () => ({ ...BLACK, bytes: 8_010, sameAsBefore: true }))
    await completed(job)
    expect(await said(job)).toEqual([])
    expect(await suspects(job)).toEqual([])
  })

  it('are accepted still when the same picture is kept by a further attempt', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await submit('retry')
    await render(ada, 7, blackFourth)
    await runsOn(job)
    const second = await next(bob)
    const file = { path: '/out/f_4.png', frame: 4, width: 64, height: 48, renderedMs: 1_000, bytes: 8_000 }
    await test.say(bob, second, { type: 'output', at: test.time, ...file, facts: BLACK.facts, sameAsBefore: true })
    await test.fail(bob, second)
    const third = await next(bob)
    await test.say(bob, third, { type: 'output', at: test.time, ...file, kept: true })
    await test.finish(bob, third)
    await completed(job)
    expect(await said(job)).toEqual([])
  })

  it.each([
    ['another picture of the same size', { ...BLACK, sameAsBefore: false }, 'all black'],
    ['one that could not be compared', BLACK, 'all black'],
    [
      'one that is wrong in another way',
      { bytes: 20_000, facts: { allBlack: false, oneColour: true }, sameAsBefore: false },
      'single colour',
    ],
  ])('are tried once: %s is warned of', async (_, picture, words) => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await submit('retry')
    await render(ada, 7, blackFourth)
    await runsOn(job)
    await render(bob, 1, () => picture)
    await completed(job)
    expect(await said(job)).toEqual([{ text: expect.stringContaining(words), count: 1, frames: [4] }])
  })

  it('are warned of when no other worker could render them', async () => {
    const job = await submit('retry')
    await render(await test.worker('ada'), 7, blackFourth)
    await completed(job)
    expect(await said(job)).toHaveLength(1)
  })

  it('leave no job active for ever when the manager dies as the last task ends and another was canceled', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([{}, {}])
    const first = await next(ada)
    await test.farm.tasks.act(first.taskId, 'cancel', 'tester')
    await test.finish(ada, first, 'stopped', null)
    const last = await next(ada)
    await test.say(ada, last, {
      type: 'output',
      at: test.time,
      path: '/out/f.png',
      frame: 2,
      width: 64,
      height: 48,
      renderedMs: 1,
      ...GOOD,
    })
    const dead = test.dieAfter(1)
    void test.finish(ada, last)
    await dead
    await test.revive()
    await completed(job)
  })

  it('are tried also when the manager was restarted as the last task ended', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await submit('retry')
    await render(ada, 6, blackFourth)
    const last = await next(ada)
    await test.say(ada, last, {
      type: 'output',
      at: test.time,
      path: '/out/f_7.png',
      frame: 7,
      width: 64,
      height: 48,
      renderedMs: 1,
      ...GOOD,
    })
    // All that the end of the last task brings with it is on disk; what it sets off is not.
    const dead = test.dieAfter(1)
    void test.finish(ada, last)
    await dead
    await test.revive()
    expect(await ends(job)).toBe(0)
    await runsOn(job)
    await render(test.again(bob), 1, () => GOOD)
    await completed(job)
    expect(await suspects(job)).toEqual([])
  })
})
