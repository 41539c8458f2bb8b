/** What outlives a restart of the manager, and what is kept no longer. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ActorsFarm } from '../../../support/actorsFarm.ts'
import { until } from '../../../support/liveManager.ts'

const MINUTE = 60_000
const DAY = 86_400_000

let farm: ActorsFarm
let offset = 0
const later = (ms: number): void => void (offset += ms)

beforeEach(async () => {
  offset = 0
  farm = await ActorsFarm.start({ now: () => Date.now() + offset })
  await farm.startWorker()
})
afterEach(() => farm.stop())

async function count(sql: string, ...values: (number | string)[]): Promise<number> {
  const row = await farm.farm.manager.context.read.get<{ n: number }>(sql, values)
  return row?.n ?? -1
}

/** An execution that printed something and ended. */
async function ran(actor: string, text: string): Promise<string> {
  const execution = await farm.message(actor, text)
  const assignment = await farm.take()
  await farm.theWorker.log(assignment, `${text}\n`)
  await farm.theWorker.report(assignment, { type: 'result', at: Date.now(), data: Buffer.from(text).toString('base64') })
  await farm.theWorker.finish(assignment)
  await until(async () => (await farm.get(`/actors/${actor}/executions/${execution}`)).result.status === 'COMPLETE', 'the end')
  return execution
}

const ids = async (actor: string): Promise<string[]> => (await farm.get(`/actors/${actor}/executions`)).result.ids
const jobOf = async (actor: string) => (await farm.get(`/actors/${actor}?counts=true`)).result

it('an execution that was halted is stopped by the manager that starts next', async () => {
  const actor = await farm.readyActor()
  const execution = await farm.message(actor)
  const assignment = await farm.take()
  const other = await farm.message(actor)
  const untouched = await farm.take()
  const path = `/actors/${actor}/executions/${execution}`
  expect((await farm.send('DELETE', path)).status).toBe(200)
  const running = [assignment, untouched].map(({ taskId, attempt }) => ({ taskId, attempt }))
  const port = Number(new URL(farm.farm.url).port)
  const { id, secret } = farm.theWorker
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  farm.farm = await farm.farm.restart(port)
  const post = (call: string, body: object) => farm.farm.call('POST', `/agent/${call}`, { body, headers: { authorization } })
  await post('sign-on', { name: 'box', software: 'test', kinds: ['actor', 'actor-privileged'], capacity: 50, running })
  const reply = await post('take', { slots: 1, waitMs: 0, running, status: 'awake' })
  expect(reply.body.cancel).toMatchObject([{ taskId: assignment.taskId, attempt: assignment.attempt }])
  await post('report', {
    reports: [{ seq: 1_000, ...running[0], event: { type: 'finished', at: Date.now(), outcome: 'stopped', exitCode: null, reason: '' } }],
  })
  expect((await farm.get(path)).result.status).toBe('COMPLETE')
  expect((await farm.get(`/actors/${actor}/executions/${other}`)).result.status).toBe('RUNNING')
  expect(await count('select count(*) as n from actor_executions where halted = 1')).toBe(0)
})

it('logs go when their time is over, executions beyond the number that is kept with their tasks, and nothing that waits or runs', async () => {
  const [actor, brief, long] = [await farm.readyActor(), await farm.readyActor({ logEx: 3_600 }), await farm.readyActor({ logEx: 86_400 })]
  const old = [await ran(actor, 'one'), await ran(actor, 'two'), await ran(actor, 'three')]
  const [passing, staying] = [await ran(brief, 'short-lived'), await ran(long, 'long-lived')]
  const logs = async (of: string, each: string): Promise<string> => (await farm.get(`/actors/${of}/executions/${each}/logs`)).result.logs
  expect(await logs(brief, passing)).toBe('short-lived\n')
  const text = `select coalesce(sum(bytes), 0) as n from log_chunks`
  const bytes = await count(text)
  later(2 * 60 * MINUTE)
  const running = await farm.message(actor, 'runs')
  const assignment = await farm.take()
  const waiting = await farm.message(actor, 'waits')
  const tasks = await count('select count(*) as n from tasks')
  await farm.change({ actorsKeepCount: 3 })
  await until(async () => (await ids(actor)).length === 3, 'the oldest went', 90_000)
  expect(await ids(actor)).toEqual([old[2], running, waiting])
  expect(await count('select count(*) as n from tasks')).toBe(tasks - 2)
  expect((await jobOf(actor)).counts).toMatchObject({ done: 1, running: 1, waiting: 1 })
  const job = (await farm.farm.get(`/jobs/${(await jobOf(actor)).jobId}`)).body
  expect(job.counts).toMatchObject({ total: job.counts.queued + job.counts.active + job.counts.completed, active: 1, queued: 1 })
  expect((await farm.get(`/actors/${actor}/executions/${old[0]}`)).status).toBe(400)

  await until(async () => (await count(text)) < bytes - 'one\ntwo\n'.length, 'the text is gone', 90_000)
  expect([await logs(brief, passing), await logs(long, staying)]).toEqual(['', 'long-lived\n'])
  expect((await farm.get(`/actors/${brief}/executions/${passing}`)).result.status).toBe('COMPLETE')
  expect(await count('select coalesce(sum(live_bytes), 0) as n from log_segments')).toBe(await count(text))
  expect(await count('select count(*) as n from log_chunks where attempt_id not in (select id from attempts)')).toBe(0)

  // The mailbox goes on: numbers are not given twice.
  await farm.theWorker.finish(assignment)
  const next = await farm.message(actor, 'next')
  expect([...old, running, waiting]).not.toContain(next)
  farm.farm = await farm.farm.restart()
  expect(await ids(actor)).toEqual([old[2], running, waiting, next])
  expect((await jobOf(actor)).counts).toMatchObject({ done: 2, waiting: 2 })
})

it('executions go after the days that they are kept; what was purged is an error before', async () => {
  const actor = await farm.readyActor()
  const first = await ran(actor, 'first')
  await farm.message(actor, 'purged')
  await farm.send('DELETE', `/actors/${actor}/messages`)
  const { executions } = (await farm.get(`/actors/${actor}/executions`)).result
  expect(executions.map(({ status }: { status: string }) => status)).toEqual(['COMPLETE', 'ERROR'])
  await farm.change({ actorsKeepDays: 2 })
  expect(await ids(actor)).toContain(first)
  later(3 * DAY)
  await until(async () => (await ids(actor)).length === 0, 'all went', 90_000)
  expect(await count(`select count(*) as n from tasks where name = 'message'`)).toBe(0)
})
