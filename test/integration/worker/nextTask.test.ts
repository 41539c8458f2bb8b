/** A worker that holds its next task, with the real manager: no wait between two tasks, and no other worker kept waiting. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { workerParts } from '../../../src/main/worker/parts.ts'
import type { Task } from '../../../src/shared/schemas/jobs/task.ts'
import { LiveManager } from '../../support/liveManager.ts'
import { WorkerLab } from '../../support/workerParts.ts'

const soon = { timeout: 60_000, interval: 20 }

let manager: LiveManager
let lab: WorkerLab
let gates: string
beforeEach(async () => {
  manager = await LiveManager.start()
  lab = new WorkerLab()
  gates = await lab.folder()
})
afterEach(async () => {
  await lab.cleanUp()
  expect(manager.errors).toEqual([])
  await manager.stop()
})

/** Frames that each run until their gate is opened. */
async function submit(frames: number, priority = 50): Promise<string> {
  const command = `sh -c 'until [ -e "${gates}/$0" ]; do sleep 0.02; done' {frame}`
  const { id } = await manager.submit({ type: 'command-per-frame', settings: { command, frames: `1-${frames}` }, priority })
  return id
}
const open = (frame: number) => writeFile(join(gates, String(frame)), '')
const tasksOf = async (job: string): Promise<Task[]> => (await manager.get(`/jobs/${job}/tasks`)).body.items
const statuses = async (job: string) => (await tasksOf(job)).map(({ status }) => status)
/** Index of the task that is held, or -1. */
async function held(job: string): Promise<number> {
  const tasks = await tasksOf(job)
  const summaries = await Promise.all(tasks.map(async ({ id }) => (await manager.get(`/tasks/${id}/explain`)).body.summary as string))
  return summaries.findIndex((summary) => summary.includes('holds it as its next task'))
}

describe('a worker at work', () => {
  it('begins what it holds when it is done, and holds the one after that', async () => {
    await lab.start({ managerUrl: manager.url }, workerParts())
    const job = await submit(3)
    await expect.poll(() => held(job), soon).toBe(1)
    await expect.poll(() => statuses(job), soon).toEqual(['active', 'queued', 'queued'])
    await open(1)
    await expect.poll(() => held(job), soon).toBe(2)
    await expect.poll(() => statuses(job), soon).toEqual(['completed', 'active', 'queued'])
    await open(2)
    await open(3)
    await expect.poll(() => statuses(job), soon).toEqual(['completed', 'completed', 'completed'])
    const lists = await Promise.all((await tasksOf(job)).map(async ({ id }) => (await manager.get(`/tasks/${id}`)).body.attemptList))
    expect(lists.map((list) => list.length)).toEqual([1, 1, 1])
  })

  it('leaves what it holds to a worker that comes and has nothing to do', async () => {
    await lab.start({ managerUrl: manager.url, name: 'busy' }, workerParts())
    const job = await submit(2)
    await expect.poll(() => held(job), soon).toBe(1)
    await lab.start({ managerUrl: manager.url, name: 'idle' }, workerParts())
    await expect.poll(() => statuses(job), soon).toEqual(['active', 'active'])
    expect((await tasksOf(job)).map(({ worker }) => worker?.name)).toEqual(['busy', 'idle'])
    await open(1)
    await open(2)
    await expect.poll(() => statuses(job), soon).toEqual(['completed', 'completed'])
  })

  it('does what is more urgent first', async () => {
    await lab.start({ managerUrl: manager.url }, workerParts())
    const job = await submit(2)
    await expect.poll(() => held(job), soon).toBe(1)
    const urgent = await submit(1, 90)
    await expect.poll(() => held(job), soon).toBe(-1)
    await open(1)
    await expect.poll(() => statuses(urgent), soon).toEqual(['completed'])
    await open(2)
    await expect.poll(() => statuses(job), soon).toEqual(['completed', 'completed'])
  })

  it('begins nothing more once it was asked to rest after what runs', async () => {
    await lab.start({ managerUrl: manager.url }, workerParts())
    const job = await submit(2)
    await expect.poll(() => held(job), soon).toBe(1)
    const [worker] = (await manager.get('/workers')).body.items
    const asked = await manager.call('POST', `/workers/${worker.id}/actions`, { body: { status: 'asleep', lazy: true } })
    expect(asked.status).toBeLessThan(300)
    await expect.poll(() => held(job), soon).toBe(-1)
    await open(1)
    await expect.poll(async () => (await manager.get('/workers')).body.items[0].status, soon).toBe('asleep')
    expect(await statuses(job)).toEqual(['completed', 'queued'])
  })

  it('begins nothing of a job that was paused', async () => {
    await lab.start({ managerUrl: manager.url }, workerParts())
    const job = await submit(2)
    await expect.poll(() => held(job), soon).toBe(1)
    await manager.call('POST', `/jobs/${job}/actions`, { body: { action: 'pause' } })
    await open(1)
    await expect.poll(() => statuses(job), soon).toEqual(['completed', 'paused'])
    await manager.call('POST', `/jobs/${job}/actions`, { body: { action: 'resume' } })
    await open(2)
    await expect.poll(() => statuses(job), soon).toEqual(['completed', 'completed'])
  })
})
