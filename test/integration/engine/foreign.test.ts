/** What a Flamenco Worker sees of the engine: scheduler, sign-on and -off, states, may-i-run, task updates. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  InvalidInputError,
  NotFoundError,
  PreconditionError,
  StaleAttemptError,
  StatusChangeRequestedError,
  WorkerNotAwakeError,
} from '../../../src/main/engine/base/errors.ts'
import type { WorkerState } from '../../../src/main/engine/base/model.ts'
import { violations } from '../../support/invariants.ts'
import { TestFarm } from '../../support/testFarm.ts'

const MINUTE = 60_000

let test: TestFarm
beforeEach(async () => {
  test = await TestFarm.open()
})
afterEach(async () => {
  expect(await violations(test)).toEqual({})
  await test.close()
})

const schedule = async (worker: WorkerState) => (await test.farm.foreign.schedule(worker.publicId))?.assignment
const update = (worker: WorkerState, taskId: string, what: Parameters<typeof test.farm.foreign.update>[2]) =>
  test.farm.foreign.update(worker.publicId, taskId, what)
const mayRun = (worker: WorkerState, taskId: string) => test.farm.foreign.mayKeepRunning(worker.publicId, taskId)

describe('asking for a task', () => {
  it('answers the task, makes it active and the job with it', async () => {
    const flora = await test.foreignWorker('flora')
    const job = await test.submit([{}], { priority: 61 })
    const task = await test.farm.foreign.schedule(flora.publicId)
    expect(task).toMatchObject({ priority: 50, jobPriority: 61, stepsCompleted: 0 })
    expect(task?.assignment).toMatchObject({ taskId: test.taskId(job, 1), attempt: 1, kind: 'misc' })
    expect(await test.statuses(job)).toEqual(['active'])
    expect(await test.status(job)).toBe('active')
    expect(await test.opened.read.get('select worker_id, touched_at from tasks')).toEqual({ worker_id: flora.id, touched_at: test.time })
    const at = new Date(test.time).toISOString()
    expect((await test.logs.readTask(task!.assignment.taskId, 0, 1000)).toString()).toBe(
      `${at} Task assigned to worker flora (${flora.publicId})\n${at} task changed status queued -> active\n`,
    )
  })

  it('answers nothing when there is nothing, and the worker counts as in contact', async () => {
    const flora = await test.foreignWorker('flora')
    test.pass(5000)
    expect(await schedule(flora)).toBeUndefined()
    expect(flora.lastSeenAt).toBe(test.time)
  })

  it('refuses a sleeping worker, and a pending request before anything else', async () => {
    const flora = await test.foreignWorker('flora')
    await test.farm.workers.changedStatus(flora.publicId, 'asleep')
    test.pass(5000)
    await expect(schedule(flora)).rejects.toThrow(WorkerNotAwakeError)
    expect(flora.lastSeenAt).toBe(test.time)
    test.pass(5000)
    await test.farm.workers.requestStatus(flora.publicId, 'awake', true)
    await expect(schedule(flora)).rejects.toThrow(expect.objectContaining({ status: 'awake' }))
    await expect(schedule(flora)).rejects.toThrow(StatusChangeRequestedError)
    expect(flora.lastSeenAt).toBe(test.time)
  })

  it('hands out the highest task priority within a job, and job priority beats it', async () => {
    const flora = await test.foreignWorker('flora')
    const low = await test.submit([{ priority: 90 }], { priority: 40 })
    const high = await test.submit([{ priority: 10 }, { priority: 20 }], { priority: 60 })
    const order: string[] = []
    for (let task = await schedule(flora); task; task = await schedule(flora)) {
      order.push(task.taskId)
      await update(flora, task.taskId, { status: 'completed' })
    }
    expect(order).toEqual([test.taskId(high, 2), test.taskId(high, 1), test.taskId(low, 1)])
  })

  it('respects a chain, a fan-out and a fan-in, also right after the completion that releases', async () => {
    const flora = await test.foreignWorker('flora')
    const job = await test.submit([{}, { dependsOn: [1] }, { dependsOn: [1] }, { dependsOn: [2, 3] }, { dependsOn: [4] }])
    const order: string[] = []
    for (let task = await schedule(flora); task; task = await schedule(flora)) {
      order.push(task.taskId)
      await update(flora, task.taskId, { status: 'completed' })
    }
    expect(order).toEqual([1, 2, 3, 4, 5].map((index) => test.taskId(job, index)))
    expect(await test.status(job)).toBe('completed')
  })

  it('does not hand out a task of whose dependencies some are completed', async () => {
    const [flora, greg] = [await test.foreignWorker('flora'), await test.foreignWorker('greg')]
    await test.submit([{}, {}, { dependsOn: [1, 2] }])
    const first = await schedule(flora)
    await schedule(greg)
    await update(flora, first!.taskId, { status: 'completed' })
    expect(await schedule(flora)).toBeUndefined()
  })

  it('answers the task that the worker has already, even if a better one waits', async () => {
    const flora = await test.foreignWorker('flora')
    const job = await test.submit([{}])
    const task = await schedule(flora)
    await test.submit([{ priority: 100 }], { priority: 100 })
    expect(await schedule(flora)).toMatchObject({ taskId: test.taskId(job, 1), attempt: task!.attempt })
    await test.restart()
    expect(await schedule(flora)).toMatchObject({ taskId: test.taskId(job, 1), attempt: 1 })
  })

  it('gives a task that another worker had last to the next one', async () => {
    const [flora, greg] = [await test.foreignWorker('flora'), await test.foreignWorker('greg')]
    await test.submit([{}])
    const task = await schedule(flora)
    await test.farm.workers.signOff(flora.publicId)
    expect(await schedule(greg)).toMatchObject({ taskId: task!.taskId, attempt: 2 })
  })

  it('gives a requeued task back to the same worker only after a minute', async () => {
    const flora = await test.foreignWorker('flora')
    await test.submit([{}])
    const task = await schedule(flora)
    await update(flora, task!.taskId, { status: 'queued' })
    test.pass(MINUTE - 1)
    expect(await schedule(flora)).toBeUndefined()
    test.pass(1)
    expect(await schedule(flora)).toMatchObject({ taskId: task!.taskId, attempt: 2 })
  })

  it('skips a task that this worker failed, and a kind that it is blocked from', async () => {
    const [flora] = [await test.foreignWorker('flora', ['misc', 'video']), await test.foreignWorker('greg')]
    const job = await test.submit([{}, {}, { kind: 'video' }], { policyChanges: { blockAfterFailures: 2, failJobAtPercent: 101 } })
    const first = await schedule(flora)
    await update(flora, first!.taskId, { status: 'failed' })
    const second = await schedule(flora)
    expect(second?.taskId).toBe(test.taskId(job, 2))
    await update(flora, second!.taskId, { status: 'failed' })
    expect((await schedule(flora))?.taskId).toBe(test.taskId(job, 3))
  })

  it.each([
    ['an untagged worker and an untagged job', false, false, true],
    ['an untagged worker and a tagged job', false, true, false],
    ['a tagged worker and an untagged job', true, false, true],
    ['a tagged worker and a job of its tag', true, true, true],
  ])('matches %s', async (_, workerTagged, jobTagged, expected) => {
    const flora = await test.foreignWorker('flora')
    const tag = await test.farm.tags.create({ name: 'gpu' })
    const other = await test.farm.tags.create({ name: 'cpu' })
    if (workerTagged) await test.farm.workers.setTags(flora.publicId, [tag.publicId, other.publicId, 'unknown'])
    await test.submit([{}], { tag: jobTagged ? tag.publicId : null })
    expect((await schedule(flora)) !== undefined).toBe(expected)
  })

  it('does not match a worker of another tag', async () => {
    const flora = await test.foreignWorker('flora')
    const [gpu, cpu] = [await test.farm.tags.create({ name: 'gpu' }), await test.farm.tags.create({ name: 'cpu' })]
    await test.farm.workers.setTags(flora.publicId, [cpu.publicId])
    await test.submit([{}], { tag: gpu.publicId })
    expect(await schedule(flora)).toBeUndefined()
  })

  it('gives nothing to a worker that waits for approval; approval asks it to wake up', async () => {
    const flora = await test.foreignWorker('flora', ['misc'], false)
    expect(
      await test.farm.workers.signOn(flora.publicId, { name: 'flora', software: '', address: '', kinds: ['misc'], canRestart: false }),
    ).toMatchObject({
      approved: false,
      statusRequested: 'asleep',
    })
    await test.farm.workers.changedStatus(flora.publicId, 'asleep')
    await test.submit([{}])
    await expect(schedule(flora)).rejects.toThrow(WorkerNotAwakeError)
    await test.farm.workers.approve(flora.publicId)
    await expect(schedule(flora)).rejects.toThrow(StatusChangeRequestedError)
    await test.farm.workers.changedStatus(flora.publicId, 'awake')
    expect(await schedule(flora)).toBeDefined()
  })

  it('wakes a worker also when it left while it waited for approval', async () => {
    const flora = await test.foreignWorker('flora', ['misc'], false)
    await test.farm.workers.changedStatus(flora.publicId, 'asleep')
    await test.farm.workers.signOff(flora.publicId)
    await test.farm.workers.approve(flora.publicId)
    const reply = await test.farm.workers.signOn(flora.publicId, {
      name: 'flora',
      software: '',
      address: '',
      kinds: ['misc'],
      canRestart: false,
    })
    expect(reply.statusRequested).toBe('awake')
  })
})

describe('sign-on and sign-off', () => {
  const signOn = (worker: WorkerState) =>
    test.farm.workers.signOn(worker.publicId, {
      name: 'new name',
      software: '3.9',
      address: '10.0.0.9',
      kinds: [' Blender ', 'ffmpeg', 'FFMPEG', ''],
      canRestart: true,
    })

  it('asks a new worker to be awake, and takes over name, version and kinds', async () => {
    const flora = await test.foreignWorker('flora')
    await test.farm.workers.signOff(flora.publicId)
    flora.statusRequested = null
    expect((await signOn(flora)).statusRequested).toBe('awake')
    expect(flora).toMatchObject({ status: 'starting', name: 'new name', software: '3.9', kinds: ['blender', 'ffmpeg'], canRestart: true })
    expect(await test.opened.read.get('select name, kinds, status from workers')).toEqual({
      name: 'new name',
      kinds: '["blender","ffmpeg"]',
      status: 'starting',
    })
  })

  it('answers a pending request, lazy or not, and keeps it until it is confirmed', async () => {
    const flora = await test.foreignWorker('flora')
    await test.farm.workers.requestStatus(flora.publicId, 'asleep', true)
    expect((await signOn(flora)).statusRequested).toBe('asleep')
    expect(flora.statusRequested).toBe('asleep')
    await test.farm.workers.changedStatus(flora.publicId, 'asleep')
    expect(flora.statusRequested).toBeNull()
  })

  it('leaves a running task with the worker: it is resumed', async () => {
    const flora = await test.foreignWorker('flora')
    const job = await test.submit([{}])
    await schedule(flora)
    await test.farm.workers.signOn(flora.publicId, { name: 'flora', software: '', address: '', kinds: ['misc'], canRestart: false })
    await test.farm.workers.changedStatus(flora.publicId, 'awake')
    expect(await schedule(flora)).toMatchObject({ taskId: test.taskId(job, 1), attempt: 1 })
  })

  it('sign-off queues what it runs', async () => {
    const flora = await test.foreignWorker('flora')
    const job = await test.submit([{}])
    const task = await schedule(flora)
    await test.farm.workers.signOff(flora.publicId)
    expect(await test.statuses(job)).toEqual(['queued'])
    expect(await test.opened.read.get('select activity from tasks')).toEqual({
      activity: 'Task was queued by Manager because worker signed off',
    })
    expect(await test.log(task!.taskId)).toContain('Task was queued by Manager because worker signed off\n')
  })

  it.each([
    ['awake', 'awake'],
    ['asleep', 'asleep'],
    ['starting', null],
    ['error', null],
  ] as const)('remembers %s as %s', async (status, remembered) => {
    const flora = await test.foreignWorker('flora')
    await test.farm.workers.changedStatus(flora.publicId, status)
    await test.farm.workers.signOff(flora.publicId)
    expect(flora).toMatchObject({ status: 'offline', statusRequested: remembered, statusRequestLazy: false })
  })

  it.each(['offline', 'restart'] as const)('sign-off fulfils a request to go %s', async (requested) => {
    const flora = await test.foreignWorker('flora')
    flora.canRestart = true
    await test.farm.workers.requestStatus(flora.publicId, requested, false)
    await test.farm.workers.signOff(flora.publicId)
    expect(flora.statusRequested).toBe('awake')
  })

  it('sign-off keeps another pending request', async () => {
    const flora = await test.foreignWorker('flora')
    await test.farm.workers.requestStatus(flora.publicId, 'asleep', false)
    await test.farm.workers.signOff(flora.publicId)
    expect(flora.statusRequested).toBe('asleep')
  })
})

describe('states', () => {
  it('an intermediate status keeps the request, the requested one clears it', async () => {
    const flora = await test.foreignWorker('flora')
    await test.farm.workers.requestStatus(flora.publicId, 'asleep', false)
    await test.farm.workers.changedStatus(flora.publicId, 'starting')
    expect(flora).toMatchObject({ status: 'starting', statusRequested: 'asleep' })
    await test.farm.workers.changedStatus(flora.publicId, 'asleep')
    expect(flora).toMatchObject({ status: 'asleep', statusRequested: null })
  })

  it('leaving awake queues what it runs, with the reason', async () => {
    const flora = await test.foreignWorker('flora')
    await test.submit([{}])
    await schedule(flora)
    await test.farm.workers.changedStatus(flora.publicId, 'asleep')
    expect(await test.opened.read.get('select status, activity from tasks')).toEqual({
      status: 'queued',
      activity: `Task was queued by Manager because worker flora (${flora.publicId}) changed status to 'asleep'`,
    })
  })

  it('requesting the current status clears the pending request', async () => {
    const flora = await test.foreignWorker('flora')
    await test.farm.workers.requestStatus(flora.publicId, 'asleep', true)
    await test.farm.workers.requestStatus(flora.publicId, 'awake', false)
    expect(flora.statusRequested).toBeNull()
  })

  it('refuses to restart a worker that cannot', async () => {
    const flora = await test.foreignWorker('flora')
    await expect(test.farm.workers.requestStatus(flora.publicId, 'restart', false)).rejects.toThrow(PreconditionError)
    expect(flora.statusRequested).toBeNull()
  })

  it('deleting a worker queues what it runs and hides it', async () => {
    const flora = await test.foreignWorker('flora')
    const events = test.events()
    const job = await test.submit([{}])
    await schedule(flora)
    await test.farm.workers.delete(flora.publicId)
    expect(await test.opened.read.get('select status, activity from tasks')).toEqual({
      status: 'queued',
      activity: 'Task was queued by Manager because worker is being deleted',
    })
    expect(test.farm.workers.find(flora.publicId)).toBeUndefined()
    expect(events).toContainEqual(expect.objectContaining({ type: 'worker', workerId: flora.publicId, deleted: true }))
    await expect(schedule(flora)).rejects.toThrow(NotFoundError)
    await test.restart()
    expect(test.farm.workers.all()).toEqual([])
    expect(await test.statuses(job)).toEqual(['queued'])
  })
})

describe('may it keep running', () => {
  const no = (reason: string, statusChangeRequested = false) => ({ mayKeepRunning: false, reason, statusChangeRequested })

  it('yes while it is assigned and active, and the task counts as touched', async () => {
    const flora = await test.foreignWorker('flora')
    await test.submit([{}], { policyChanges: { touchTimeoutMs: 10 * MINUTE } })
    const task = await schedule(flora)
    for (let round = 0; round < 5; round++) {
      test.pass(9 * MINUTE)
      expect(await mayRun(flora, task!.taskId)).toEqual({ mayKeepRunning: true, reason: '', statusChangeRequested: false })
      expect(flora.lastSeenAt).toBe(test.time)
      await test.farm.timers.checkTimeouts()
    }
    expect(await mayRun(flora, task!.taskId)).toMatchObject({ mayKeepRunning: true })
  })

  it('no: unknown, not assigned, no longer active', async () => {
    const [flora, greg] = [await test.foreignWorker('flora'), await test.foreignWorker('greg')]
    const job = await test.submit([{}, {}])
    const task = await schedule(flora)
    expect(await mayRun(flora, '0000002a-1c3d-4e5f-8a9b-0c1d2e3f4a5b')).toEqual(no('Task not found'))
    expect(await mayRun(flora, 'nonsense')).toEqual(no('Task not found'))
    expect(await mayRun(flora, test.taskId(job, 2))).toEqual(no('task not assigned to this worker'))
    expect(await mayRun(greg, task!.taskId)).toEqual(no('task not assigned to this worker'))
    await test.farm.tasks.setStatus(task!.taskId, 'canceled', 'by hand')
    expect(await mayRun(flora, task!.taskId)).toEqual(no('task is in non-runnable status "canceled"'))
  })

  it('no when the worker must change its status at once, yes when it may finish first', async () => {
    const flora = await test.foreignWorker('flora')
    await test.submit([{}])
    const task = await schedule(flora)
    await test.farm.workers.requestStatus(flora.publicId, 'asleep', true)
    expect(await mayRun(flora, task!.taskId)).toMatchObject({ mayKeepRunning: true })
    await test.farm.workers.requestStatus(flora.publicId, 'asleep', false)
    expect(await mayRun(flora, task!.taskId)).toEqual(no('worker status change requested', true))
  })

  it('yes while the job is being paused, no once it is cancelled', async () => {
    const flora = await test.foreignWorker('flora')
    const job = await test.submit([{}, {}])
    const task = await schedule(flora)
    await test.farm.jobs.act(job.publicId, 'pause', 'tester')
    expect(await mayRun(flora, task!.taskId)).toMatchObject({ mayKeepRunning: true })
    await test.farm.jobs.act(job.publicId, 'cancel', 'tester')
    expect(await mayRun(flora, task!.taskId)).toEqual(no('task is in non-runnable status "canceled"'))
  })
})

describe('task updates', () => {
  it('take activity, log and status in one', async () => {
    const flora = await test.foreignWorker('flora')
    const events = test.events()
    const job = await test.submit([{}])
    const task = await schedule(flora)
    await update(flora, task!.taskId, { activity: 'rendering', log: 'line 1\nline 2' })
    expect(await test.opened.read.get('select status, activity from tasks')).toEqual({ status: 'active', activity: 'rendering' })
    await update(flora, task!.taskId, { status: 'completed', log: 'line 3\n' })
    expect(await test.log(task!.taskId)).toBe('line 1\nline 2\nline 3\n')
    expect(await test.status(job)).toBe('completed')
    expect(events.filter(({ type }) => type === 'log')).toHaveLength(2)
  })

  it('clamp the steps, and tell of task and job', async () => {
    const flora = await test.foreignWorker('flora')
    const job = await test.submit([
      { commands: [{ name: 'echo', parameters: {}, totalStepCount: 3 }] },
      { commands: [{ name: 'echo', parameters: {}, totalStepCount: 5 }] },
    ])
    const task = await schedule(flora)
    const events = test.events()
    await update(flora, task!.taskId, { stepsCompleted: 47 })
    expect(await test.opened.read.get('select steps_completed from tasks where idx = 1')).toEqual({ steps_completed: 3 })
    expect(await test.jobRow(job)).toMatchObject({ steps_completed: 3, steps_total: 8 })
    expect(events.map(({ type }) => type).sort()).toEqual(['job', 'task'])
    await update(flora, task!.taskId, { stepsCompleted: 3 })
    expect(events).toHaveLength(2)
  })

  it('refuse soft-failed: that is ours to decide', async () => {
    const flora = await test.foreignWorker('flora')
    const job = await test.submit([{}])
    const task = await schedule(flora)
    await expect(update(flora, task!.taskId, { status: 'soft-failed' })).rejects.toThrow(InvalidInputError)
    expect(await test.statuses(job)).toEqual(['active'])
  })

  it('refuse an unknown task, one without a worker and one of another worker; a log line of the last holder is kept', async () => {
    const [flora, greg] = [await test.foreignWorker('flora'), await test.foreignWorker('greg')]
    const job = await test.submit([{}, {}])
    const task = await schedule(flora)
    await expect(update(flora, '0000002a-1c3d-4e5f-8a9b-0c1d2e3f4a5b', { status: 'completed' })).rejects.toThrow(NotFoundError)
    await expect(update(flora, test.taskId(job, 2), { status: 'completed' })).rejects.toThrow(StaleAttemptError)
    await expect(update(greg, task!.taskId, { status: 'completed', log: 'not mine' })).rejects.toThrow(StaleAttemptError)
    await test.farm.tasks.setStatus(task!.taskId, 'canceled', 'by hand')
    await expect(update(flora, task!.taskId, { status: 'completed', activity: 'done', log: 'late' })).rejects.toThrow(StaleAttemptError)
    expect(await test.log(task!.taskId)).toBe(`${new Date(test.time).toISOString()} task changed status active -> canceled\nlate\n`)
    expect(await test.opened.read.get('select status, activity from tasks where idx = 1')).toEqual({
      status: 'canceled',
      activity: 'by hand',
    })
  })

  it('failing: soft until the threshold, then hard; the only worker tries three times', async () => {
    const workers = [
      await test.foreignWorker('flora'),
      await test.foreignWorker('greg'),
      await test.foreignWorker('hugo'),
      await test.foreignWorker('ina'),
    ]
    const job = await test.submit([{ priority: 60 }, ...Array.from({ length: 19 }, () => ({}))], {
      policyChanges: { failJobWhenNobodyLeft: true },
    })
    for (const [at, worker] of workers.slice(0, 3).entries()) {
      const task = await schedule(worker)
      expect(task).toMatchObject({ taskId: test.taskId(job, 1) })
      await update(worker, task!.taskId, { status: 'failed', activity: 'Blender exited abnormally with code 11' })
      expect((await test.statuses(job))[0]).toBe(at < 2 ? 'soft-failed' : 'failed')
    }
    expect(await test.opened.read.all('select exit_code, reason from attempts where number = 1')).toEqual([
      { exit_code: 11, reason: 'Blender exited abnormally with code 11' },
    ])
    expect(await test.status(job)).toBe('active')
    const alone = await test.submit([{ kind: 'only' }], { policyChanges: { failJobWhenNobodyLeft: true }, priority: 90 })
    const last = await test.foreignWorker('kim', ['only'])
    for (let tries = 0; tries < 3; tries++) {
      expect(await test.status(alone)).not.toBe('failed')
      await update(last, (await schedule(last))!.taskId, { status: 'failed' })
    }
    expect(await test.status(alone)).toBe('failed')
  })

  it('canceled or paused by the worker itself: as it says', async () => {
    const flora = await test.foreignWorker('flora')
    const job = await test.submit([{}, {}])
    await update(flora, (await schedule(flora))!.taskId, { status: 'canceled' })
    await update(flora, (await schedule(flora))!.taskId, { status: 'paused' })
    expect(await test.statuses(job)).toEqual(['canceled', 'paused'])
  })
})

describe('a log that reaches the limit of its job', () => {
  const limited = (changes = {}) => test.submit([{}, {}], { policyChanges: { maxLogBytes: 1000, ...changes } })

  it('ends the task for good: what was posted is kept, later posts are refused, and may-i-run says no', async () => {
    const flora = await test.foreignWorker('flora')
    const job = await limited()
    const taskId = (await schedule(flora))?.taskId ?? ''
    await update(flora, taskId, { log: 'a'.repeat(400) })
    expect(await mayRun(flora, taskId)).toMatchObject({ mayKeepRunning: true })
    await update(flora, taskId, { log: 'b'.repeat(600), status: 'completed', activity: 'done' })
    expect(await test.statuses(job)).toEqual(['failed', 'queued'])
    expect(await mayRun(flora, taskId)).toMatchObject({ mayKeepRunning: false, reason: 'task is in non-runnable status "failed"' })
    await expect(update(flora, taskId, { log: 'c'.repeat(600) })).rejects.toThrow(StaleAttemptError)
    const text = (await test.logs.read(taskId, 1, 0, 10_000)).toString()
    expect([text.includes('a'.repeat(400)), text.includes('b'.repeat(600)), text.includes('ccc')]).toEqual([true, true, false])
    expect(await test.opened.read.get('select outcome, status, exit_code, reason from attempts')).toEqual({
      outcome: 'log-limit',
      status: 'failed',
      exit_code: null,
      reason: 'its log reached the limit of 1 kB',
    })
    // The job is not over: the other task is done, and then it has failed with the reason.
    const other = (await schedule(flora))?.taskId ?? ''
    await update(flora, other, { status: 'completed' })
    expect(await test.farm.jobs.find(job.publicId)).toMatchObject({
      status: 'failed',
      firstFailure: expect.stringContaining('its log reached the limit of 1 kB'),
    })
  })

  it('is tried again elsewhere where the policy says so', async () => {
    const [flora, gus] = [await test.foreignWorker('flora'), await test.foreignWorker('gus')]
    const job = await limited({ retryAtLogLimit: true })
    const taskId = (await schedule(flora))?.taskId ?? ''
    await update(flora, taskId, { log: 'a'.repeat(1000) })
    expect(await test.statuses(job)).toEqual(['soft-failed', 'queued'])
    expect(gus.status).toBe('awake')
  })

  it('counts on after a restart of the manager', async () => {
    const flora = await test.foreignWorker('flora')
    const job = await limited()
    const taskId = (await schedule(flora))?.taskId ?? ''
    await update(flora, taskId, { log: 'a'.repeat(700) })
    await test.restart()
    await update(test.again(flora), taskId, { log: 'b'.repeat(300) })
    expect(await test.statuses(job)).toEqual(['failed', 'queued'])
  })
})
