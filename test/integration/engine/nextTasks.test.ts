/** The task that a busy worker holds as its next one: begun without asking, back at once when another worker wants it, never counted. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Assignment, Fence } from '../../../src/shared/schemas/agent.ts'
import type { TakeOptions } from '../../../src/main/engine/base/farmRecords.ts'
import type { JobState, WorkerState } from '../../../src/main/engine/base/model.ts'
import { TestFarm } from '../../support/testFarm.ts'

let test: TestFarm
beforeEach(async () => {
  test = await TestFarm.open()
})
afterEach(() => test.close())

const tasks = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `task ${index + 1}` }))
const fenceOf = ({ taskId, attempt }: Assignment): Fence => ({ taskId, attempt })
const started = () => ({ type: 'started' as const, at: test.time })

/** The call with which a worker says that it began something, and asks for a next task. */
function begins(worker: WorkerState, fence: Fence) {
  const report = { seq: worker.reportSeq + 1, taskId: fence.taskId, attempt: fence.attempt, event: started() }
  return test.farm.native.report(worker.publicId, [report], 0, { next: true })
}
/** One that is at a task and holds the next. */
async function holder(worker: WorkerState): Promise<{ at: Assignment; next: Assignment }> {
  const at = await test.takeOne(worker)
  const { next } = await begins(worker, at)
  if (!next) throw new Error(`there is no next task for ${worker.name}`)
  return { at, next }
}
const call = (worker: WorkerState, options: Partial<TakeOptions> = {}) =>
  test.farm.native.take(worker.publicId, { slots: 0, waitMs: 0, running: [], ...options })
const attemptsOf = (job: JobState) =>
  test.opened.read.all<{ number: number; status: string; started_at: number; worker_id: number }>(
    'select number, status, started_at, worker_id from attempts where job_id = ? order by id',
    [job.id],
  )

describe('a busy worker', () => {
  it('holds the next task, which stays queued; its attempt counts from its beginning', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(2))
    const { at, next } = await holder(ada)
    expect(await test.statuses(job)).toEqual(['active', 'queued'])
    expect(await attemptsOf(job)).toHaveLength(1)
    test.pass(3_600_000)
    await test.finish(ada, at)
    const reply = await begins(ada, next)
    expect(reply).toMatchObject({ stale: [], assignments: [] })
    expect(await test.statuses(job)).toEqual(['completed', 'active'])
    expect(await attemptsOf(job)).toMatchObject([{ status: 'completed' }, { number: 1, status: 'active', started_at: test.time }])
    await test.finish(ada, next)
    expect(await test.status(job)).toBe('completed')
  })

  it('receives the same again when the reply was lost, and holds one at most', async () => {
    const ada = await test.worker('ada')
    await test.submit(tasks(4))
    const { at, next } = await holder(ada)
    expect((await begins(ada, at)).next).toEqual(next)
  })

  it('is not given one while it has a slot free, nor one whose units are counted', async () => {
    const two = await test.worker('two', { capacity: 2 })
    await test.submit(tasks(3))
    expect((await begins(two, await test.takeOne(two))).next).toBeUndefined()
    const ada = await test.worker('ada', { kinds: ['other'] })
    await test.submit(
      tasks(3).map((task) => ({ ...task, kind: 'other' })),
      { maxWorkers: 1 },
    )
    expect((await begins(ada, await test.takeOne(ada))).next).toBeUndefined()
  })

  it('may begin it as soon as its call names it as running', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(2))
    const { at, next } = await holder(ada)
    await test.finish(ada, at)
    expect((await call(ada, { running: [fenceOf(next)] })).cancel).toEqual([])
    expect(await test.statuses(job)).toEqual(['completed', 'active'])
  })

  it('lets no time limit run while it holds it', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(2), { policyChanges: { maxRunMs: 60_000, maxSilenceMs: 60_000, touchTimeoutMs: 60_000 } })
    const { at, next } = await holder(ada)
    await test.finish(ada, at)
    test.pass(3_000_000)
    await test.farm.timers.checkTimeouts()
    expect(await test.statuses(job)).toEqual(['completed', 'queued'])
    // It was taken for lost meanwhile, and no other worker wanted it.
    expect((await begins(ada, next)).stale).toEqual([])
    expect(await test.statuses(job)).toEqual(['completed', 'active'])
  })
})

describe('a held task', () => {
  it('goes to a worker that waits, which it may have at once', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit(tasks(2))
    const { at, next } = await holder(ada)
    const open = call(ada, { waitMs: 20_000, running: [fenceOf(at)], holds: fenceOf(next) })
    const wanted = call(bob, { slots: 1, waitMs: 20_000 })
    expect((await open).recall).toEqual([fenceOf(next)])
    await call(ada, { running: [fenceOf(at)], returned: [fenceOf(next)] })
    expect((await wanted).assignments).toMatchObject([{ taskId: next.taskId, attempt: 1 }])
    expect(await attemptsOf(job)).toMatchObject([{ worker_id: ada.id }, { worker_id: bob.id }])
  })

  it('goes to a foreign worker that found nothing, when that asks again', async () => {
    const [ada, foreign] = [await test.worker('ada'), await test.foreignWorker('foreign')]
    await test.submit(tasks(2))
    const { at, next } = await holder(ada)
    const open = call(ada, { waitMs: 20_000, running: [fenceOf(at)], holds: fenceOf(next) })
    expect(await test.farm.foreign.schedule(foreign.publicId)).toBeUndefined()
    expect((await open).recall).toEqual([fenceOf(next)])
    await call(ada, { running: [fenceOf(at)], returned: [fenceOf(next)] })
    expect(await test.farm.foreign.schedule(foreign.publicId)).toMatchObject({ assignment: { taskId: next.taskId, attempt: 1 } })
  })

  it('that its worker begins while it is asked back is its own', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    await test.submit(tasks(2))
    const { at, next } = await holder(ada)
    const wanted = call(bob, { slots: 1, waitMs: 20_000 })
    await test.finish(ada, at)
    expect((await begins(ada, next)).stale).toEqual([])
    expect((await call(ada, { running: [fenceOf(next)], holds: fenceOf(next), returned: [fenceOf(next)] })).cancel).toEqual([])
    await test.farm.stop()
    expect((await wanted).assignments).toEqual([])
  })

  it('is not given to a busy worker while another one waits for it', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    await test.submit(tasks(1))
    const at = await test.takeOne(ada)
    const wanted = call(bob, { slots: 1, waitMs: 20_000 })
    await test.submit(tasks(1))
    expect((await begins(ada, at)).next).toBeUndefined()
    expect((await wanted).assignments).toHaveLength(1)
  })

  it('is asked back when something more urgent comes, which its worker gets first', async () => {
    const ada = await test.worker('ada')
    await test.submit(tasks(3))
    const { at, next } = await holder(ada)
    const open = call(ada, { waitMs: 20_000, running: [fenceOf(at)], holds: fenceOf(next) })
    const urgent = await test.submit(tasks(1), { priority: 90 })
    expect((await open).recall).toEqual([fenceOf(next)])
    await call(ada, { running: [fenceOf(at)], returned: [fenceOf(next)] })
    await test.finish(ada, at)
    expect(await test.takeOne(ada)).toMatchObject({ jobId: urgent.publicId })
    expect(await test.takeOne(ada)).toMatchObject({ taskId: next.taskId, attempt: 1 })
  })

  it.each([
    ['pause', ['active', 'paused']],
    ['cancel', ['canceled', 'canceled']],
  ] as const)('is not begun after its job received the action %s', async (action, statuses) => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(2))
    const { at, next } = await holder(ada)
    const open = call(ada, { waitMs: 20_000, running: [fenceOf(at)], holds: fenceOf(next) })
    await test.farm.jobs.act(job.publicId, action, 'test')
    expect((await open).recall).toEqual([fenceOf(next)])
    expect((await begins(ada, next)).stale).toEqual([fenceOf(next)])
    expect(await test.statuses(job)).toEqual(statuses)
    expect(await attemptsOf(job)).toHaveLength(1)
  })

  it('is asked back when its job is changed: its worker knows the job as it was', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(2))
    const { at, next } = await holder(ada)
    const open = call(ada, { waitMs: 20_000, running: [fenceOf(at)], holds: fenceOf(next) })
    await test.farm.jobs.change(job.publicId, { policy: { maxRunMs: 5_000 } })
    expect((await open).recall).toEqual([fenceOf(next)])
    await call(ada, { running: [fenceOf(at)], returned: [fenceOf(next)] })
    await test.finish(ada, at)
    expect(await test.takeOne(ada)).toMatchObject({ taskId: next.taskId, attempt: 1, maxRunMs: 5_000 })
  })

  it('is not begun after it was skipped by hand', async () => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(2))
    const { next } = await holder(ada)
    await test.farm.tasks.act(next.taskId, 'skip', 'test')
    expect((await begins(ada, next)).stale).toEqual([fenceOf(next)])
    expect(await test.statuses(job)).toEqual(['active', 'completed'])
  })

  it.each([
    ['signs off', (worker: WorkerState) => test.farm.workers.signOff(worker.publicId)],
    ['is started anew', (worker: WorkerState) => signOn(worker, [])],
    ['times out', timeOut],
  ])('is anyone’s again when its worker %s, and no try is counted', async (_, happens) => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(2))
    const { next } = await holder(ada)
    await happens(ada)
    const bob = await test.worker('bob')
    const got = [...(await test.take(bob, 1)), ...(await test.take(bob, 1))]
    expect(got).toContainEqual(expect.objectContaining({ taskId: next.taskId, attempt: 1 }))
    expect(await attemptsOf(job)).not.toContainEqual(expect.objectContaining({ number: 2, worker_id: ada.id }))
  })

  const signOn = (worker: WorkerState, running: Fence[]) =>
    test.farm.workers.signOn(worker.publicId, {
      name: worker.name,
      software: 'test',
      address: '127.0.0.1',
      kinds: ['misc'],
      canRestart: false,
      capacity: 1,
      running,
    })
  async function timeOut(): Promise<void> {
    test.pass(3_600_000)
    await test.farm.timers.checkTimeouts()
  }

  it('is taken from a worker that does not answer', async () => {
    const [ada, bob] = [await test.worker('ada'), await test.worker('bob')]
    await test.submit(tasks(2))
    const { at, next } = await holder(ada)
    const wanted = call(bob, { slots: 1, waitMs: 20_000 })
    await test.settled()
    test.pass(6_000)
    await test.farm.timers.checkTimeouts()
    expect((await wanted).assignments).toMatchObject([{ taskId: next.taskId, attempt: 1 }])
    await test.finish(ada, at)
    expect((await begins(ada, next)).stale).toEqual([fenceOf(next)])
  })

  it.each([
    ['a restart of the manager', () => test.restart()],
    ['a mass update of its job', growth],
  ])('that was begun is its worker’s own across %s', async (_, happens) => {
    const ada = await test.worker('ada')
    const job = await test.submit(tasks(3))
    const { at, next } = await holder(ada)
    await test.finish(ada, at)
    await happens(job)
    const again = test.again(ada)
    expect((await signOn(again, [fenceOf(next)])).keep).toEqual([fenceOf(next)])
    expect((await begins(again, next)).stale).toEqual([])
    expect((await test.statuses(job)).slice(0, 2)).toEqual(['completed', 'active'])
  })
  async function growth(job: JobState): Promise<void> {
    await test.farm.jobs.act(job.publicId, 'pause', 'test')
    await test.farm.jobs.act(job.publicId, 'resume', 'test')
  }

  it('is explained', async () => {
    const ada = await test.worker('ada')
    await test.submit(tasks(2))
    const { next } = await holder(ada)
    expect(await test.farm.tasks.explain(next.taskId)).toMatchObject({ summary: 'It waits: worker "ada" holds it as its next task.' })
  })
})
