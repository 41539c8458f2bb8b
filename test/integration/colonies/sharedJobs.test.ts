/** Single processes share a job, and each is still a process of its own; those of an earlier version have jobs of their own. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { idOfPrivateKey, newPrivateKey } from '../../../src/main/dialects/colonies/crypto/signatures.ts'
import { Registry } from '../../../src/main/dialects/colonies/people/registry.ts'
import { SharedJobs } from '../../../src/main/dialects/colonies/processes/jobs/sharedJobs.ts'
import type { ColoniesCaller } from '../../support/coloniesCaller.ts'
import { coloniesFixture, spec } from '../../support/coloniesCaller.ts'
import { LiveManager, until } from '../../support/liveManager.ts'

const serverKey = newPrivateKey()
let farm: LiveManager
let owner: ColoniesCaller
let executor: ColoniesCaller
let colony: string

beforeEach(async () => {
  farm = await LiveManager.start()
  await farm.call('PATCH', '/settings', {
    body: { coloniesEnabled: true, coloniesPort: 0, coloniesServerId: idOfPrivateKey(serverKey) },
  })
  ;({ owner, executor, colony } = await coloniesFixture(farm.url, serverKey))
})
afterEach(() => farm.stop())

const submit = async (more: Record<string, unknown> = {}): Promise<string> =>
  (await executor.ask('submitfuncspecmsg', { spec: spec(colony, more) })).processid
const assign = () => executor.send('assignprocessmsg', { colonyname: colony, timeout: -1 })
const close = (processid: string) => executor.ask('closesuccessfulmsg', { processid, out: [1] })
const stateOf = async (processid: string): Promise<number> => {
  const { body } = await executor.send('getprocessmsg', { processid })
  return body.state ?? -1
}
const counts = () => executor.ask('getcolonystatsmsg', { colonyname: colony })
// A job's and a task's fields, as the native API shows them.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const jobs = async (): Promise<any[]> => (await farm.get('/jobs?limit=100')).body.items

async function restart(meanwhile?: string): Promise<void> {
  farm = await farm.restart(0, meanwhile)
  ;[owner, executor] = [owner.at(farm.url), executor.at(farm.url)]
}

it('processes with the same conditions share a job, which rests in between; others have another one', async () => {
  const [a, b] = [await submit({ nodename: 'a' }), await submit({ nodename: 'b', maxexectime: 100, maxretries: 3 })]
  expect(await jobs()).toMatchObject([{ name: `${colony}/cli`, status: 'queued', steps: { total: 2 } }])
  expect((await assign()).body).toMatchObject({ processid: a, execdeadline: '0001-01-01T00:00:00Z' })
  const second = (await assign()).body
  expect(second).toMatchObject({ processid: b })
  // Each has limits of its own.
  expect(Date.parse(second.execdeadline) - Date.parse(second.starttime)).toBe(100_000)
  await close(a)
  await executor.ask('closefailedmsg', { processid: b, errors: ['no'] })
  expect(await jobs()).toMatchObject([{ status: 'completed', restsAs: 'waiting for processes' }])
  expect(await Promise.all([a, b].map(stateOf))).toEqual([2, 3])

  await restart()
  const c = await submit()
  const located = await submit({ conditions: { colonyname: colony, executortype: 'cli', locationname: 'there' } })
  expect((await jobs()).map(({ name, steps }) => `${name} ${steps.total}`).toSorted()).toEqual([
    `${colony}/cli 3`,
    `${colony}/cli?location=there 1`,
  ])
  expect((await assign()).body.processid).toBe(c)
  expect((await assign()).status).toBe(404)
  expect(await stateOf(located)).toBe(0)
  expect(farm.errors).toEqual([])
})

it('order: a step of priority is a day of waiting, among single processes and workflows, also after a restart', async () => {
  const graph = async (priority: number): Promise<string> => {
    const functionspecs = [{ ...spec(colony, { nodename: 'n' }), priority }]
    return (await executor.ask('submitworkflowspecmsg', { spec: { colonyname: colony, functionspecs } })).processids[0]
  }
  const low = await submit({ priority: -50_000 })
  const first = await submit()
  const middle = await graph(1)
  const same = await submit()
  const high = await submit({ priority: 50_000 })
  const alike = await submit({ priority: 1 })
  await restart()
  const taken: string[] = []
  for (let n = 0; n < 6; n++) taken.push((await assign()).body.processid)
  expect(taken).toEqual([high, middle, alike, first, same, low])
})

it('a high priority is first however many wait', async () => {
  await Promise.all(Array.from({ length: 400 }, () => submit()))
  await assign()
  const high = await submit({ priority: 2 })
  expect((await assign()).body.processid).toBe(high)
})

it('what is removed is gone, and the others are not', async () => {
  const ids = [await submit(), await submit(), await submit(), await submit()]
  const [ended = '', running = '', waiting = '', kept = ''] = ids
  await assign()
  await close(ended)
  await assign()
  await executor.ask('addlogmsg', { processid: running, message: 'hello' })
  expect((await executor.send('removeprocessmsg', { processid: running })).status).toBe(400)
  await executor.ask('removeprocessmsg', { processid: waiting })
  await executor.ask('removeprocessmsg', { processid: ended })
  expect(await Promise.all(ids.map(stateOf))).toEqual([-1, 1, -1, 0])
  expect(await counts()).toMatchObject({ waitingprocesses: 1, runningprocesses: 1, successfulprocesses: 0, cancelledprocesses: 0 })
  expect((await assign()).body.processid).toBe(kept)
  expect((await assign()).status).toBe(404)

  // A person has the farm's tasks run again that it kept of them.
  await close(running)
  await close(kept)
  const [job] = await jobs()
  const { status } = await farm.call('POST', `/jobs/${job.id}/actions`, { body: { action: 'requeue' } })
  expect(status).toBeLessThan(300)
  const again = [(await assign()).body.processid, (await assign()).body.processid]
  expect(again.toSorted()).toEqual([running, kept].toSorted())
  expect((await assign()).status).toBe(404)
  await Promise.all(again.map(close))
  await until(async () => (await jobs())[0].status === 'completed', 'the job rests')
  expect(farm.errors).toEqual([])
})

it('all of a state are removed, and with a colony all that is in it', async () => {
  for (let n = 0; n < 6; n++) await submit()
  const [first, second] = [(await assign()).body.processid, (await assign()).body.processid]
  await close(first)
  await owner.ask('removeallprocessesmsg', { colonyname: colony, state: 2 })
  expect([await stateOf(first), await stateOf(second)]).toEqual([-1, 1])
  await owner.ask('removeallprocessesmsg', { colonyname: colony, state: 0 })
  expect(await counts()).toMatchObject({ waitingprocesses: 0, runningprocesses: 1 })
  await owner.ask('removeallprocessesmsg', { colonyname: colony, state: 1 })
  expect(await counts()).toMatchObject({ waitingprocesses: 0, runningprocesses: 0, cancelledprocesses: 0 })
  const later = await submit()
  expect((await assign()).body.processid).toBe(later)
  await owner.ask('removeallprocessesmsg', { colonyname: colony })
  expect(await jobs()).toEqual([])
  const last = await submit()
  expect((await assign()).body.processid).toBe(last)
})

it('the next process opens another job when a person deleted the one it would join', async () => {
  const before = await submit()
  const [job] = await jobs()
  await farm.call('POST', `/jobs/${job.id}/actions`, { body: { action: 'delete' } })
  expect(await stateOf(before)).toBe(-1)
  const after = await submit()
  expect((await assign()).body.processid).toBe(after)
  // What was canceled with it comes back as that.
  await farm.call('POST', `/jobs/${job.id}/actions`, { body: { action: 'undelete' } })
  expect(await stateOf(before)).toBe(4)
})

it('a job takes so many processes and no more, and goes when the last of them is removed', async () => {
  const { context } = farm.manager
  const registry = await Registry.load(context)
  const shared = await SharedJobs.load(context, 3)
  const known = registry.find(colony)
  if (!known) throw new Error('no colony')
  const append = (n: number) =>
    shared.append(known, 'kind', {
      name: String(n),
      priority: 0,
      limits: { maxRunMs: 0, maxRetries: -1, maxWaitMs: 0 },
      row: { kind: 'colonies-process', values: [known.id, '{}', 'cli', '', executor.id, 'one', n] },
    })
  const places = []
  for (let n = 1; n <= 7; n++) places.push(await append(n))
  expect(places.map(({ index }) => index)).toEqual([1, 2, 3, 1, 2, 3, 1])
  expect(new Set(places.map(({ jobId }) => jobId)).size).toBe(3)
  // The one that is open stays so.
  expect((await (await SharedJobs.load(context, 3)).append(known, 'kind', { ...task(known.id) })).jobId).toBe(places[6]?.jobId)
  const { status } = await farm.call('POST', `/jobs/${places[0]?.jobId}/actions`, { body: { action: 'cancel' } })
  expect(status).toBeLessThan(300)
  await owner.ask('removeallprocessesmsg', { colonyname: colony, state: 4 })
  expect((await jobs()).map(({ id }) => id)).not.toContain(places[0]?.jobId)
  await owner.ask('removeallprocessesmsg', { colonyname: colony, state: 0 })
  expect((await jobs()).map(({ id }) => id)).toEqual([places[6]?.jobId])
})

const task = (colonyId: number) => ({
  name: 'more',
  priority: 0,
  limits: { maxRunMs: 0, maxRetries: -1, maxWaitMs: 0 },
  row: { kind: 'colonies-process', values: [colonyId, '{}', 'cli', '', executor.id, 'one', 1] },
})

it('processes of an earlier version, each in a job of its own, go on beside the new ones', async () => {
  const old = [await submit(), await submit({ conditions: { colonyname: colony, executortype: 'cli', executornames: ['one'] } })]
  const [waits = '', removed = ''] = old
  // What earlier versions stored of these: jobs of one task.
  await restart(
    `update jobs set queue_order = 'task-days', type = 'colonies-process', policy = json_remove(policy, '$.restsAs') where type = 'colonies-processes';
     update tasks set order_key = (100 - priority) * 4294967296 + idx;
     delete from colonies_jobs;`,
  )
  const fresh = await submit()
  expect((await jobs()).map(({ steps }) => steps.total)).toEqual([1, 1, 1])
  await executor.ask('removeprocessmsg', { processid: removed })
  expect(await stateOf(removed)).toBe(-1)
  expect(await jobs()).toHaveLength(2)
  const listed = await executor.ask('getprocessesmsg', { colonyname: colony, count: 10, state: 0 })
  expect(listed.map(({ processid }: { processid: string }) => processid)).toEqual([waits, fresh])
  expect((await assign()).body.processid).toBe(waits)
  expect((await assign()).body.processid).toBe(fresh)
  await close(waits)
  await owner.ask('removeallprocessesmsg', { colonyname: colony, state: 2 })
  expect(await Promise.all([waits, fresh].map(stateOf))).toEqual([-1, 1])
  await owner.ask('removeallprocessesmsg', { colonyname: colony })
  expect(await jobs()).toEqual([])
})
