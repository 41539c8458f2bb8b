/** A job that gets one task after another while it runs, as a mailbox does. */
import { afterEach, expect, it } from 'vitest'
import { TestFarm } from '../../support/testFarm.ts'
import { compileTasks } from '../../../src/main/engine/compile/compileTasks.ts'

let test: TestFarm
afterEach(() => test.close())

const COMMANDS = JSON.stringify({ commands: [{ name: 'echo', parameters: { message: 'x' }, totalStepCount: 1 }], holes: [] })

async function mailbox(): Promise<string> {
  const record = test.record({ name: 'mailbox' })
  const policy = { ...record.policy, restsAs: 'waiting for messages' }
  const job = await test.farm.jobs.submit(
    { ...record, policy, activity: policy.restsAs },
    { ...compileTasks([]), settings: {}, metadata: {}, templates: [COMMANDS] },
  )
  return job.publicId
}

const append = (job: string, input: string | null = null) =>
  test.farm.jobs.append(job, { name: 'message', kind: 'misc', priority: 50, input })

it('tasks run in the order in which they were added, and the job rests in between', async () => {
  test = await TestFarm.open()
  const worker = await test.worker('one')
  const job = await mailbox()
  expect((await test.farm.jobs.find(job))?.status).toBe('completed')
  expect(await Promise.all([append(job, '{"n":1}'), append(job), append(job)])).toEqual([1, 2, 3])
  expect((await test.farm.jobs.find(job))?.status).toBe('queued')
  const done = await test.work(worker)
  expect([...done].sort()).toEqual(done)
  expect(await test.farm.jobs.find(job)).toMatchObject({ status: 'completed', activity: expect.stringContaining('waiting for messages') })
  expect(await append(job)).toBe(4)
  expect(await test.work(worker)).toHaveLength(1)
})

it('more tasks than the window in memory holds are all handed out, in order, also those added while others run', async () => {
  test = await TestFarm.open()
  const worker = await test.worker('one', { capacity: 64 })
  const job = await mailbox()
  await Promise.all(Array.from({ length: 700 }, () => append(job)))
  const done: string[] = []
  for (let round = 0; round < 5; round++) {
    for (const assignment of await test.take(worker, 20)) {
      done.push(assignment.taskId)
      await test.finish(worker, assignment)
    }
    await Promise.all(Array.from({ length: 50 }, () => append(job)))
  }
  done.push(...(await test.work(worker)))
  expect(done).toHaveLength(950)
  expect(new Set(done).size).toBe(950)
  const job2 = await test.farm.jobs.find(job)
  expect(job2?.counts).toMatchObject({ queued: 0, completed: 950 })
})

it('what was added survives the end of the program, with its input and the counts', async () => {
  test = await TestFarm.open()
  const job = await mailbox()
  await append(job, '{"n":1}')
  await append(job, '{"n":2}')
  await test.restart()
  expect(await test.farm.jobs.find(job)).toMatchObject({ taskCount: 2, stepsTotal: 2, status: 'queued' })
  const rows = await test.opened.read.all<{ input: string }>('select input from tasks order by idx')
  expect(rows).toEqual([{ input: '{"n":1}' }, { input: '{"n":2}' }])
  const worker = await test.worker('one')
  expect(await test.work(worker)).toHaveLength(2)
})

it('a failure of one does not end the job, and a later one runs', async () => {
  test = await TestFarm.open()
  const worker = await test.worker('one')
  const job = await mailbox()
  await append(job)
  for (let tries = 0; tries < 3; tries++) {
    const [assignment] = await test.take(worker)
    if (assignment) await test.fail(worker, assignment)
  }
  expect(await test.farm.jobs.find(job)).toMatchObject({ status: 'completed', counts: { failed: 1 } })
  await append(job)
  expect(await test.work(worker)).toHaveLength(1)
})

it('a job that was deleted, or has no commands for it, takes none', async () => {
  test = await TestFarm.open()
  const job = await mailbox()
  await test.farm.jobs.act(job, 'delete', 'somebody')
  await expect(append(job)).rejects.toThrow('is deleted')
  await expect(append('11111111-1111-4111-8111-111111111111')).rejects.toThrow('not found')
})
