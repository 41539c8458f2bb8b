/** Who may call what over `/api/v3` when the manager does not trust its own machine, as on a LAN: Flamenco clients send no token. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { openFlamencoManager, type FlamencoManager } from '../../support/flamencoManager.ts'
import { echoJob, FlamencoWorker, NO_SUCH_ID, SECRET } from './actors.ts'
import { Client, OPERATIONS, type CallOptions } from './client.ts'

let manager: FlamencoManager
let client: Client

beforeAll(async () => {
  manager = await openFlamencoManager({ trustLoopback: false, settings: { maxPendingWorkers: 3 } })
  client = new Client(manager)
})
afterAll(async () => {
  const { errors } = manager
  await manager.close()
  expect(errors).toEqual([])
})
afterEach(async () => {
  await manager.context.settings.update({ openToLan: false })
  for (const { publicId } of manager.context.farm.workers.all()) await manager.context.farm.workers.delete(publicId)
})

/** What the add-on calls; workers' own calls need their secret or are open to strangers. */
const OF_THE_ADDON = [
  'GET /configuration/shared-storage/{audience}/{platform}',
  'GET /jobs/types',
  'GET /jobs/type/{typeName}',
  'GET /worker-mgt/tags',
  'POST /jobs',
  'POST /jobs/check',
  'POST /shaman/checkout/requirements',
  'POST /shaman/checkout/create',
  'GET /shaman/files/{checksum}/{filesize}',
  'POST /shaman/files/{checksum}/{filesize}',
]
const OF_ALL = ['GET /version', 'POST /worker/register-worker', 'GET /worker/task/{task_id}/may-i-run']
const OTHERS = Object.keys(OPERATIONS).filter((operation) => ![...OF_THE_ADDON, ...OF_ALL].includes(operation))
const VALUES: Record<string, string> = {
  audience: 'users',
  platform: 'linux',
  typeName: 'echo-sleep-test',
  checksum: 'ab'.repeat(32),
  filesize: '1',
}

function call(operation: string, options: CallOptions = {}, prefix = '') {
  const [method = '', pattern = ''] = operation.split(' ')
  const path = pattern.replace(/\{(\w+)\}/g, (_, name: string) => VALUES[name] ?? NO_SUCH_ID)
  return client.request(method, `${prefix}/api/v3${path}`, method === 'GET' ? options : { body: {}, ...options })
}

describe('a stranger', () => {
  test.each([...OF_THE_ADDON, ...OTHERS])('may not: %s', async (operation) => {
    const { status, body } = await call(operation)
    expect(status).toBe(403)
    expect(body).toMatchObject({ code: 403, message: expect.stringContaining('security requirements failed') })
  })

  test('may ask for the version', async () => {
    await client.call('GET /version', 200)
  })

  test('learns that it may not run a task: a worker that was removed takes an error for trouble on the network', async () => {
    const { status, body } = await call('GET /worker/task/{task_id}/may-i-run')
    expect([status, body]).toEqual([200, expect.objectContaining({ mayKeepRunning: false })])
  })

  test('may not read task logs or images, nor listen', async () => {
    for (const path of [`/job-files/job-1111/${NO_SUCH_ID}/task-${NO_SUCH_ID}.txt`, '/socket.io/'])
      expect((await client.request('GET', path)).status).toBe(403)
  })
})

describe('workers of strangers', () => {
  test('may register and sign on, are put to sleep, and get no task until they are approved', async () => {
    await manager.context.settings.update({ openToLan: true })
    await client.call('POST /jobs', 200, [], { body: echoJob() })
    const worker = await FlamencoWorker.register(client, 'stranger')
    expect(await worker.signOn()).toBe('asleep')
    await worker.changedTo('asleep')
    await worker.schedule(409)
    await worker.changedTo('awake')
    await worker.schedule(409)
    await manager.context.farm.workers.approve(worker.uuid)
    await worker.changedTo('awake')
    await worker.schedule(200)
  })

  test('cannot wait in any number', async () => {
    const body = { name: 'x', secret: SECRET, platform: 'linux', supported_task_types: ['misc'] }
    for (let i = 0; i < 3; i++) await client.call('POST /worker/register-worker', 200, [], { body })
    await client.call('POST /worker/register-worker', 429, [], { body })
    expect(manager.context.farm.workers.all()).toHaveLength(3)
  })

  test('a deleted worker cannot sign on any more', async () => {
    const worker = await FlamencoWorker.register(client)
    await manager.context.farm.workers.delete(worker.uuid)
    await client.call('POST /worker/sign-on', 403, [], { as: worker, body: { name: 'x', supported_task_types: [], software_version: 'x' } })
  })
})

describe('with the farm open to the LAN', () => {
  test.each(OF_THE_ADDON)('the add-on may: %s', async (operation) => {
    await manager.context.settings.update({ openToLan: true })
    expect((await call(operation)).status).not.toBe(403)
  })

  test.each(OTHERS)('nothing more than that: %s', async (operation) => {
    await manager.context.settings.update({ openToLan: true })
    expect((await call(operation)).status).toBe(403)
  })
})

describe('keys in the address', () => {
  test('a wrong one opens nothing', async () => {
    for (const operation of OF_THE_ADDON) expect((await call(operation, {}, '/k/wrong')).status).toBe(403)
  })

  test('one to submit with is the add-on’s, and workers’ approval comes with one to join with', async () => {
    const { accounts } = manager.context.security
    const submit = await accounts.createToken({
      kind: 'key',
      name: 'add-on',
      role: 'artist',
      scopes: ['submit'],
      expiresAt: null,
      createdBy: 'test',
    })
    const join = await accounts.createToken({
      kind: 'key',
      name: 'workers',
      role: 'viewer',
      scopes: ['worker'],
      expiresAt: null,
      createdBy: 'test',
    })
    const { status, body } = await client.request('POST', `/k/${submit.text}/api/v3/jobs`, { body: echoJob() })
    expect(status, JSON.stringify(body)).toBe(200)
    expect((await client.request('DELETE', `/k/${submit.text}/api/v3/jobs/${body.id}`)).status).toBe(403)
    const registered = await client.request('POST', `/k/${join.text}/api/v3/worker/register-worker`, {
      body: { name: 'ours', secret: SECRET, platform: 'linux', supported_task_types: ['misc'] },
    })
    expect(registered.status).toBe(200)
    expect(manager.context.farm.workers.find(registered.body.uuid)?.approvedAt).not.toBeNull()
    expect((await client.request('POST', `/k/${join.text}/api/v3/jobs`, { body: echoJob() })).status).toBe(403)
  })

  test('events come to a page that was opened with a key', async () => {
    const { text } = await manager.context.security.accounts.createToken({
      kind: 'key',
      name: 'viewer',
      role: 'viewer',
      scopes: ['read'],
      expiresAt: null,
      createdBy: 'test',
    })
    const socket = new WebSocket(`${manager.url.replace('http', 'ws')}/k/${text}/socket.io/?EIO=3&transport=websocket`)
    const first = await new Promise((resolve, reject) => socket.once('message', (data) => resolve(String(data))).once('error', reject))
    expect(first).toMatch(/^0\{"sid":/)
    socket.terminate()
  })

  test('artists change their own jobs and no others', async () => {
    const { accounts } = manager.context.security
    const key = async (name: string) =>
      (await accounts.createToken({ kind: 'key', name, role: 'artist', scopes: ['submit', 'manage'], expiresAt: null, createdBy: 'test' }))
        .text
    const [anna, ben] = [await key('anna'), await key('ben')]
    const { body: job } = await client.request('POST', `/k/${anna}/api/v3/jobs`, { body: echoJob() })
    const change = (secret: string) => client.request('POST', `/k/${secret}/api/v3/jobs/${job.id}/setpriority`, { body: { priority: 1 } })
    expect((await change(ben)).status).toBe(403)
    expect((await change(anna)).status).toBe(204)
    const all = { body: { last_updated_max: '2100-01-01T00:00:00Z' } }
    expect((await client.request('DELETE', `/k/${ben}/api/v3/jobs/mass-delete`, all)).status).toBe(416)
    expect((await client.request('DELETE', `/k/${anna}/api/v3/jobs/mass-delete`, all)).status).toBe(204)
    expect((await client.request('GET', `/k/${anna}/api/v3/jobs/${job.id}`)).status).toBe(404)
  })
})
