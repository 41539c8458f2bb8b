/** The native API of colonies: what the window shows and does, beside real signed clients. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { idOfPrivateKey, newPrivateKey } from '../../../src/main/dialects/colonies/crypto/signatures.ts'
import type { ColonyExecutor, NewIdentity } from '../../../src/shared/schemas/colonies/people.ts'
import type { ChannelEntries, ColonyProcess, ColonyWorkflow } from '../../../src/shared/schemas/colonies/work.ts'
import { ColoniesCaller, spec } from '../../support/coloniesCaller.ts'
import { LiveManager, until } from '../../support/liveManager.ts'

let farm: LiveManager
let owner: ColoniesCaller
let executor: ColoniesCaller
let user: ColoniesCaller

beforeAll(async () => {
  farm = await LiveManager.start()
  await farm.call('PATCH', '/settings', { body: { coloniesEnabled: true, coloniesPort: 0 } })
})
afterAll(() => farm.stop())

const get = async <T>(path: string): Promise<T> => {
  const { status, body } = await farm.get(path)
  if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`)
  return body as T
}
const executors = async (): Promise<ColonyExecutor[]> => (await get<{ items: ColonyExecutor[] }>('/colonies/studio/executors')).items
const processes = async (state: string) => (await get<{ items: ColonyProcess[] }>(`/colonies/studio/processes?state=${state}`)).items
const made = async (path: string, body: object): Promise<NewIdentity> => {
  const reply = await farm.call('POST', path, { body })
  expect(reply.status).toBe(201)
  return reply.body as NewIdentity
}

it('makes a colony whose key is its owner, and is nowhere else', async () => {
  expect(await get('/colonies')).toEqual({ enabled: true, address: '', items: [] })
  const { id, privateKey } = await made('/colonies', { name: 'studio' })
  owner = new ColoniesCaller(farm.url, privateKey ?? '')
  expect(owner.id).toBe(id)
  expect(await owner.ask('getcolonymsg', { colonyname: 'studio' })).toEqual({ colonyid: id, name: 'studio' })
  expect((await farm.call('POST', '/colonies', { body: { name: 'studio' } })).status).toBe(409)
  let log = ''
  await until(async () => (log = (await farm.get('/audit?limit=10')).text).includes('createColony'), 'the log tells of it')
  expect(log).toContain(id)
  expect(log + (await farm.get('/colonies')).text).not.toContain(owner.key)
})

it('takes an identity that the caller has, but none whose key is published', async () => {
  const mine = idOfPrivateKey(newPrivateKey())
  expect(await made('/colonies', { name: 'own', id: mine })).toEqual({ name: 'own', id: mine, privateKey: null })
  expect((await farm.call('DELETE', '/colonies/own')).status).toBe(204)
  const published = '039231c7644e04b6895471dd5335cf332681c54e27f81fac54f9067b3f2c0103'
  expect((await farm.call('POST', '/colonies', { body: { name: 'dev', id: published } })).status).toBe(400)
  expect(await get('/colonies')).toMatchObject({ items: [{ name: 'studio' }] })
})

it('makes executors and users that can work at once', async () => {
  executor = new ColoniesCaller(farm.url, (await made('/colonies/studio/executors', { name: 'one', type: 'cli' })).privateKey ?? '')
  user = new ColoniesCaller(farm.url, (await made('/colonies/studio/users', { name: 'anna', email: 'anna@studio' })).privateKey ?? '')
  expect((await farm.call('POST', '/colonies/studio/executors', { body: { name: 'one', type: 'cli' } })).status).toBe(409)
  expect((await farm.call('POST', '/colonies/studio/users', { body: { name: 'anna' } })).status).toBe(409)
  const { processid } = await user.ask('submitfuncspecmsg', {
    spec: spec('studio', { args: [9007199254740993n.toString()], channels: ['chat'] }),
  })
  expect(await processes('waiting')).toMatchObject([
    { id: processid, name: 'work', executor: null, submittedBy: 'anna', channels: ['chat'], inWorkflow: false },
  ])
  expect(await executor.ask('assignprocessmsg', { colonyname: 'studio', timeout: 5 })).toMatchObject({ processid })
  const [{ jobId = '', taskId = '' } = {}] = await processes('running')
  expect(await executors()).toMatchObject([
    { name: 'one', state: 'approved', held: 1, silentSince: null, holds: [{ id: processid, name: 'work', jobId, taskId }] },
  ])
  expect((await farm.get(`/jobs/${jobId}`)).status).toBe(200)
  expect(await get(`/colonies/studio/processes/${processid}`)).toMatchObject({
    args: '["9007199254740993"]',
    output: '[]',
    executor: 'one',
  })
})

it('shows a channel as it grows, from all who write', async () => {
  const [{ id = '' } = {}] = await processes('running')
  const read = (query: string) => get<ChannelEntries>(`/colonies/studio/processes/${id}/channels/chat${query}`)
  const say = (who: ColoniesCaller, sequence: number, text: string) =>
    who.ask('channelappendmsg', {
      processid: id,
      name: 'chat',
      sequence,
      inreplyto: 0,
      payload: Buffer.from(text).toString('base64'),
      payloadtype: '',
    })
  expect(await read('')).toEqual({ items: [], ended: false })
  await say(user, 1, 'frame 1?')
  const first = await read('')
  expect(first).toMatchObject({ items: [{ sender: 'anna', text: 'frame 1?', sequence: '1' }] })
  const next = read(`?after=${first.items[0]?.id}&waitMs=20000`)
  await say(executor, 1, 'done')
  expect((await next).items).toMatchObject([{ sender: 'one', text: 'done' }])
  const last = (await read('')).items.at(-1)?.id
  const ending = read(`?after=${last}&waitMs=20000`)
  await executor.ask('closesuccessfulmsg', { processid: id, out: ['x'] })
  expect(await ending).toEqual({ items: [], ended: true })
  expect((await farm.get(`/colonies/studio/processes/${id}/channels/other`)).status).toBe(404)
})

it('lists many processes a page at a time, each once', async () => {
  for (let i = 0; i < 7; i++) await user.ask('submitfuncspecmsg', { spec: spec('studio', { label: `p${i}` }) })
  const labels: string[] = []
  for (let cursor = ''; ;) {
    const page = await get<{ items: ColonyProcess[]; next: string | null }>(
      `/colonies/studio/processes?state=waiting&limit=3${cursor && `&cursor=${cursor}`}`,
    )
    labels.push(...page.items.map(({ label }) => label))
    if (page.next === null) break
    cursor = page.next
  }
  expect(labels).toEqual(['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6'])
  expect((await farm.get('/colonies/studio/processes?state=waiting&cursor=x')).body).toMatchObject({
    code: 'invalid-input',
    field: 'cursor',
  })
})

it('lists workflows with the states of their processes', async () => {
  const node = (name: string, dependencies: string[]) =>
    spec('studio', { nodename: name, conditions: { colonyname: 'studio', executortype: 'other', dependencies } })
  const graph = await user.ask('submitworkflowspecmsg', {
    spec: { colonyname: 'studio', functionspecs: [node('a', []), node('b', ['a'])] },
  })
  const { items } = await get<{ items: ColonyWorkflow[] }>('/colonies/studio/workflows')
  expect(items).toMatchObject([{ id: graph.processgraphid, state: 'waiting', processes: { waiting: 2, running: 0 } }])
  expect((await farm.get(`/jobs/${items[0]?.jobId}/graph`)).status).toBe(200)
})

it('pauses, rejects, approves and removes', async () => {
  expect((await farm.call('PATCH', '/colonies/studio', { body: { paused: true } })).body).toMatchObject({ paused: true })
  expect(await owner.ask('getpausestatusmsg', { colonyname: 'studio' })).toMatchObject({ ispaused: true })
  await farm.call('PATCH', '/colonies/studio', { body: { paused: false } })
  const act = (action: string) => farm.call('POST', '/colonies/studio/executors/one/actions', { body: { action } })
  expect((await act('reject')).status).toBe(204)
  expect(await executors()).toMatchObject([{ state: 'rejected' }])
  expect((await act('approve')).status).toBe(204)
  expect((await farm.call('DELETE', '/colonies/studio/executors/one')).status).toBe(204)
  expect(await executors()).toMatchObject([{ state: 'unregistered' }])
  expect((await act('approve')).body).toMatchObject({ status: 400, code: 'invalid-input' })
  expect((await farm.call('DELETE', '/colonies/studio/users/anna')).status).toBe(204)
  expect((await user.send('getcolonymsg', { colonyname: 'studio' })).status).toBe(403)
  expect((await farm.get('/colonies/nowhere')).body).toMatchObject({ status: 404, code: 'not-found' })
})

it('a colony that is removed is gone, with its jobs', async () => {
  expect((await farm.call('DELETE', '/colonies/studio')).status).toBe(204)
  expect((await get<{ items: unknown[] }>('/colonies')).items).toEqual([])
  expect((await get<{ items: unknown[] }>('/jobs')).items).toEqual([])
})
