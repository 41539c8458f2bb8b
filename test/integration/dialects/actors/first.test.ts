/** An actor from its registration to the result of a message, over HTTP, with a worker in the place of containers. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ActorsFarm } from '../../../support/actorsFarm.ts'
import { until } from '../../../support/liveManager.ts'

let farm: ActorsFarm
beforeAll(async () => {
  farm = await ActorsFarm.start()
  await farm.startWorker()
})
afterAll(() => farm.stop())

it('an actor is registered, becomes ready, runs a message and shows what it did', async () => {
  const made = await farm.send('POST', '/actors/v2', {
    json: { image: 'abacosamples/test', name: 'first', stateless: false, defaultEnvironment: { a: 1, b: 'two', n: null } },
  })
  expect(made.status).toBe(200)
  expect(made.body).toMatchObject({ status: 'success', message: 'Actor created successfully.', version: expect.any(String) })
  const { id } = made.result
  expect(id).toMatch(/^[0-9A-Za-z]{13}$/)
  expect(made.result).toMatchObject({ status: 'SUBMITTED', owner: 'local', state: {}, revision: 1, stateless: false, queue: 'default' })
  await farm.pulled()
  await until(async () => (await farm.get(`/actors/${id}`)).result.status === 'READY', 'ready')

  const sent = await farm.send('POST', `//actors/v2/${id}/messages/?who=me`, {
    raw: '{"key1": "value1", "n": 1, "f": 1.0, "b": true, "x": null}',
    type: 'application/json',
  })
  expect(sent.result).toMatchObject({ msg: { key1: 'value1', n: 1, f: 1, b: true, x: null }, executionId: expect.any(String) })
  const execution = sent.result.executionId
  expect((await farm.get(`/actors/${id}/messages`)).result.messages).toBe(1)
  expect((await farm.get(`/actors/${id}/executions/${execution}`)).result).toMatchObject({ status: 'SUBMITTED', executor: 'local', cpu: 0 })

  const assignment = await farm.take()
  expect(assignment.commands[0]).toMatchObject({ name: 'actor-run', parameters: { image: 'abacosamples/test:latest' } })
  expect(ActorsFarm.env(assignment)).toMatchObject({
    MSG: "{'key1': 'value1', 'n': 1, 'f': 1.0, 'b': True, 'x': None}",
    a: '1',
    b: 'two',
    n: null,
    who: 'me',
    _abaco_username: 'local',
    _abaco_actor_id: id,
    _abaco_execution_id: execution,
    _abaco_Content_Type: 'application/json',
    '_abaco_Content-Type': 'application/json',
    _abaco_actor_state: '{}',
    _abaco_actor_name: 'first',
    _actor_configs: '{}',
  })
  expect((await farm.get(`/actors/${id}/executions/${execution}`)).result).toMatchObject({
    status: 'RUNNING',
    workerId: expect.any(String),
  })
  await farm.theWorker.log(assignment, 'Contents of MSG: hello\n')
  await farm.theWorker.report(assignment, { type: 'result', at: Date.now(), data: Buffer.from('one').toString('base64') })
  await farm.theWorker.report(assignment, { type: 'result', at: Date.now(), data: Buffer.from('two').toString('base64') })
  await farm.theWorker.finish(assignment, 'exit-code')

  const done = await farm.get(`/actors/${id}/executions/${execution}`)
  expect(done.result).toMatchObject({ status: 'COMPLETE', exitCode: 1, actorId: id, finalState: { Status: 'exited', ExitCode: 1 } })
  expect((await farm.get(`/actors/${id}/executions/${execution}/logs`)).result.logs).toBe('Contents of MSG: hello\n')
  const results = `/actors/${id}/executions/${execution}/results`
  expect((await farm.get(results)).text).toBe('one')
  expect((await farm.get(results)).text).toBe('two')
  const empty = await farm.get(results)
  expect([empty.status, empty.text, empty.headers.get('content-type')]).toEqual([200, '', 'application/octet-stream'])

  const list = await farm.get(`/actors/${id}/executions`)
  expect(list.result).toMatchObject({ totalExecutions: 1, ids: [execution], executions: [{ id: execution, status: 'COMPLETE' }] })
  const jobs = await farm.farm.get('/jobs')
  expect(jobs.body.items ?? jobs.body.jobs).toMatchObject([{ name: 'first', status: 'completed', restsAs: 'waiting for messages' }])
  expect(farm.farm.errors).toEqual([])
})

it('messages of a stateful actor run in order, one at a time', async () => {
  const id = await farm.readyActor({ stateless: false })
  const ids = [await farm.message(id, '1'), await farm.message(id, '2'), await farm.message(id, '3')]
  const seen: (string | null | undefined)[] = []
  for (let i = 0; i < 3; i++) {
    const assignment = await farm.take()
    expect((await farm.theWorker.take(5)).assignments).toEqual([])
    seen.push(ActorsFarm.env(assignment)['_abaco_execution_id'])
    await farm.theWorker.finish(assignment)
  }
  expect(seen).toEqual(ids)
})

it('a deleted actor is gone with its job', async () => {
  const id = await farm.readyActor()
  expect((await farm.send('DELETE', `/actors/${id}`)).body).toMatchObject({ result: null, message: 'Actor deleted successfully.' })
  expect((await farm.get(`/actors/${id}`)).status).toBe(404)
  expect((await farm.get('/actors')).result.map((actor: { id: string }) => actor.id)).not.toContain(id)
})

it('a message of a stateful actor that cannot start keeps its place', async () => {
  const id = await farm.readyActor({ stateless: false })
  const first = await farm.message(id, '1')
  await farm.message(id, '2')
  const failed = await farm.take()
  await farm.theWorker.report(failed, { type: 'finished', at: Date.now(), outcome: 'could-not-start', exitCode: null, reason: 'no room' })
  expect((await farm.theWorker.take(5)).assignments).toEqual([])
  const again = await farm.take()
  expect(ActorsFarm.env(again)['_abaco_execution_id']).toBe(first)
  await farm.theWorker.finish(again)
  await farm.theWorker.finish(await farm.take())
})

it('what was accepted, and everything about actors, is there after a restart', async () => {
  const id = await farm.readyActor({ name: 'lasting', stateless: false })
  await farm.send('POST', `/actors/${id}/state`, { json: { n: 1 } })
  await farm.send('POST', '/actors/aliases', { json: { alias: 'lasting', actorId: id } })
  const nonce = (await farm.send('POST', `/actors/${id}/nonces`, { json: { maxUses: 2 } })).result.id
  await farm.get(`/actors/${id}?x-nonce=${nonce}`)
  const execution = await farm.message(id, 'kept')
  farm.farm = await farm.farm.restart()
  expect((await farm.get('/actors/lasting')).result).toMatchObject({ id, state: { n: 1 }, status: 'READY' })
  expect((await farm.get(`/actors/${id}/executions/${execution}`)).result.status).toBe('SUBMITTED')
  expect((await farm.get(`/actors/${id}?x-nonce=${nonce}`)).status).toBe(200)
  expect((await farm.get(`/actors/${id}?x-nonce=${nonce}`)).status).toBe(400)
  expect((await farm.get(`/actors/${id}/workers`)).result).toHaveLength(1)
})
