/** Open applications with the real manager: reported, shown, closed, and what a kill -9 of the worker or the manager leaves. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { LiveManager } from '../../support/liveManager.ts'
import { portToComeBackTo } from '../../support/ports.ts'
import { makeBlend } from '../../support/makeBlend.ts'
import { requirePart } from '../../support/parts.ts'
import { WorkerLab } from '../../support/workerParts.ts'
import { workerParts } from '../../../src/main/worker/parts.ts'
import type { Job } from '../../../src/shared/schemas/jobs/job.ts'
import type { Session } from '../../../src/shared/schemas/warmApp.ts'

const blender = requirePart('blender')
const soon = { timeout: 120_000, interval: 50 }

let manager: LiveManager
let lab: WorkerLab
const children: ChildProcess[] = []
beforeEach(async () => {
  manager = await LiveManager.start({ listen: { host: '127.0.0.1', port: await portToComeBackTo() } })
  lab = new WorkerLab()
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await lab.cleanUp()
  expect(manager.errors).toEqual([])
  await manager.stop()
})

async function submit(
  frames: string,
  options: { slow?: string; policy?: object; priority?: number } = {},
): Promise<{ job: Job; output: string }> {
  const output = await lab.folder()
  const blendfile = await makeBlend(blender.path, options.slow === undefined ? {} : { slow: options.slow })
  const job = await manager.submit({
    type: 'simple-blender-render',
    settings: {
      frames,
      chunk_size: 1,
      render_output_root: output,
      add_path_components: 0,
      render_output_path: join(output, '######'),
      blendfile,
      fps: 0,
      format: 'PNG',
      image_file_extension: '.png',
      scene: 'Scene',
    },
    ...(options.priority !== undefined && { priority: options.priority }),
    ...(options.policy !== undefined && { policy: options.policy }),
  })
  return { job, output }
}

/** Starts a worker that can be killed. */
async function workerProcess(): Promise<ChildProcess> {
  const program = join(import.meta.dirname, '../../support/workerProcess.ts')
  const child = spawn(process.execPath, ['--import', 'tsx', program, manager.url, await lab.folder()], { stdio: 'ignore' })
  children.push(child)
  return child
}

const statusOf = async (id: string): Promise<string> => (await manager.get(`/jobs/${id}`)).body.status
const sessionsOf = async (id: string): Promise<Session[]> => (await manager.get(`/jobs/${id}/sessions`)).body.items
const completed = async (id: string): Promise<number> => (await manager.get(`/jobs/${id}`)).body.counts.completed

/** The Blender that the worker's ledger names, once there is one. */
async function blenderOf(child: ChildProcess): Promise<number[]> {
  const list = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').catch(() => '')
  const found: number[] = []
  for (const pid of list.split(' ').filter(Boolean)) {
    if ((await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes('blender_bridge')) found.push(Number(pid))
  }
  return found
}
async function lives(pid: number): Promise<boolean> {
  return existsSync(`/proc/${pid}`) && !(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z ')).includes(') Z ')
}

blender.describe('applications that stay open, at a manager', () => {
  it('serve all tasks of a job, are shown while they are open, and close with it', async () => {
    await lab.start({ managerUrl: manager.url }, workerParts())
    const { job } = await submit('1-4', { slow: '4' })
    await expect.poll(async () => (await sessionsOf(job.id)).map(({ state }) => state), soon).not.toEqual([])
    const [shown] = (await manager.get('/workers')).body.items
    expect(shown.sessions).toMatchObject([{ jobId: job.id, kind: 'blender', title: expect.stringMatching(/^Blender, .*\.blend$/) }])
    const explained = (await manager.get(`/jobs/${job.id}/explain`)).body
    expect(explained.openOn).toEqual([{ id: shown.id, name: shown.name }])
    await expect.poll(() => statusOf(job.id), soon).toBe('completed')
    await expect
      .poll(async () => (await sessionsOf(job.id)).map(({ state, reason }) => ({ state, reason })), soon)
      .toEqual([{ state: 'closed', reason: 'its job no longer needs it' }])
    expect(await sessionsOf(job.id)).toMatchObject([{ tasks: 4, frames: 4, worker: { name: 'tester' } }])
    const { items } = (await manager.get(`/jobs/${job.id}/tasks`)).body
    const attempts = await Promise.all(items.map(async ({ id }: { id: string }) => (await manager.get(`/tasks/${id}`)).body.attemptList))
    expect(
      attempts.map((list) => list.map(({ status, exitCode }: { status: string; exitCode: number }) => ({ status, exitCode }))),
    ).toEqual(Array.from({ length: 4 }, () => [{ status: 'completed', exitCode: 0 }]))
    const frames = (await manager.get(`/jobs/${job.id}/frames`)).body.items
    expect(frames.map(({ frame, renderedMs }: { frame: number; renderedMs: number }) => [frame, renderedMs > 0])).toEqual(
      [1, 2, 3, 4].map((n) => [n, true]),
    )
    await expect.poll(async () => (await manager.get(`/jobs/${job.id}/frames?ready=true`)).body.total, soon).toBe(4)
  })

  it('are not opened for a job that wants fresh processes', async () => {
    await lab.start({ managerUrl: manager.url }, workerParts())
    const { job } = await submit('1', { policy: { sessions: false } })
    await expect.poll(() => statusOf(job.id), soon).toBe('completed')
    expect(await sessionsOf(job.id)).toEqual([])
  })

  it('make way for a job of higher priority', async () => {
    await lab.start({ managerUrl: manager.url }, workerParts())
    const { job } = await submit('1-40', { slow: '4' })
    await expect.poll(() => completed(job.id), soon).toBeGreaterThan(0)
    const { job: urgent } = await submit('1', { priority: 90 })
    await expect.poll(() => statusOf(urgent.id), soon).toBe('completed')
    expect(await completed(job.id)).toBeLessThan(40)
    await expect
      .poll(async () => (await sessionsOf(job.id)).map(({ reason }) => reason), soon)
      .toContain('the worker needs the memory for other tasks')
    await manager.call('POST', `/jobs/${job.id}/actions`, { body: { action: 'cancel' } })
  })

  it('go with a worker that is killed; the next one renders what it had, and no worker is blamed', async () => {
    const first = await workerProcess()
    const { job } = await submit('1-3', { slow: '12' })
    await expect.poll(() => completed(job.id), soon).toBe(1)
    const pids = await blenderOf(first)
    expect(pids).toHaveLength(1)
    first.kill('SIGKILL')
    await once(first, 'exit')
    await expect.poll(async () => Promise.all(pids.map(lives)), soon).toEqual([false])
    await manager.call('POST', `/jobs/${job.id}/actions`, { body: { action: 'pause' } })
    await manager.call('DELETE', `/workers/${(await manager.get('/workers')).body.items[0].id}`)
    await expect.poll(async () => (await sessionsOf(job.id)).map(({ state }) => state), soon).toEqual(['closed'])
    await manager.call('POST', `/jobs/${job.id}/actions`, { body: { action: 'resume' } })
    await workerProcess()
    await expect.poll(() => statusOf(job.id), soon).toBe('completed')
    const { items } = (await manager.get(`/jobs/${job.id}/tasks`)).body
    expect(items.map(({ status }: { status: string }) => status)).toEqual(['completed', 'completed', 'completed'])
  })

  it('of an open Blender that is killed cost one frame, and no failure', async () => {
    const worker = await workerProcess()
    const { job } = await submit('1-3', { slow: '12' })
    await expect.poll(() => completed(job.id), soon).toBe(1)
    const [pid = 0] = await blenderOf(worker)
    process.kill(pid, 'SIGKILL')
    await expect.poll(() => statusOf(job.id), soon).toBe('completed')
    const { items } = (await manager.get(`/jobs/${job.id}/tasks`)).body
    const attempts = await Promise.all(items.map(async ({ id }: { id: string }) => (await manager.get(`/tasks/${id}`)).body.attemptList))
    expect(attempts.flat().map(({ status }: { status: string }) => status)).toEqual(['completed', 'completed', 'completed'])
  })

  it('go on when the manager was away, and are known to it again', async () => {
    const { worker } = await lab.start({ managerUrl: manager.url }, workerParts())
    const { job } = await submit('1-12', { slow: '8' })
    await expect.poll(() => completed(job.id), soon).toBeGreaterThan(0)
    await expect.poll(async () => (await sessionsOf(job.id)).length, soon).toBe(1)
    const port = new URL(manager.url).port
    manager = await manager.restart(Number(port))
    await expect.poll(() => worker.status().connected, soon).toBe(true)
    await expect.poll(() => statusOf(job.id), soon).toBe('completed')
    await expect.poll(async () => (await sessionsOf(job.id)).map(({ tasks }) => tasks), soon).toEqual([12])
  })
})
