/** Applications that workers keep open, as the engine sees them: who gets which task, what is stored, when they are over. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { WarmAppReport } from '../../../src/shared/schemas/warmApp.ts'
import type { JobState, WorkerState } from '../../../src/main/engine/base/model.ts'
import { START, TestFarm } from '../../support/testFarm.ts'

let test: TestFarm
beforeEach(async () => {
  test = await TestFarm.open()
})
afterEach(() => test.close())

const tasks = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `task ${index + 1}` }))

function session(job: JobState, changes: Partial<WarmAppReport> = {}): WarmAppReport {
  return {
    id: '5e55a0aa-0000-4000-8000-000000000001',
    jobId: job.publicId,
    kind: 'misc',
    title: 'Blender, scene.blend',
    state: 'idle',
    openedAt: START,
    closedAt: null,
    reason: '',
    tasks: 1,
    frames: 1,
    memoryBytes: 1000,
    ...changes,
  }
}
const tell = (worker: WorkerState, ...sessions: WarmAppReport[]) =>
  test.farm.native.take(worker.publicId, { slots: 0, waitMs: 0, running: [], sessions })
const wait = (worker: WorkerState) => test.farm.native.take(worker.publicId, { slots: 1, waitMs: 20_000, running: [] })
const stored = () => test.opened.read.all<{ phase: string; detail: string }>('select phase, detail from sessions order by id')

describe('workers that wait', () => {
  async function farmWithJob() {
    const [warm, cold] = [await test.worker('warm'), await test.worker('cold')]
    const job = await test.submit(tasks(2))
    const first = await test.takeOne(warm)
    await tell(warm, session(job, { state: 'busy' }))
    return { warm, cold, job, first }
  }

  it('get a task of a job in the order of who has its scene open', async () => {
    const { warm, cold, first, job } = await farmWithJob()
    await test.finish(warm, first)
    await test.farm.jobs.act(job.publicId, 'pause', 'test')
    // It waits longer, and has nothing open.
    const longest = wait(cold)
    const later = wait(warm)
    await test.farm.jobs.act(job.publicId, 'resume', 'test')
    expect((await later).assignments).toMatchObject([{ jobId: job.publicId }])
    await test.farm.stop()
    expect((await longest).assignments).toEqual([])
  })

  it('do not keep the job whose turn it is waiting for one that has another scene open', async () => {
    const { warm, first } = await farmWithJob()
    const urgent = await test.submit(tasks(1), { priority: 90 })
    await test.finish(warm, first)
    expect((await test.take(warm)).map(({ jobId }) => jobId)).toEqual([urgent.publicId])
  })
})

describe('a session that a worker reports', () => {
  it('is stored, survives a restart, and is closed when the worker no longer names it', async () => {
    const worker = await test.worker('ada')
    const job = await test.submit(tasks(1))
    await test.takeOne(worker)
    await tell(worker, session(job, { state: 'busy' }))
    await test.restart()
    expect(test.farm.warmApps.openOn(job.id)).toMatchObject([{ name: 'ada' }])
    await tell(test.again(worker))
    expect(test.farm.warmApps.openOn(job.id)).toEqual([])
    expect(await stored()).toEqual([{ phase: 'closed', detail: 'the worker no longer has it' }])
  })

  it('is over when the job has nothing left for it, and says so to the worker', async () => {
    const worker = await test.worker('ada')
    const job = await test.submit(tasks(1))
    const assignment = await test.takeOne(worker)
    expect((await tell(worker, session(job, { state: 'busy' }))).closeWarmApps).toBeUndefined()
    await test.finish(worker, assignment)
    expect((await tell(worker, session(job))).closeWarmApps).toEqual([job.publicId])
    expect((await tell(worker, session(job, { state: 'closed', closedAt: START + 5, reason: 'over' }))).closeWarmApps).toBeUndefined()
    expect(await stored()).toEqual([{ phase: 'closed', detail: 'over' }])
  })

  it('ends the wait of its worker at once when its job is cancelled', async () => {
    const worker = await test.worker('ada')
    const job = await test.submit(tasks(3))
    await test.takeOne(worker)
    await tell(worker, session(job))
    await test.farm.jobs.act(job.publicId, 'pause', 'test')
    const reply = test.farm.native.take(worker.publicId, { slots: 0, waitMs: 20_000, running: [] })
    await test.farm.jobs.act(job.publicId, 'cancel', 'test')
    expect((await reply).closeWarmApps).toEqual([job.publicId])
  })

  it('goes with its worker', async () => {
    const worker = await test.worker('ada')
    const job = await test.submit(tasks(1))
    await tell(worker, session(job))
    await test.farm.workers.signOff(worker.publicId)
    await test.settled()
    expect(await stored()).toEqual([{ phase: 'closed', detail: 'the worker is offline' }])
  })

  it('of a job that is not known is left alone', async () => {
    const worker = await test.worker('ada')
    const job = await test.submit(tasks(1))
    await tell(worker, session({ ...job, publicId: '00000000-0000-4000-8000-000000000000' }))
    expect(await stored()).toEqual([])
  })
})
