/** Tasks that hand over results, are completed at their hand-out, are halted, or wait for their lost worker. */
import { afterEach, expect, it } from 'vitest'
import { popResult, resultsOf } from '../../../src/main/store/queries/jobs/attemptResults.ts'
import { taskPublicId } from '../../../src/shared/ids.ts'
import type { Policy } from '../../../src/shared/policy.ts'
import { TestFarm } from '../../support/testFarm.ts'

let test: TestFarm
afterEach(() => test.close())

async function running(policyChanges: Partial<Policy> = {}) {
  test = await TestFarm.open({ workerTimeoutMs: 60_000 })
  const worker = await test.worker('one')
  const job = await test.submit([{}, {}], { policyChanges })
  const assignment = await test.takeOne(worker)
  const row = await test.opened.read.get<{ id: number }>('select id from tasks where job_id = ? and idx = 1', [job.id])
  const result = (text: string, seqOf = worker) =>
    test.say(seqOf, assignment, { type: 'result', at: test.time, data: Buffer.from(text).toString('base64') })
  return { worker, job, assignment, result, taskKey: row?.id ?? 0 }
}

const texts = async (taskKey: number) => (await resultsOf(test.opened.read, taskKey, 100)).map(({ body }) => body.toString())

it('results keep their order, each is taken once, and an attempt that lost its task adds none', async () => {
  const { worker, job, assignment, result, taskKey } = await running()
  for (const text of ['one', '', 'three']) await result(text)
  expect(await texts(taskKey)).toEqual(['one', '', 'three'])
  expect((await popResult(test.opened.writer, taskKey))?.toString()).toBe('one')
  expect(await texts(taskKey)).toEqual(['', 'three'])
  await test.farm.tasks.act(assignment.taskId, 'requeue', 'tester')
  const late = await result('late')
  expect(late.stale).toEqual([{ taskId: assignment.taskId, attempt: 1 }])
  expect(await texts(taskKey)).not.toContain('late')
  const again = (await test.take(worker, 1))[0] ?? (await test.takeOne(await test.worker('two')))
  expect([again.taskId, again.attempt]).toEqual([assignment.taskId, 2])
  expect(await texts(taskKey)).toEqual([])
  expect(job.publicId).toBe(again.jobId)
})

it('the commands of a kind are completed at the hand-out, which ends the attempt when it cannot', async () => {
  test = await TestFarm.open()
  const worker = await test.worker('one', { kinds: ['late'], capacity: 2 })
  test.farm.tasks.onHandOut('late', ({ attempt, commands }) => {
    if (commands[0]?.parameters['message'] === 'message 2') throw new Error('its owner is gone')
    return {
      commands: [{ name: 'echo', parameters: { message: `decided for ${attempt}` }, totalStepCount: 0 }],
      actor: { env: [], token: 'x' },
    }
  })
  const job = await test.submit([{ kind: 'late' }, { kind: 'late' }], { policyChanges: { failAfterWorkers: 1 } })
  const assignments = await test.take(worker, 2)
  expect(assignments.map(({ commands, actor }) => [commands[0]?.parameters, actor?.token])).toEqual([[{ message: 'decided for 1' }, 'x']])
  expect(await test.statuses(job)).toEqual(['active', 'failed'])
})

it('a halted attempt keeps its task until its end, which completes it whatever the outcome', async () => {
  const { worker, job, assignment } = await running()
  await test.farm.tasks.halt(assignment.taskId, 'enough')
  expect(await test.statuses(job)).toEqual(['active', 'queued'])
  const held = [{ taskId: assignment.taskId, attempt: 1 }]
  const told = await test.farm.native.take(worker.publicId, { slots: 0, waitMs: 0, running: held })
  expect(told.cancel).toEqual([{ ...held[0], reason: 'enough' }])
  // It is not told over and over while it stops.
  expect((await test.farm.native.take(worker.publicId, { slots: 0, waitMs: 0, running: held })).cancel).toEqual([])
  await test.finish(worker, assignment, 'stopped', null)
  expect(await test.statuses(job)).toEqual(['completed', 'queued'])
  await expect(test.farm.tasks.halt(assignment.taskId, 'again')).rejects.toThrow('is not running')
})

it('a task waits for its lost worker as long as its policy says, and accepts its end', async () => {
  const { worker, job, assignment } = await running({ takeoverAfterMs: 600_000 })
  test.pass(61_000)
  await test.farm.timers.checkTimeouts()
  expect([test.again(worker).status, ...(await test.statuses(job))]).toEqual(['error', 'active', 'queued'])
  await test.finish(worker, assignment)
  expect(await test.statuses(job)).toEqual(['completed', 'queued'])
})

it('… and is given to others after that, or when a person deletes the worker', async () => {
  const { worker, job } = await running({ takeoverAfterMs: 600_000 })
  test.pass(61_000)
  await test.farm.timers.checkTimeouts()
  test.pass(540_000)
  await test.farm.timers.checkTimeouts()
  expect(await test.statuses(job)).toEqual(['queued', 'queued'])
  await test.farm.workers.delete(worker.publicId)
})

it('outcomes that the policy calls success complete the task', async () => {
  const { worker, job, assignment } = await running({ successOutcomes: ['exit-code', 'timed-out'] })
  await test.finish(worker, assignment, 'exit-code', 7)
  expect(await test.statuses(job)).toEqual(['completed', 'queued'])
})

it('explain names why a worker offers no actors, or none that are privileged', async () => {
  test = await TestFarm.open()
  const actors = { available: false, problem: 'the engine runs in a virtual machine', privileged: false }
  await test.worker('mac', { kinds: ['container'], capabilities: { actors } })
  await test.worker('linux', { kinds: ['container', 'actor'], capabilities: { actors: { ...actors, available: true, problem: '' } } })
  const job = await test.submit([{ kind: 'actor' }, { kind: 'actor-privileged' }])
  const messages = async (index: number) =>
    (await test.farm.tasks.explain(taskPublicId(job.publicId, index))).reasons
      .filter(({ rule }) => rule === 'kind')
      .map(({ message }) => message)
  expect(await messages(1)).toEqual(['1 worker cannot run tasks of kind "actor": mac: the engine runs in a virtual machine'])
  expect((await messages(2))[0]).toContain('linux: its owner does not allow privileged containers')
})
