/**
 * Whatever is sent to `/api/v3`: a 4xx in the dialect's form that names what is wrong, never a 5xx, and nothing in the
 * database is different afterwards. The rows are made from valid requests, by breaking each part of them in turn.
 */
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openFlamencoManager, type FlamencoManager } from '../../support/flamencoManager.ts'
import { echoJob, FlamencoWorker, NO_SUCH_ID, SECRET, submit, tasksOf } from './actors.ts'
import { assertShape, Client, OPERATIONS, type CallOptions, type Reply } from './client.ts'
import { ErrorReply } from './schemas.ts'

let manager: FlamencoManager
let client: Client
let worker: FlamencoWorker
const ids: Record<string, string> = {
  audience: 'workers',
  platform: 'linux',
  typeName: 'echo-sleep-test',
  checksum: 'ab'.repeat(32),
  filesize: '4',
}

beforeAll(async () => {
  manager = await openFlamencoManager()
  client = new Client(manager)
  worker = await FlamencoWorker.awake(client)
  const job = await submit(client)
  ids.job_id = job.id
  ids.task_id = (await tasksOf(client, job.id))[0].id
  ids.worker_id = worker.uuid
  ids.tag_id = (await client.call('POST /worker-mgt/tags', 200, [], { body: { name: 'a tag' } })).body.id
})
afterAll(async () => {
  const { errors } = manager
  await manager.close()
  expect(errors).toEqual([])
})

const HASH = 'cd'.repeat(32)
/** One valid body per operation that takes JSON. */
const BODIES: Record<string, unknown> = {
  'POST /configuration/check/shared-storage': { path: '/tmp' },
  'POST /configuration/check/blender': { path: 'blender' },
  'POST /configuration/setup-assistant': {
    storageLocation: '/tmp',
    blenderExecutable: { input: 'blender', path: '/usr/bin/blender', source: 'path_envvar', is_usable: true, cause: '' },
  },
  'PUT /configuration/file': { manager_name: 'x' },
  'POST /worker/register-worker': { name: 'x', secret: SECRET, platform: 'linux', supported_task_types: ['misc'] },
  'POST /worker/sign-on': { name: 'x', supported_task_types: ['misc'], software_version: '3.9', can_restart: true },
  'POST /worker/state-changed': { status: 'awake' },
  'POST /worker/task/{task_id}': { taskStatus: 'active', activity: 'x', log: 'x', steps_completed: 1 },
  'POST /worker-mgt/workers/{worker_id}/setstatus': { status: 'asleep', is_lazy: true },
  'POST /worker-mgt/workers/{worker_id}/settags': { tag_ids: [] },
  'POST /worker-mgt/workers/{worker_id}/sleep-schedule': { is_active: true, days_of_week: 'mo', start_time: '09:00', end_time: '17:00' },
  'POST /worker-mgt/tags': { name: 'x', id: NO_SUCH_ID, description: 'x' },
  'PUT /worker-mgt/tag/{tag_id}': { name: 'x', id: NO_SUCH_ID, description: 'x' },
  'POST /jobs': { ...echoJob(), type_etag: '', storage: { shaman_checkout_id: 'x' }, worker_tag: '', initial_status: 'queued' },
  'POST /jobs/query': { offset: 0, limit: 1, order_by: ['name'], status_in: ['queued'], metadata: { a: 'b' }, settings: { a: 1 } },
  'POST /jobs/check': echoJob(),
  'DELETE /jobs/mass-delete': { last_updated_max: '2026-01-01T00:00:00Z' },
  'POST /jobs/{job_id}/setstatus': { status: 'queued', reason: 'x' },
  'POST /jobs/{job_id}/setpriority': { priority: 50 },
  'POST /jobs/{job_id}/settag': { id: NO_SUCH_ID, name: 'x' },
  'DELETE /jobs/{job_id}/blocklist': [{ worker_id: NO_SUCH_ID, task_type: 'misc', worker_name: 'x' }],
  'POST /tasks/{task_id}/setstatus': { status: 'queued', reason: 'x' },
  'POST /shaman/checkout/requirements': { files: [{ sha: HASH, size: 1, path: 'x' }] },
  'POST /shaman/checkout/create': { files: [{ sha: HASH, size: 1, path: 'x' }], checkoutPath: 'x' },
}
/** What the original requires (§1.6); everything else may be left out. */
const OPTIONAL = new Set([
  'can_restart',
  'taskStatus',
  'activity',
  'log',
  'steps_completed',
  'id',
  'description',
  'type_etag',
  'storage',
  'shaman_checkout_id',
  'worker_tag',
  'initial_status',
  'priority of POST /jobs',
  'priority of POST /jobs/check',
  'settings',
  'metadata',
  'offset',
  'limit',
  'order_by',
  'status_in',
  'worker_name',
  'name of POST /jobs/{job_id}/settag',
  'manager_name',
  'a',
  'project',
  'message',
  'sleep_duration_seconds',
  'sleep_repeats',
])
const ofWorkers = (operation: string) => /^\w+ \/worker\//.test(operation) && !operation.includes('register')
const send = (operation: string, options: CallOptions): Promise<Reply> => request(operation, ids, options)
function request(operation: string, params: Record<string, string>, options: CallOptions = {}): Promise<Reply> {
  const [method = '', pattern = ''] = operation.split(' ')
  const path = pattern.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
  return client.request(method, `/api/v3${path}`, { ...(ofWorkers(operation) ? { as: worker } : {}), ...options })
}

/** Everything in the database but when workers were last seen. */
async function fingerprint(): Promise<Record<string, string>> {
  const prints: Record<string, string> = {}
  // The audit log is written behind the replies.
  await manager.context.security.audit.flush()
  const tables = await manager.context.read.all<{ name: string }>(
    `select name from sqlite_master where type = 'table' and name not like 'jobs_text%' order by name`,
  )
  for (const { name } of tables) {
    const rows = await manager.context.read.all<Record<string, unknown>>(`select * from ${name}`)
    prints[name] = createHash('sha256')
      .update(JSON.stringify(rows.map((row) => ({ ...row, last_seen_at: 0 }))))
      .digest('hex')
  }
  return prints
}

function refused(reply: Reply, field?: string): void {
  expect(reply.status, reply.text).toBeGreaterThanOrEqual(400)
  expect(reply.status, reply.text).toBeLessThan(500)
  assertShape(ErrorReply, reply.body)
  expect(reply.body.code).toBe(reply.status)
  if (field !== undefined) expect(`${reply.body.message} ${reply.body.field ?? ''}`).toContain(field)
}

type Json = Record<string, unknown>
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Every property of a body, with the body without it and bodies with something else in its place. */
function* brokenBodies(body: unknown, path: string[] = []): Generator<{ field: string; without: unknown; wrong: unknown[] }> {
  if (Array.isArray(body)) {
    for (const { field, without, wrong } of brokenBodies(body[0], path))
      yield { field, without: [without], wrong: wrong.map((each) => [each]) }
    return
  }
  if (!isObject(body)) return
  for (const [key, value] of Object.entries(body)) {
    const { [key]: _, ...without } = body
    yield { field: key, without, wrong: wrongValues(value).map((wrong) => ({ ...body, [key]: wrong })) }
    for (const inner of brokenBodies(value, [...path, key])) {
      yield { field: inner.field, without: { ...body, [key]: inner.without }, wrong: inner.wrong.map((each) => ({ ...body, [key]: each })) }
    }
  }
}
function wrongValues(value: unknown): unknown[] {
  if (typeof value === 'string') return [null, 7, true, ['x'], { a: 1 }]
  if (typeof value === 'number') return [null, '7', 1.5, -1e300, [1]]
  if (typeof value === 'boolean') return [null, 'true', 1]
  return [null, 7, 'x', false]
}
/** Texts that could not be kept as they are, in the place of each text. */
function* unusableTexts(body: unknown, path: string[] = []): Generator<{ path: string; body: unknown }> {
  if (typeof body === 'string') for (const text of ['a\0b', '\ud800', 'x\udc00y']) yield { path: path.join('/'), body: text }
  else if (Array.isArray(body)) for (const inner of unusableTexts(body[0], [...path, '0'])) yield { ...inner, body: [inner.body] }
  else if (isObject(body))
    for (const [key, value] of Object.entries(body))
      for (const inner of unusableTexts(value, [...path, key])) yield { ...inner, body: { ...body, [key]: inner.body } }
}
/** Free maps take any value, settings are the job type's business. */
const FREE = new Set(['a', 'message', 'sleep_duration_seconds', 'sleep_repeats'])

const JSON_OPERATIONS = Object.keys(BODIES)

describe('broken requests change nothing', () => {
  let before: Record<string, string>
  beforeAll(async () => {
    before = await fingerprint()
  })
  afterAll(async () => {
    expect(await fingerprint()).toEqual(before)
  })

  test.each(JSON_OPERATIONS)('%s: missing fields', async (operation) => {
    for (const { field, without } of brokenBodies(BODIES[operation])) {
      if (OPTIONAL.has(field) || OPTIONAL.has(`${field} of ${operation}`)) continue
      refused(await send(operation, { body: without }), field)
    }
  })

  test.each(JSON_OPERATIONS)('%s: wrong types', async (operation) => {
    for (const { field, wrong } of brokenBodies(BODIES[operation])) {
      if (FREE.has(field)) continue
      for (const body of wrong) refused(await send(operation, { body }), field)
    }
  })

  // What a program printed is taken as it is.
  test.each(JSON_OPERATIONS.filter((operation) => operation !== 'POST /worker/task/{task_id}'))(
    '%s: texts with null characters or halves of characters',
    async (operation) => {
      for (const { path, body } of unusableTexts(BODIES[operation])) refused(await send(operation, { body }), path)
    },
  )

  test.each(JSON_OPERATIONS)('%s: no JSON, or not what it should be', async (operation) => {
    const json = { 'content-type': 'application/json' }
    for (const raw of [
      '{',
      '',
      'null',
      '"text"',
      '7',
      '{"a":1,}',
      '\u0000',
      '{"__proto__":{"a":1}}',
      '{"\\u005f_proto__":1}',
      '['.repeat(5_000),
    ]) {
      refused(await send(operation, { raw, headers: json }))
    }
    refused(await send(operation, { raw: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), headers: json }))
    refused(await send(operation, { body: Array.isArray(BODIES[operation]) ? {} : [] }))
    refused(await send(operation, { raw: `{"deep":${'['.repeat(200)}${']'.repeat(200)}}`, headers: json }))
  })

  test.each(JSON_OPERATIONS)('%s: bodies of other types', async (operation) => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/xml',
      'nonsense',
    ]) {
      const reply = await send(operation, { raw: JSON.stringify(BODIES[operation]), headers: { 'content-type': type } })
      refused(reply)
      expect(reply.status).toBe(415)
    }
  })

  test.each(JSON_OPERATIONS)('%s: an oversized body, with the limit stated', async (operation) => {
    const limit = operation.includes('shaman')
      ? 64
      : operation === 'POST /jobs' || (operation.endsWith('/check') && operation.includes('/jobs'))
        ? 32
        : operation === 'POST /worker/task/{task_id}'
          ? 16
          : 1
    const reply = await oversized(operation, limit * 1024 * 1024 + 1)
    expect(reply).toMatch(/^HTTP\/1\.1 413 /)
    expect(reply).toContain(`the body is larger than the limit of ${limit * 1024 * 1024} bytes`)
  })

  test.each(Object.keys(OPERATIONS).filter((operation) => operation.includes('{')))('%s: ids that are none', async (operation) => {
    const names = [...operation.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '')
    for (const name of names) {
      if (name === 'platform' || name === 'typeName') continue
      for (const bad of ['x', '..', '../../etc/passwd', '%00', "' or 1=1 --", '0'.repeat(400), 'é'.repeat(36), '{job_id}']) {
        const reply = await request(operation, { ...ids, [name]: bad }, bodyFor(operation))
        // Fastify's router itself refuses what is too long: that is no address.
        refused(reply, reply.status === 404 || reply.status === 414 ? undefined : name)
      }
    }
  })

  test.each(Object.keys(OPERATIONS).filter((operation) => /\{(job|task|worker|tag)_id\}/.test(operation)))(
    '%s: an unknown id',
    async (operation) => {
      const unknown = { ...ids, job_id: NO_SUCH_ID, task_id: NO_SUCH_ID, worker_id: NO_SUCH_ID, tag_id: NO_SUCH_ID }
      const reply = await request(operation, unknown, bodyFor(operation))
      // These three are defined for ids that do not exist.
      if (/^GET .*(may-i-run|\/tasks|last-rendered)$/.test(operation)) return expect(reply.status).toBeLessThan(300)
      refused(reply)
      expect(reply.status).toBe(404)
    },
  )

  test.each(Object.keys(OPERATIONS).filter(ofWorkers))('%s: no credentials, a wrong secret, a broken header', async (operation) => {
    const headers = [
      undefined,
      'Basic',
      'Basic !!!',
      'Basic ' + Buffer.from('no colon').toString('base64'),
      'Basic ' + Buffer.from(`${worker.uuid}:`).toString('base64'),
      'Basic ' + Buffer.from(`${worker.uuid}:wrong`).toString('base64'),
      'Basic ' + Buffer.from(`${NO_SUCH_ID}:${SECRET}`).toString('base64'),
      'Bearer ' + SECRET,
      'Basic ' + 'A'.repeat(5_000),
    ]
    for (const authorization of headers) {
      const reply = await request(operation, ids, {
        ...bodyFor(operation),
        as: undefined,
        headers: { ...bodyFor(operation).headers, ...(authorization ? { authorization } : {}) },
      })
      if (operation.endsWith('/may-i-run')) {
        expect([reply.status, reply.body.mayKeepRunning]).toEqual([200, false])
        continue
      }
      refused(reply)
      expect(reply.status).toBe(403)
      expect(reply.headers.get('www-authenticate')).toBeNull()
    }
  })

  test.each(['../x', '/abs', 'a/../../b', 'C:/x', 'a\\b', 'a//b', '', '.', 'x\u0000y'])(
    'a checkout at %j, and a file there',
    async (path) => {
      refused(await client.request('POST', '/api/v3/shaman/checkout/create', { body: { files: [], checkoutPath: path } }), 'checkoutPath')
      refused(
        await client.request('POST', '/api/v3/shaman/checkout/create', {
          body: { files: [{ sha: HASH, size: 1, path }], checkoutPath: 'fine' },
        }),
        'path',
      )
      refused(
        await client.request('POST', '/api/v3/jobs', { body: echoJob({ storage: { shaman_checkout_id: path || '..' } }) }),
        'shaman_checkout_id',
      )
    },
  )

  test.each([
    '/job-files/../../../etc/passwd',
    '/job-files/%2e%2e/%2e%2e/etc/passwd',
    '/job-files/job-1111/11111111-2222-4333-8444-555555555555/..%2f..%2fframehouse.sqlite',
    '/job-files/job-1111/11111111-2222-4333-8444-555555555555/last-rendered.jpg',
    '/job-files/job-xxxx/x/task-x.txt',
    '/api/v3/../../etc/passwd',
    '/api/v3/jobs/%',
    '/api/v3/jobs/%c0%ae',
    '/api/v3/nothing',
    '/api/v3/',
    '/api/v3/tasks/%2e%2e%2fx/log',
  ])('GET %s', async (path) => {
    const status = (await raw(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${manager.port}\r\nConnection: close\r\n\r\n`)).split(' ')[1]
    expect(Number(status)).toBeGreaterThanOrEqual(400)
    expect(Number(status)).toBeLessThan(500)
  })

  test('a file store check of an absurd size', async () => {
    for (const size of ['-1', '1.5', '1e3', '99999999999999999999', 'NaN', ' 4']) {
      refused(await client.request('GET', `/api/v3/shaman/files/${HASH}/${encodeURIComponent(size)}`), 'filesize')
    }
  })

  test('nothing was written beside the database either', async () => {
    expect(existsSync(join(manager.context.paths.storage(), 'jobs'))).toBe(false)
    expect(existsSync(join(manager.folder, 'x'))).toBe(false)
    expect((await readdir(manager.context.paths.previews)).length).toBe(0)
  })
})

/** A body that the operation takes. */
function bodyFor(operation: string): CallOptions {
  if (operation in BODIES) return { body: BODIES[operation] }
  if (operation.endsWith('output-produced')) return { raw: 'x', headers: { 'content-type': 'image/png' } }
  if (operation === 'POST /shaman/files/{checksum}/{filesize}')
    return { raw: 'abcd', headers: { 'content-type': 'application/octet-stream' } }
  return {}
}

/** Announces a body of this size, sends only its beginning, and reads the reply: a server must not wait for the rest. */
function oversized(operation: string, size: number): Promise<string> {
  const [method = '', pattern = ''] = operation.split(' ')
  const path = pattern.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? '')
  const authorization = Buffer.from(`${worker.uuid}:${worker.secret}`).toString('base64')
  return raw(
    `${method} /api/v3${path} HTTP/1.1\r\nHost: 127.0.0.1:${manager.port}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${size}\r\n` +
      `${ofWorkers(operation) ? `Authorization: Basic ${authorization}\r\n` : ''}Connection: close\r\n\r\n{"a":"`,
  )
}

/** Sends bytes and collects what comes back until the server closes or has sent a whole reply. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(manager.port, '127.0.0.1', () => socket.write(text))
    let received = ''
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no reply to ${text.split('\r\n')[0]}`)))
    socket.on('data', (data) => {
      received += data.toString()
      const [head = '', body = ''] = received.split('\r\n\r\n')
      const length = /content-length: (\d+)/i.exec(head)?.[1]
      if (length !== undefined && Buffer.byteLength(body) >= Number(length)) socket.end()
    })
    socket.on('close', () => resolve(received))
    socket.on('error', reject)
  })
}
