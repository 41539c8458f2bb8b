import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TestFarm } from '../../support/testFarm.ts'

let test: TestFarm
beforeEach(async () => {
  test = await TestFarm.open()
})
afterEach(() => test.close())

describe('handing out', () => {
  it('runs a job of one task from queued to completed', async () => {
    const worker = await test.worker('ada')
    const job = await test.submit([{}])
    const [assignment] = await test.take(worker)
    expect(assignment).toMatchObject({
      taskId: test.taskId(job, 1),
      attempt: 1,
      commands: [{ name: 'echo', parameters: { message: 'message 1' } }],
    })
    expect(await test.jobRow(job)).toMatchObject({ status: 'active', count_active: 1, count_queued: 0 })
    await test.finish(worker, assignment!)
    expect(await test.jobRow(job)).toMatchObject({ status: 'completed', count_completed: 1, steps_completed: 1 })
  })

  it('gives nothing to a worker that lacks the kind', async () => {
    const worker = await test.worker('ada', { kinds: ['other'] })
    await test.submit([{}])
    expect(await test.take(worker)).toEqual([])
  })

  it('prefers higher job priority, then higher task priority, then the older job', async () => {
    const worker = await test.worker('ada', { capacity: 10 })
    const old = await test.submit([{}], { name: 'old' })
    const urgent = await test.submit([{}], { priority: 80 })
    const keen = await test.submit([{ priority: 60 }, { priority: 70 }])
    const got = await test.take(worker, 10)
    expect(got.map(({ taskId }) => taskId)).toEqual([
      test.taskId(urgent, 1),
      test.taskId(keen, 2),
      test.taskId(keen, 1),
      test.taskId(old, 1),
    ])
  })

  it('holds a task back until all it depends on is completed', async () => {
    const worker = await test.worker('ada', { capacity: 10 })
    const job = await test.submit([{}, {}, { dependsOn: [1, 2] }])
    const first = await test.take(worker, 10)
    expect(first).toHaveLength(2)
    await test.finish(worker, first[0]!)
    expect(await test.take(worker, 10)).toEqual([])
    await test.finish(worker, first[1]!)
    await expect.poll(() => test.take(worker, 10)).toMatchObject([{ taskId: test.taskId(job, 3) }])
  })

  it('hands every task of a large job out exactly once, in order', async () => {
    const worker = await test.worker('ada', { capacity: 1000 })
    const job = await test.submit(Array.from({ length: 3000 }, () => ({})))
    const seen: string[] = []
    for (;;) {
      const got = await test.take(worker, 100)
      if (got.length === 0) break
      seen.push(...got.map(({ taskId }) => taskId))
      await Promise.all(got.map((assignment) => test.finish(worker, assignment)))
    }
    expect(seen).toEqual(Array.from({ length: 3000 }, (_, at) => test.taskId(job, at + 1)))
    expect(await test.jobRow(job)).toMatchObject({ status: 'completed', count_completed: 3000 })
  })

  it('gives a waiting worker the task as soon as it is submitted', async () => {
    const worker = await test.worker('ada')
    const reply = test.farm.native.take(worker.publicId, { slots: 1, waitMs: 10_000, running: [] })
    const job = await test.submit([{}])
    expect((await reply).assignments).toMatchObject([{ taskId: test.taskId(job, 1) }])
  })

  it('takes a task back when the client vanished while it was handed out', async () => {
    const worker = await test.worker('ada')
    const gone = new AbortController()
    const reply = test.farm.native.take(worker.publicId, { slots: 1, waitMs: 10_000, running: [] }, gone.signal)
    gone.abort()
    expect((await reply).assignments).toEqual([])
    const job = await test.submit([{}])
    expect(await test.take(worker)).toMatchObject([{ taskId: test.taskId(job, 1), attempt: 1 }])
  })
})

describe('after a restart of the manager', () => {
  it('keeps what runs with its worker and hands out the rest', async () => {
    const worker = await test.worker('ada', { capacity: 2 })
    const job = await test.submit([{}, {}, {}])
    const [running] = await test.take(worker)
    await test.restart()
    const again = test.farm.workers.find(worker.publicId)!
    const others = await test.take(again, 2)
    expect(others.map(({ taskId }) => taskId)).toEqual([test.taskId(job, 2), test.taskId(job, 3)])
    const reply = await test.finish(again, running!)
    expect(reply.stale).toEqual([])
    expect(await test.statuses(job)).toEqual(['completed', 'active', 'active'])
  })

  it('finishes a cancellation that a crash cut off', async () => {
    const job = await test.submit([{}, {}])
    await test.opened.writer.exclusive((tx) => tx.run(`update jobs set status = 'cancel-requested' where id = ?`, [job.id]))
    await test.restart()
    expect(await test.statuses(job)).toEqual(['canceled', 'canceled'])
    expect(await test.jobRow(job)).toMatchObject({ status: 'canceled', count_canceled: 2, count_queued: 0 })
  })

  it('forgets a job whose submission was cut off', async () => {
    const job = await test.submit([{}])
    await test.opened.writer.exclusive((tx) => tx.run(`update jobs set status = 'under-construction' where id = ?`, [job.id]))
    await test.restart()
    expect(await test.opened.read.all('select id from jobs')).toEqual([])
    expect(await test.opened.read.all('select id from tasks')).toEqual([])
  })
})
