/** What attempts learn about existing files: first runs, retries, requeues by people, single frames. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConflictError, InvalidInputError } from '../../../src/main/engine/base/errors.ts'
import type { Fence } from '../../../src/shared/schemas/agent.ts'
import type { WorkerState } from '../../../src/main/engine/base/model.ts'
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

const renders = (frames: string) => ({
  commands: [{ name: 'trace-frames', parameters: { frames, outputDir: '/r' }, totalStepCount: 0 }],
})
const INPUTS = { command: 'c', program: 'p', files: [] }

async function saves(worker: WorkerState, fence: Fence, frame: number): Promise<void> {
  const file = { path: `/r/${frame}.png`, frame, bytes: 9, width: 4, height: 4, renderedMs: 1, sha256: 'h', modifiedAt: 5 }
  await test.say(worker, fence, { type: 'output', at: test.time, check: 'whole', ...file })
}
const framesOf = (assignment: { commands: { parameters: Record<string, unknown> }[] }) =>
  assignment.commands.map(({ parameters }) => parameters['frames'])

describe('files that are there', () => {
  it('are replaced by a first run, and known to a retry with what they were made from', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    await test.submit([renders('1-3')])
    const first = await test.takeOne(ada)
    expect(first.existing).toBeUndefined()
    await test.say(ada, first, { type: 'inputs', at: test.time, inputs: INPUTS })
    await saves(ada, first, 1)
    await test.fail(ada, first)
    const second = await test.takeOne(bob)
    expect(second.existing).toMatchObject({
      mode: 'keep-proven',
      known: [{ path: '/r/1.png', frame: 1, sha256: 'h', inputs: INPUTS, rejected: false }],
    })
  })

  it('are replaced again when a person requeues the task, also after a restart; the attempt after that knows only what came since', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([renders('1-3')])
    const first = await test.takeOne(ada)
    await saves(ada, first, 1)
    await test.finish(ada, first)
    await test.farm.tasks.act(test.taskId(job, 1), 'requeue', 'tester')
    await test.restart()
    const again = await test.takeOne(test.again(ada))
    expect(again).toMatchObject({ attempt: 2 })
    expect(again.existing).toBeUndefined()
    await saves(test.again(ada), again, 2)
    await test.finish(test.again(ada), again, 'lost', null)
    const third = await test.takeOne(test.again(ada))
    expect(third.existing).toMatchObject({ mode: 'keep-proven', known: [{ frame: 2 }] })
  })

  it.each(['requeue', 'requeue-failed'] as const)('are replaced after "%s" of the job', async (action) => {
    const ada = await test.worker('ada')
    const job = await test.submit([renders('1')], { policyChanges: { failAfterWorkers: 1 } })
    await test.fail(ada, await test.takeOne(ada))
    await test.farm.jobs.act(job.publicId, action, 'tester')
    expect((await test.takeOne(ada)).existing).toBeUndefined()
  })

  it('stay when they are whole where the job, or the person who requeues, wants that', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([renders('1')], { keepWholeFrames: true })
    const first = await test.takeOne(ada)
    expect(first.existing).toEqual({ mode: 'keep-whole' })
    await test.finish(ada, first)
    await test.farm.jobs.act(job.publicId, 'requeue', 'tester', { keepWholeFrames: false })
    const second = await test.takeOne(ada)
    expect(second.existing).toBeUndefined()
    await test.finish(ada, second)
    await test.farm.jobs.change(job.publicId, { keepWholeFrames: false })
    await test.farm.tasks.act(test.taskId(job, 1), 'requeue', 'tester', { keepWholeFrames: true })
    expect((await test.takeOne(ada)).existing).toEqual({ mode: 'keep-whole' })
  })
})

describe('single frames', () => {
  it('are rendered alone, in the tasks that they belong to', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([renders('1-5'), renders('6-10')])
    await test.work(ada)
    await test.farm.jobs.act(job.publicId, 'requeue', 'tester', { frames: [5, 4, 7] })
    expect(await test.statuses(job)).toEqual(['queued', 'queued'])
    const [first, second] = [await test.takeOne(ada), undefined]
    expect(framesOf(first)).toEqual(['4,5'])
    await test.finish(ada, first)
    const other = second ?? (await test.takeOne(ada))
    expect(framesOf(other)).toEqual(['7'])
    await test.finish(ada, other)
    expect(await test.status(job)).toBe('completed')
    // The next requeue is of all frames again.
    await test.farm.tasks.act(test.taskId(job, 1), 'requeue', 'tester')
    expect(framesOf(await test.takeOne(ada))).toEqual(['1-5'])
  })

  it('of a task that owes others bring these along: it ends only when all of its frames are there', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([renders('1-4')], { policyChanges: { failAfterWorkers: 1 } })
    const first = await test.takeOne(ada)
    for (const frame of [1, 2, 3]) await saves(ada, first, frame)
    await test.fail(ada, first)
    await test.farm.tasks.act(test.taskId(job, 1), 'requeue', 'tester', { frames: [2] })
    expect(framesOf(await test.takeOne(ada))).toEqual(['2,4'])
  })

  it('that no task renders, and jobs that do not say what they render, are refused by name', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit([renders('1-4')])
    const other = await test.submit([{}])
    await test.work(ada)
    const pick = (jobId: string, frames: number[]) => test.farm.jobs.act(jobId, 'requeue', 'tester', { frames })
    await expect(pick(job.publicId, [9])).rejects.toThrow(new InvalidInputError('frames', 'no task of the job renders frame 9'))
    await expect(pick(other.publicId, [1])).rejects.toThrow(ConflictError)
    await expect(test.farm.jobs.act(job.publicId, 'pause', 'tester', { frames: [1] })).rejects.toThrow(InvalidInputError)
  })
})
