/** Files are looked at before they count: those of foreign workers' tasks, and all of a job's where its workers share no disk. */
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Assignment } from '../../../src/shared/schemas/agent.ts'
import type { JobState, WorkerState } from '../../../src/main/engine/base/model.ts'
import { until } from '../../support/commandContext.ts'
import { violations } from '../../support/invariants.ts'
import { TestFarm } from '../../support/testFarm.ts'

let test: TestFarm
let folder: string
beforeEach(async () => {
  test = await TestFarm.open({ fileWaitMs: 0 }, true)
  folder = join(test.folder, 'storage', 'renders')
  await mkdir(folder, { recursive: true })
})
afterEach(async () => {
  expect(await violations(test)).toEqual({})
  await test.close()
})

function renders(frames: string, output = join(folder, 'f_####')) {
  const args = ['--render-output', output, '--render-format', 'PNG', '--render-frame', frames.replace('-', '..')]
  const parameters = { exe: 'blender', exeArgs: '-b', argsBefore: [], blendfile: '/a.blend', args }
  return { kind: 'blender', commands: [{ name: 'blender-render', parameters, totalStepCount: 0 }] }
}
const draw = (name: string) =>
  sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .png()
    .toFile(join(folder, name))
const frames = () =>
  test.opened.read.all<{ frame: number; check: string | null; path: string }>(
    'select frame, check_state as "check", path from frames order by frame',
  )
/** Commits of rows so far. */
const commits = async () =>
  (await test.opened.writer.exclusive((tx) => tx.get<{ number: number }>('select number from last_commit')))?.number ?? 0
async function ends(job: JobState, status: string): Promise<void> {
  await until(async () => (await test.status(job)) === status, `the job is ${status}`, 20_000)
  // It ends in memory first, and on disk a moment later; what is left of its tasks ends after that.
  await test.settled()
  await until(async () => (await test.opened.read.get('select 1 from jobs where recount_due = 1')) === undefined, 'its tasks end', 20_000)
}

describe('a task of a foreign worker', () => {
  async function begun(frameRange: string, output?: string): Promise<{ job: JobState; ada: WorkerState; taskId: string }> {
    const ada = await test.foreignWorker('ada', ['blender'])
    const job = await test.submit([renders(frameRange, output)], { policyChanges: { failAfterWorkers: 1 } })
    const task = await test.farm.foreign.schedule(ada.publicId)
    return { job, ada, taskId: task?.assignment.taskId ?? '' }
  }

  it('counts when its files are there and whole; those that no log line named are listed, too', async () => {
    const { job, ada, taskId } = await begun('1-2')
    await draw('f_0001.png')
    await draw('f_0002.png')
    await test.farm.foreign.update(ada.publicId, taskId, { status: 'completed' })
    await ends(job, 'completed')
    expect(await frames()).toEqual([1, 2].map((frame) => ({ frame, check: 'whole', path: join(folder, `f_000${frame}.png`) })))
  })

  it('fails for a damaged file, which is set aside, and for one that is missing, by name', async () => {
    const { job, ada, taskId } = await begun('1-2')
    await writeFile(join(folder, 'f_0001.png'), 'no picture')
    await test.farm.foreign.update(ada.publicId, taskId, { status: 'completed' })
    await ends(job, 'failed')
    const attempt = await test.opened.read.get<{ status: string; reason: string }>('select status, reason from attempts')
    expect(attempt?.status).toBe('failed')
    expect(attempt?.reason).toContain('frame 1 is damaged')
    expect(attempt?.reason).toContain('frame 2 was not saved')
    expect(await readdir(join(folder, '.framehouse-replaced'))).toEqual(['f_0001.png.damaged'])
  })

  it('is compared with what was set aside for it when it was sent elsewhere, and looked at for black', async () => {
    const { job, ada, taskId } = await begun('1-2')
    for (const frame of [1, 2]) await draw(`f_000${frame}.png`)
    await test.farm.foreign.update(ada.publicId, taskId, { status: 'completed' })
    await ends(job, 'completed')
    const bob = await test.foreignWorker('bob', ['blender'])
    await test.farm.tasks.act(taskId, 'requeue-elsewhere', 'tester')
    await expect.poll(async () => (await test.farm.foreign.schedule(bob.publicId))?.assignment.taskId).toBe(taskId)
    // As the code that hands tasks to foreign workers does.
    await mkdir(join(folder, '.framehouse-replaced'))
    for (const frame of [1, 2]) await rename(join(folder, `f_000${frame}.png`), join(folder, '.framehouse-replaced', `f_000${frame}.png`))
    await draw('f_0001.png')
    await sharp({ create: { width: 8, height: 8, channels: 3, background: 'black' } })
      .png()
      .toFile(join(folder, 'f_0002.png'))
    await test.farm.foreign.update(bob.publicId, taskId, { status: 'completed' })
    await ends(job, 'completed')
    expect(await test.opened.read.all('select frame, flat, same_as_before as same from frames order by frame')).toEqual([
      { frame: 1, flat: 1, same: 1 },
      { frame: 2, flat: 2, same: 0 },
    ])
  })

  it('is believed where no other machine sees the folder, and its frames are unchecked', async () => {
    const { job, ada, taskId } = await begun('1-2', '/no/such/folder/f_####')
    await test.farm.foreign.update(ada.publicId, taskId, { status: 'completed' })
    await ends(job, 'completed')
    expect(await frames()).toEqual([1, 2].map((frame) => ({ frame, check: 'unchecked', path: `/no/such/folder/f_000${frame}.png` })))
  })

  it('ends in the commit that its answer waits for, where no other machine sees the folder', async () => {
    const { job, ada, taskId } = await begun('1', '/no/such/folder/f_####')
    const before = await commits()
    await test.farm.foreign.update(ada.publicId, taskId, { status: 'completed', activity: 'Completed' })
    expect(await commits()).toBe(before + 1)
    expect(await test.opened.read.get('select status, claim from attempts')).toEqual({ status: 'completed', claim: null })
    expect(await test.opened.read.all('select code, frames from warnings')).toEqual([{ code: 'frames-unchecked', frames: '[1]' }])
    await ends(job, 'completed')
  })

  it('is not believed because of an earlier task when its worker creates the folder in the shared storage', async () => {
    const later = join(test.folder, 'storage', 'later')
    const { job, ada, taskId } = await begun('1-2', join(later, 'f_####'))
    await test.farm.foreign.update(ada.publicId, taskId, { status: 'completed' })
    await ends(job, 'completed')
    const again = await begun('1-2', join(later, 'f_####'))
    await mkdir(later)
    await test.farm.foreign.update(again.ada.publicId, again.taskId, { status: 'completed' })
    await ends(again.job, 'failed')
  })

  it('is believed with the frames that its log named, and told once however often its worker says that it is done', async () => {
    const { job, ada, taskId } = await begun('1-2', '/no/such/folder/f_####')
    await test.farm.results.addFrames(taskId, 1, [
      { path: '/elsewhere/f_0002.png', frame: 2, bytes: null, width: null, height: null, renderedMs: null },
    ])
    const done = { status: 'completed' } as const
    await Promise.all([test.farm.foreign.update(ada.publicId, taskId, done), test.farm.foreign.update(ada.publicId, taskId, done)])
    await ends(job, 'completed')
    expect((await frames()).map(({ path }) => path)).toEqual(['/no/such/folder/f_0001.png', '/elsewhere/f_0002.png'])
  })

  it('is looked at by a worker of ours, and believed when that one leaves without an answer', async () => {
    const bob = await test.worker('bob', { kinds: ['other'] })
    const { job, ada, taskId } = await begun('1', '/no/such/folder/f_####')
    await test.farm.foreign.update(ada.publicId, taskId, { status: 'completed' })
    const take = { slots: 1, waitMs: 0, running: [] }
    await until(
      async () => (await test.farm.native.take(bob.publicId, take)).requests?.[0]?.command.name === 'look-for-frames',
      'it is asked',
    )
    expect(await test.status(job)).toBe('active')
    await test.farm.workers.signOff(bob.publicId)
    await ends(job, 'completed')
  })

  it('is canceled when that comes while it is decided who sees its files', async () => {
    const { job, ada, taskId } = await begun('1', '/no/such/folder/f_####')
    const update = test.farm.foreign.update(ada.publicId, taskId, { status: 'completed' }).catch((error: unknown) => error)
    await test.farm.jobs.act(job.publicId, 'cancel', 'somebody')
    await update
    await ends(job, 'canceled')
  })

  it('is looked at again when the manager was stopped in between; the worker gets no second copy of it', async () => {
    test.settings = { ...test.settings, fileWaitMs: 60_000 }
    const { job, ada, taskId } = await begun('1')
    await test.farm.foreign.update(ada.publicId, taskId, { status: 'completed' })
    expect(await test.farm.foreign.schedule(ada.publicId)).toBeUndefined()
    await test.restart()
    expect(await test.status(job)).toBe('active')
    await draw('f_0001.png')
    await ends(job, 'completed')
    expect((await test.opened.read.all('select id from attempts')).length).toBe(1)
  })
})

describe('a job whose frames two workers saved', () => {
  async function saved(): Promise<{ job: JobState; workers: WorkerState[] }> {
    const workers = [await test.worker('ada'), await test.worker('bob')]
    const job = await test.submit([{}, {}])
    for (const [index, worker] of workers.entries()) {
      const task: Assignment = await test.takeOne(worker)
      const file = { path: `/r/${index}.png`, frame: index, bytes: 9, width: 4, height: 4, renderedMs: 1 }
      await test.say(worker, task, { type: 'output', at: test.time, ...file })
      await test.finish(worker, task)
    }
    return { job, workers }
  }
  async function answer(worker: WorkerState, missing: number[]): Promise<void> {
    const { requests = [] } = await test.farm.native.take(worker.publicId, { slots: 0, waitMs: 5_000, running: [] })
    expect(requests[0]?.command.parameters['files']).toEqual(['/r/0.png', '/r/1.png'])
    await test.farm.workers.answerRequest(worker.publicId, requests[0]?.id ?? '', { result: { missing } })
  }

  it('is active until one of them has seen all of them, and completed then', async () => {
    const { job, workers } = await saved()
    expect(await test.status(job)).toBe('active')
    await answer(workers[1]!, [])
    await ends(job, 'completed')
  })

  it('fails when one of them misses some, naming worker and folder, also after a restart in between', async () => {
    const { job, workers } = await saved()
    await test.restart()
    expect(await test.status(job)).toBe('active')
    await test.farm.workers.signOn(workers[1]!.publicId, { name: 'bob', software: '', address: '', kinds: ['misc'], canRestart: false })
    await test.farm.workers.changedStatus(workers[1]!.publicId, 'awake')
    await answer(test.again(workers[1]!), [0])
    await ends(job, 'failed')
    await test.settled()
    const row = await test.opened.read.get<{ activity: string }>('select activity from jobs')
    expect(row?.activity).toContain('worker "bob" does not see 1 frame that "ada" saved in "/r", such as "0.png"')
  })
})
