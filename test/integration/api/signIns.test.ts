/** Sign-ins that the window at a worker's machine asks for: only over TLS, only for the window that asked, answered by an admin. */
import { createHash, randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { LiveManager, until } from '../../support/liveManager.ts'
import { WorkerLab } from '../../support/workerParts.ts'

const lab = new WorkerLab()
let farm: LiveManager
beforeEach(async () => {
  farm = await LiveManager.start({ tls: { host: '127.0.0.1', port: 0 }, trustLoopback: true })
})
afterEach(async () => {
  await lab.cleanUp()
  await farm.stop()
})

function makeToken() {
  const token = `fht_${randomBytes(32).toString('base64url')}`
  return { token, key: createHash('sha256').update(token).digest('base64url') }
}
interface ShownWorker {
  id: string
  name: string
  signIn: { person: string } | null
}
const workers = async () => (await farm.get('/workers')).body.items as ShownWorker[]
const stateOf = async (key: string) => (await farm.get(`/agent/sign-in?key=${key}`)).body as { state: string; approved: boolean }
const as = (token: string, method: string, path: string, body?: object) =>
  farm.call(method, path, { headers: { authorization: `Bearer ${token}` }, ...(body && { body }) })

async function ask(key: string, managerUrl = farm.manager.tls?.url ?? '') {
  const started = await lab.start({ managerUrl, name: 'ws2', signInKey: key })
  await until(() => started.worker.status().connected, 'the worker is connected')
  const [worker] = await workers()
  if (!worker) throw new Error('no worker')
  return { ...worker, started }
}

it('makes the token of the window valid, with the role that the admin chose, once it is granted', async () => {
  const { token, key } = makeToken()
  const { id, signIn, started } = await ask(key)
  expect(signIn).not.toBeNull()
  expect(await stateOf(key)).toEqual({ state: 'waiting', approved: true })
  expect((await as(token, 'GET', '/whoami')).status).toBe(401)

  const granted = await farm.call('POST', `/workers/${id}/sign-in`, { body: { role: 'viewer' } })
  expect(granted).toMatchObject({ status: 200, body: { signIn: null } })
  expect(await stateOf(key)).toMatchObject({ state: 'granted' })
  expect(await as(token, 'GET', '/whoami')).toMatchObject({ status: 200, body: { role: 'viewer', scopes: ['read'] } })
  expect((await as(token, 'POST', '/jobs', {})).status).toBe(403)
  // Granted once: the request cannot be used again.
  expect((await farm.call('POST', `/workers/${id}/sign-in`, { body: { role: 'artist' } })).status).toBe(404)
  // Nothing that the farm shows or keeps lets anyone else in.
  const shown = JSON.stringify([(await farm.get('/tokens')).body, (await farm.get('/audit')).body, (await farm.get('/workers')).body])
  expect(shown).toContain(' @ ws2')
  expect(shown).not.toContain(token)
  expect((await as(key, 'GET', '/whoami')).status).toBe(401)

  farm = await farm.restart()
  expect((await as(token, 'GET', '/whoami')).status).toBe(200)
  expect(await stateOf(key)).toMatchObject({ state: 'granted' })
  const [listed] = (await farm.get('/tokens')).body.items as { id: string }[]
  await farm.call('DELETE', `/tokens/${listed?.id}`)
  expect((await as(token, 'GET', '/whoami')).status).toBe(401)
  // A token that was revoked never counts again.
  await started.worker.stop()
  const again = await lab.start({ managerUrl: farm.manager.tls?.url ?? '', name: 'ws2', signInKey: key, dataDir: started.dataDir })
  await until(() => again.worker.status().connected, 'it is connected again')
  expect(await stateOf(key)).toMatchObject({ state: 'refused' })
  expect((await workers())[0]?.signIn).toBeNull()
})

it('lets an artist submit, and an artist grants none', async () => {
  const { token, key } = makeToken()
  const { id } = await ask(key)
  await farm.call('POST', `/workers/${id}/sign-in`, { body: { role: 'artist' } })
  expect(await as(token, 'GET', '/whoami')).toMatchObject({ body: { role: 'artist' } })
  expect((await as(token, 'POST', `/workers/${id}/sign-in`, { role: 'artist' })).status).toBe(403)
  expect(await farm.call('POST', `/workers/${id}/sign-in`, { body: { role: 'admin' } })).toMatchObject({ status: 400 })
})

it('is refused until the window asks with another token', async () => {
  const { token, key } = makeToken()
  const { id, started } = await ask(key)
  expect(await farm.call('DELETE', `/workers/${id}/sign-in`)).toMatchObject({ status: 200, body: { signIn: null } })
  expect(await stateOf(key)).toMatchObject({ state: 'refused' })
  await started.worker.stop()
  const again = await lab.start({ managerUrl: farm.manager.tls?.url ?? '', name: 'ws2', signInKey: key, dataDir: started.dataDir })
  await until(() => again.worker.status().connected, 'it is connected again')
  expect(await stateOf(key)).toMatchObject({ state: 'refused' })
  expect((await as(token, 'GET', '/whoami')).status).toBe(401)
  await again.worker.stop()
  const other = makeToken()
  const third = await lab.start({ managerUrl: farm.manager.tls?.url ?? '', name: 'ws2', signInKey: other.key, dataDir: started.dataDir })
  await until(() => third.worker.status().connected, 'it is connected again')
  expect(await stateOf(other.key)).toMatchObject({ state: 'waiting' })
  expect(await stateOf(key)).toEqual({ state: 'unknown', approved: false })
})

it('does not count over plain HTTP, where everyone on the way could have named a token of their own', async () => {
  const { key } = makeToken()
  const { signIn } = await ask(key, farm.url)
  expect(signIn).toBeNull()
  expect(await stateOf(key)).toEqual({ state: 'unknown', approved: false })
})
