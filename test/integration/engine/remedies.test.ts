/** Every remedy that explain offers works: each reason is made, what its advice says is done, and the task runs. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JobState, WorkerState } from '../../../src/main/engine/base/model.ts'
import { violations } from '../../support/invariants.ts'
import { TestFarm } from '../../support/testFarm.ts'

let test: TestFarm
let ada: WorkerState
beforeEach(async () => {
  test = await TestFarm.open()
  ada = await test.worker('ada')
})
afterEach(async () => {
  expect(await violations(test)).toEqual({})
  await test.close()
})

/** What waits, and who could run it once the remedy is done. */
interface Made {
  job: JobState
  index: number
  worker?: WorkerState
  remedy: () => Promise<unknown>
}

const act = (job: JobState, action: Parameters<typeof test.farm.jobs.act>[1]) => test.farm.jobs.act(job.publicId, action, 'tester')
const requeue = (job: JobState, index: number) => test.farm.tasks.act(test.taskId(job, index), 'requeue', 'tester')
/** Finishes one task of whatever job is next. */
const done = async (worker: WorkerState) => test.finish(worker, await test.takeOne(worker))

const REASONS: [rule: string, advice: RegExp, make: () => Promise<Made>][] = [
  [
    'task-status',
    /resume the job/,
    async () => {
      const job = await test.submit([{}, {}])
      await test.farm.tasks.setStatus(test.taskId(job, 1), 'paused', 'by hand')
      return { job, index: 1, remedy: () => act(job, 'resume') }
    },
  ],
  [
    'task-status',
    /requeue the task/,
    async () => {
      const job = await test.submit([{}, {}])
      await test.farm.tasks.act(test.taskId(job, 1), 'cancel', 'tester')
      return { job, index: 1, remedy: () => requeue(job, 1) }
    },
  ],
  [
    'log-limit',
    /requeue the task with a higher limit/,
    async () => {
      const job = await test.submit([{}, {}], { policyChanges: { maxLogBytes: 10 } })
      const task = await test.takeOne(ada)
      const end = { type: 'finished' as const, at: test.time, outcome: 'log-limit' as const, exitCode: null, reason: 'too much' }
      await test.say(ada, task, end)
      return {
        job,
        index: 1,
        remedy: async () => [await test.farm.jobs.change(job.publicId, { policy: { maxLogBytes: 0 } }), await requeue(job, 1)],
      }
    },
  ],
  [
    'task-status',
    /requeue the job/,
    async () => {
      const job = await test.submit([{}, {}])
      await act(job, 'pause')
      await act(job, 'cancel')
      return { job, index: 1, remedy: () => act(job, 'requeue') }
    },
  ],
  [
    'job-status',
    /resume the job/,
    async () => {
      const job = await test.submit([{}])
      await act(job, 'pause')
      return { job, index: 1, remedy: () => act(job, 'resume') }
    },
  ],
  [
    'job-status',
    /resume the job/,
    async () => {
      const job = await test.submit([{}, {}])
      await test.takeOne(ada)
      await act(job, 'pause')
      return { job, index: 2, worker: await test.worker('bob'), remedy: () => act(job, 'resume') }
    },
  ],
  [
    'job-status',
    /requeue the job/,
    async () => {
      const job = await test.submit([{}], { policyChanges: { failAfterWorkers: 1 } })
      await test.fail(ada, await test.takeOne(ada))
      return { job, index: 1, remedy: () => act(job, 'requeue') }
    },
  ],
  [
    'job-deleted',
    /undelete/,
    async () => {
      const job = await test.submit([{}], { initialStatus: 'paused' })
      await act(job, 'delete')
      return { job, index: 1, remedy: async () => [await act(job, 'undelete'), await act(job, 'resume')] }
    },
  ],
  [
    'start-after',
    /change its start time/,
    async () => {
      const job = await test.submit([{}], { startAfter: test.time + 60_000 })
      return { job, index: 1, remedy: () => test.farm.jobs.change(job.publicId, { startAfter: null }) }
    },
  ],
  [
    'job-dependency',
    /requeue what failed/,
    async () => {
      const first = await test.submit([{}], { policyChanges: { failAfterWorkers: 1 } })
      const job = await test.submit([{}], { dependsOn: [first.publicId] })
      await test.fail(ada, await test.takeOne(ada))
      return { job, index: 1, remedy: async () => [await act(first, 'requeue-failed'), await done(ada), await test.settled()] }
    },
  ],
  [
    'dependency',
    /requeue what failed/,
    async () => {
      const job = await test.submit([{}, {}, { dependsOn: [1] }], { policyChanges: { failAfterWorkers: 1, failJobAtPercent: 101 } })
      await test.fail(ada, await test.takeOne(ada))
      return { job, index: 3, remedy: async () => [await requeue(job, 1), await done(ada), await done(ada), await test.settled()] }
    },
  ],
  [
    'retry-delay',
    /requeue the task/,
    async () => {
      const job = await test.submit([{}], { policyChanges: { retryDelayMs: 60_000 } })
      await test.fail(ada, await test.takeOne(ada))
      return { job, index: 1, remedy: () => requeue(job, 1) }
    },
  ],
  [
    'limit',
    /raise the limit/,
    async () => {
      const limit = await test.farm.limits.create({ name: 'nuke', max: 1 })
      const job = await test.submit([{}, {}], { limits: ['nuke'] })
      await test.takeOne(ada)
      return { job, index: 2, worker: await test.worker('bob'), remedy: () => test.farm.limits.change(limit.publicId, { max: 2 }) }
    },
  ],
  [
    'max-tasks',
    /maximum of concurrent tasks/,
    async () => {
      const job = await test.submit([{}, {}], { maxTasks: 1 })
      await test.takeOne(ada)
      return { job, index: 2, worker: await test.worker('bob'), remedy: () => test.farm.jobs.change(job.publicId, { maxTasks: 2 }) }
    },
  ],
  [
    'lane',
    /wait/,
    async () => {
      const job = await test.submit([{}, {}], { lane: { kind: 'mailbox', name: 'm', concurrency: 1, ordered: false } })
      const first = await test.takeOne(ada)
      return { job, index: 2, remedy: () => test.finish(ada, first) }
    },
  ],
  [
    'lane-order',
    /cancel it/,
    async () => {
      const lane = { kind: 'mailbox', name: 'm', concurrency: 2, ordered: true }
      const older = await test.submit([{ kind: 'video' }], { lane })
      const job = await test.submit([{}], { lane })
      return { job, index: 1, remedy: () => act(older, 'cancel') }
    },
  ],
  [
    'kind',
    /install the program/,
    async () => {
      const job = await test.submit([{ kind: 'video' }])
      return { job, index: 1, remedy: () => test.farm.workers.signOn(ada.publicId, { ...SIGN_ON, name: 'ada', kinds: ['video'] }) }
    },
  ],
  [
    'tag',
    /give the tag/,
    async () => {
      const tag = await test.farm.tags.create({ name: 'gpu' })
      const job = await test.submit([{}], { tag: tag.publicId })
      return { job, index: 1, remedy: () => test.farm.workers.setTags(ada.publicId, [tag.publicId]) }
    },
  ],
  [
    'blocked',
    /blocklist/,
    async () => {
      const bob = await test.worker('bob')
      const job = await test.submit([{}, {}, {}], { policyChanges: { blockAfterFailures: 1 } })
      await done(bob)
      await test.fail(ada, await test.takeOne(ada))
      await test.farm.workers.signOff(bob.publicId)
      return { job, index: 3, remedy: () => test.farm.jobs.unblock(job.publicId, ada.publicId, 'misc') }
    },
  ],
  [
    'failed-before',
    /requeue the task/,
    async () => {
      await test.worker('bob')
      const job = await test.submit([{}])
      await test.fail(ada, await test.takeOne(ada))
      return { job, index: 1, remedy: () => requeue(job, 1) }
    },
  ],
  [
    'kept-off',
    /requeue the task/,
    async () => {
      await test.worker('bob')
      const job = await test.submit([{}])
      await done(ada)
      await test.farm.tasks.act(test.taskId(job, 1), 'requeue-elsewhere', 'tester')
      return { job, index: 1, remedy: () => requeue(job, 1) }
    },
  ],
  [
    'nobody-left',
    /requeue what failed/,
    async () => {
      const bob = await test.worker('bob')
      await test.farm.workers.signOff(bob.publicId)
      const job = await test.submit([{}])
      for (let tries = 0; tries < 3; tries++) await test.fail(ada, await test.takeOne(ada))
      return { job, index: 1, remedy: () => requeue(job, 1) }
    },
  ],
  [
    'max-workers',
    /maximum of workers/,
    async () => {
      const job = await test.submit([{}, {}], { maxWorkers: 1 })
      await test.takeOne(ada)
      return { job, index: 2, worker: await test.worker('bob'), remedy: () => test.farm.jobs.change(job.publicId, { maxWorkers: 2 }) }
    },
  ],
  [
    'storage',
    /connect the storage/,
    async () => {
      const { storage } = test.farm.parts
      storage.setMarked(new Map([['projects', '/mnt/projects']]))
      storage.setProofs(ada.id, new Map([['projects', { seen: false, path: 'P:\\projects', problem: 'ENOENT' }]]))
      const job = await test.submit([{}], { storageRoots: ['projects'] })
      const remedy = () => Promise.resolve(storage.setProofs(ada.id, new Map([['projects', { seen: true }]])))
      return { job, index: 1, remedy }
    },
  ],
  [
    'machine-limit',
    /raise the limit/,
    async () => {
      const limit = await test.farm.limits.create({ name: 'nuke', max: 1, scope: 'machine' })
      const job = await test.submit([{}, {}], { limits: ['nuke'] })
      await test.takeOne(ada)
      return { job, index: 2, worker: await test.worker('bob'), remedy: () => test.farm.limits.change(limit.publicId, { max: 2 }) }
    },
  ],
  [
    'not-approved',
    /approve/,
    async () => {
      const bob = await test.worker('bob', { kinds: ['video'], approved: false })
      const job = await test.submit([{ kind: 'video' }])
      return { job, index: 1, worker: bob, remedy: () => test.farm.workers.approve(bob.publicId) }
    },
  ],
  [
    'not-awake',
    /wake them/,
    async () => {
      await test.farm.workers.changedStatus(ada.publicId, 'asleep')
      const job = await test.submit([{}])
      return {
        job,
        index: 1,
        remedy: async () => [
          await test.farm.workers.requestStatus(ada.publicId, 'awake', false),
          await test.farm.workers.changedStatus(ada.publicId, 'awake'),
        ],
      }
    },
  ],
  [
    'not-awake',
    /start their program/,
    async () => {
      await test.farm.workers.signOff(ada.publicId)
      const job = await test.submit([{}])
      return { job, index: 1, remedy: () => test.farm.workers.signOn(ada.publicId, { ...SIGN_ON, name: 'ada' }) }
    },
  ],
  [
    'status-requested',
    /withdraw the request/,
    async () => {
      const job = await test.submit([{}])
      await test.farm.workers.requestStatus(ada.publicId, 'asleep', true)
      await test.take(ada)
      return {
        job,
        index: 1,
        remedy: async () => [await test.farm.workers.requestStatus(ada.publicId, 'awake', false), await test.take(ada, 0)],
      }
    },
  ],
  [
    'no-free-slot',
    /until they are done/,
    async () => {
      const job = await test.submit([{}, {}])
      const first = await test.takeOne(ada)
      return { job, index: 2, remedy: () => test.finish(ada, first) }
    },
  ],
  [
    'avoid',
    /a minute/,
    async () => {
      const flora = await test.foreignWorker('flora', ['video'])
      const job = await test.submit([{ kind: 'video' }])
      const task = await test.farm.foreign.schedule(flora.publicId)
      await test.farm.foreign.update(flora.publicId, task!.assignment.taskId, { status: 'queued' })
      return { job, index: 1, worker: flora, remedy: async () => test.pass(60_000) }
    },
  ],
]

const SIGN_ON = { software: '', address: '', kinds: ['misc'], canRestart: false, running: [] }

describe('the remedy for', () => {
  it.each(REASONS)('%s: %s', async (rule, advice, make) => {
    const { job, index, worker = ada, remedy } = await make()
    const id = test.taskId(job, index)
    const reason = (await test.farm.tasks.explain(id)).reasons.find((each) => each.rule === rule)
    expect(reason?.advice).toMatch(advice)
    await remedy()
    const taken =
      worker.adapter === 'native'
        ? (await test.takeOne(worker)).taskId
        : (await test.farm.foreign.schedule(worker.publicId))?.assignment.taskId
    expect(taken).toBe(id)
  })
})
