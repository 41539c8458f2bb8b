/**
 * Every route against everything that is wrong with a request. The cases are made from the OpenAPI document, so that a
 * new route is tested the moment it exists. Whatever comes in: a 4xx that says what is wrong, and an unchanged database.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Value } from 'typebox/value'
import { ApiError } from '../../../src/shared/schemas/common.ts'
import { LiveManager, type LiveWorker, type Reply } from '../../support/liveManager.ts'

interface Schema {
  type?: string
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: unknown
  patternProperties?: Record<string, Schema>
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
}
interface Operation {
  operationId: string
  parameters?: { name: string; in: string; required?: boolean; schema: Schema }[]
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> }
  security?: Record<string, unknown>[]
}
interface Route {
  method: string
  path: string
  operation: Operation
  bodySchema: Schema | undefined
  limit: number
}

const NOBODY = 'ffffffff-ffff-4fff-8fff-ffffffffffff'
let farm: LiveManager
let worker: LiveWorker
let routes: Route[]
let before: string

beforeAll(async () => {
  farm = await LiveManager.start()
  worker = await farm.worker('tester')
  await farm.submit({ name: 'stays as it is' })
  const { body } = await farm.get('/openapi.json')
  routes = Object.entries(body.paths as Record<string, Record<string, Operation & { description?: string }>>).flatMap(
    ([path, operations]) =>
      Object.entries(operations).map(([method, operation]) => ({
        method: method.toUpperCase(),
        path,
        operation,
        bodySchema: operation.requestBody?.content['application/json']?.schema,
        limit: Number(/up to (\d+) bytes/.exec(operation.description ?? '')?.[1] ?? 0),
      })),
  )
  before = await fingerprint()
})
afterAll(() => farm.stop())

/** Everything in the database but what may change without a change: audit, uses of tokens, signs of life. */
async function fingerprint(): Promise<string> {
  const { read } = farm.manager.context
  const tables = await read.all<{ name: string }>(
    "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name not like 'jobs_text%' order by name",
  )
  const parts: string[] = []
  for (const { name } of tables) {
    if (['audit', 'machine_samples'].includes(name)) continue
    const rows = await read.all<Record<string, unknown>>(`select * from ${name}`)
    for (const row of rows) for (const column of ['last_seen_at', 'last_used_at', 'load', 'updated_at']) delete row[column]
    parts.push(`${name} ${JSON.stringify(rows)}`)
  }
  return parts.join('\n')
}

/** Valid values of parameters with rules of their own. */
const VALID: Record<string, string> = { size: 'large', state: 'waiting', sha256: '0'.repeat(64), bytes: '1', process: '0'.repeat(64) }

/** Path parameters: a well-formed id of nothing unless given. */
function fill(path: string, values: Record<string, string> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_all, name: string) => {
    if (values[name] !== undefined) return encodeURIComponent(values[name])
    if (/id$/i.test(name)) return name === 'frameId' ? '999999' : NOBODY
    return name === 'attempt' ? '1' : (VALID[name] ?? 'no-such-thing')
  })
}

function call(
  route: Route,
  path: string,
  options: { body?: unknown; raw?: string | Buffer; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const isWorkers = route.operation.security?.some((scheme) => 'worker' in scheme)
  return farm.call(route.method, path, { ...options, headers: { ...(isWorkers ? worker.headers : {}), ...options.headers } })
}

/** The query parameters that a route does not do without, with something in them. */
function required({ operation }: Route, except?: string): string {
  const names = (operation.parameters ?? []).filter(
    ({ in: where, required, name }) => where === 'query' && required === true && name !== except,
  )
  return names.map(({ name }) => `${name}=${VALID[name] ?? 'x'}`).join('&')
}

function expectRefusal(reply: Reply, what: string): void {
  expect(reply.status, `${what}: ${reply.text.slice(0, 200)}`).toBeGreaterThanOrEqual(400)
  expect(reply.status, `${what}: ${reply.text.slice(0, 200)}`).toBeLessThan(500)
  expect(Value.Check(ApiError, reply.body), `${what}: ${reply.text.slice(0, 200)}`).toBe(true)
  expect(reply.body.message, what).not.toBe('')
}

const withBody = () => routes.filter((route) => route.bodySchema !== undefined)
/** A value of none of the types that the schema allows. */
const WRONG = { wrong: ['type'] }

describe('every route', () => {
  it('is described', () => {
    expect(routes.length).toBeGreaterThan(60)
    expect(withBody().length).toBeGreaterThan(20)
  })

  it('answers 404 for ids of nothing', async () => {
    const touched = routes.filter(
      (route) => /\{\w*id\}/i.test(route.path) && route.bodySchema === undefined && !route.path.includes('/agent/'),
    )
    expect(touched.length).toBeGreaterThan(20)
    for (const route of touched) {
      const reply = await call(route, `${fill(route.path)}?${required(route)}`)
      expectRefusal(reply, `${route.method} ${route.path}`)
      expect(reply.status, `${route.method} ${route.path}`).toBe(404)
    }
  })

  it('names the path parameter that is no id', async () => {
    for (const route of routes) {
      for (const parameter of route.operation.parameters ?? []) {
        if (parameter.in !== 'path' || !/id$/i.test(parameter.name)) continue
        for (const value of ['nope', '../../etc/passwd', '1 or 1=1', `${NOBODY}x`, '-1', '\u0000', '💥']) {
          const reply = await call(route, fill(route.path, { [parameter.name]: value }), route.bodySchema ? { body: {} } : {})
          expectRefusal(reply, `${route.method} ${route.path} ${value}`)
          if (reply.body.code === 'invalid-input' && !route.bodySchema) expect(reply.body.field).toBe(parameter.name)
        }
      }
    }
  })

  it('names the query parameter that is wrong', async () => {
    for (const route of routes) {
      for (const parameter of route.operation.parameters ?? []) {
        if (parameter.in !== 'query' || parameter.schema.type !== 'integer') continue
        for (const value of ['abc', '-1', '1.5', '99999999999999999999', 'NaN']) {
          const reply = await call(route, `${fill(route.path)}?${parameter.name}=${value}&${required(route, parameter.name)}`)
          expectRefusal(reply, `${route.method} ${route.path}?${parameter.name}=${value}`)
          expect(reply.body.field, `${route.method} ${route.path}?${parameter.name}=${value} ${reply.text}`).toBe(parameter.name)
        }
      }
    }
  })

  it('refuses a query parameter that it does not know, and says which it knows', async () => {
    for (const route of routes) {
      const known = (route.operation.parameters ?? []).filter((parameter) => parameter.in === 'query').map(({ name }) => name)
      const reply = await call(route, `${fill(route.path)}?surprise=1`, route.bodySchema ? { body: {} } : {})
      const what = `${route.method} ${route.path}: ${reply.text}`
      expect(reply.status, what).toBe(400)
      expect(reply.body, what).toMatchObject({ code: 'invalid-input', field: 'surprise' })
      expect(reply.body.message, what).toContain('query parameter surprise')
      for (const name of known) expect(reply.body.message, what).toMatch(new RegExp(`use .*\\b${name}\\b`))
      if (known.length === 0) expect(reply.body.message, what).toMatch(/has none|use ticket/)
    }
  })

  it.each([
    ['broken JSON', '{"a":'],
    ['JSON of another kind', '[]'],
    ['a text', '"text"'],
    ['a number', '42'],
    ['null', 'null'],
    ['nothing', ''],
    ['an endless nest', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['a nest in a known place', `{"settings":{"a":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}},"name":"x","type":"echo-sleep-test"}`],
    ['a poisoned prototype', '{"__proto__":{"admin":true}}'],
    ['a poisoned prototype in disguise', '{"\\u005f_proto__":{"admin":true}}'],
    ['bytes that are no text', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]).toString('latin1')],
  ])('refuses a body of %s', async (_what, raw) => {
    for (const route of withBody()) {
      const reply = await call(route, fill(route.path), { raw, headers: { 'content-type': 'application/json' } })
      expectRefusal(reply, `${route.method} ${route.path}`)
    }
  })

  it('refuses other content types than it documents', async () => {
    for (const route of withBody()) {
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/octet-stream',
        'nonsense',
      ]) {
        const reply = await call(route, fill(route.path), { raw: '{}', headers: { 'content-type': type } })
        expectRefusal(reply, `${route.method} ${route.path} ${type}`)
        expect(reply.status).toBe(415)
      }
    }
  })

  it('names the field of a wrong type, and a field that it does not know', async () => {
    for (const route of withBody()) {
      const schema = route.bodySchema
      if (!schema?.properties) continue
      for (const name of Object.keys(schema.properties)) {
        const reply = await call(route, fill(route.path), { body: { [name]: WRONG } })
        expectRefusal(reply, `${route.method} ${route.path} ${name}`)
      }
      for (const name of schema.required ?? []) {
        const reply = await call(route, fill(route.path), { body: {} })
        expectRefusal(reply, `${route.method} ${route.path} without ${name}`)
        expect(schema.required).toContain(reply.body.field?.slice(1))
      }
      if (schema.additionalProperties === false && !schema.required?.length) {
        const reply = await call(route, fill(route.path), { body: { surprise: 1 } })
        expectRefusal(reply, `${route.method} ${route.path} surprise`)
        expect(reply.body.field).toBe('/surprise')
      }
    }
  })

  // What workers say may have members that a later version knows.
  it('takes no member that it does not know, however deep, from others than workers', () => {
    const open = (schema: Schema, where: string): string[] => [
      ...(schema.properties && schema.additionalProperties !== false ? [where] : []),
      ...Object.entries(schema.properties ?? {}).flatMap(([name, member]) => open(member, `${where}.${name}`)),
      ...[schema.anyOf, schema.oneOf, schema.allOf].flatMap((all) => (all ?? []).flatMap((one) => open(one, `${where}|`))),
      ...[
        schema.items,
        schema.additionalProperties as Schema | boolean | undefined,
        ...Object.values(schema.patternProperties ?? {}),
      ].flatMap((inner) => (typeof inner === 'object' ? open(inner, `${where}[]`) : [])),
    ]
    const found = withBody()
      .filter(({ path }) => !path.includes('/agent/'))
      .flatMap(({ method, path, bodySchema }) => (bodySchema ? open(bodySchema, `${method} ${path}`) : []))
    expect(found).toEqual([])
  })

  it('names the text that could not be kept as it is: null characters, halves of characters', async () => {
    for (const route of withBody()) {
      // What programs printed and names that lie on disks are taken as they are.
      if (/agent\/(report|requests)/.test(route.path)) continue
      for (const text of ['a\0b', '\ud800', 'x\udc00']) {
        const reply = await call(route, fill(route.path), { body: { names: ['fine', { 'a/b': text }] } })
        expectRefusal(reply, `${route.method} ${route.path}`)
        expect(reply.body.field, `${route.method} ${route.path} ${reply.text}`).toBe('/names/1/a~1b')
        const key = await call(route, fill(route.path), { body: { settings: { [text]: 1 } } })
        expectRefusal(key, `${route.method} ${route.path}`)
        expect(key.body.field, `${route.method} ${route.path} ${key.text}`).toBe('/settings')
      }
    }
    for (const route of routes.filter(({ operation }) => !operation.security?.some((scheme) => 'worker' in scheme))) {
      for (const parameter of route.operation.parameters ?? []) {
        if (parameter.in !== 'query') continue
        const reply = await call(route, `${fill(route.path)}?${parameter.name}=a%00b`)
        expectRefusal(reply, `${route.method} ${route.path}?${parameter.name}`)
        expect(reply.body.field, `${route.method} ${route.path}?${parameter.name} ${reply.text}`).toBe(parameter.name)
      }
    }
  })

  it('says how large a body may be when it is larger', async () => {
    for (const route of withBody()) {
      expect(route.limit, `${route.method} ${route.path} states its limit`).toBeGreaterThan(0)
      if (route.limit > 2_000_000) continue
      const reply = await call(route, fill(route.path), {
        raw: `{"a":"${'x'.repeat(route.limit)}"}`,
        headers: { 'content-type': 'application/json' },
      })
      expectRefusal(reply, `${route.method} ${route.path}`)
      expect(reply.status).toBe(413)
      expect(reply.body.message).toContain(String(route.limit))
    }
  })

  it('refuses methods that it does not have', async () => {
    for (const path of new Set(routes.map((route) => route.path))) {
      const known = routes.filter((route) => route.path === path).map((route) => route.method)
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((each) => !known.includes(each))) {
        const reply = await farm.call(method, fill(path))
        // Another pattern may match the same address, e.g. /jobs/{id} and /jobs/groups.
        if (reply.status === 405) expect(reply.headers.get('allow')).toContain(known[0])
        expectRefusal(reply, `${method} ${path}`)
      }
    }
  })
})

describe('single rows', () => {
  const job = { name: 'x', type: 'echo-sleep-test', settings: { message: 'x' } }
  it.each<[string, string, unknown, number, string | undefined]>([
    ['POST', '/jobs', { name: 'x', type: 'no-such-type' }, 404, undefined],
    ['POST', '/jobs', { name: '', type: 'echo-sleep-test' }, 400, '/name'],
    ['POST', '/jobs', { name: 'x', type: 'echo-sleep-test', settings: { message: 'x', sleep_duration_seconds: 'long' } }, 400, undefined],
    ['POST', '/jobs', { name: 'x', type: 'echo-sleep-test', settings: { message: 'x', nonsense: 1 } }, 400, undefined],
    ['POST', '/jobs', { name: 'x', type: 'echo-sleep-test', settings: { message: 'x' }, tag: NOBODY }, 400, undefined],
    ['POST', '/jobs', { name: 'x', type: 'echo-sleep-test', settings: { message: 'x' }, limits: ['no-such-limit'] }, 400, undefined],
    ['POST', '/jobs', { name: 'x', type: 'echo-sleep-test', settings: { message: 'x' }, dependsOn: [NOBODY] }, 400, undefined],
    ['POST', '/jobs', { name: 'x', type: 'echo-sleep-test', settings: { message: 'x' }, priority: 101 }, 400, '/priority'],
    ['POST', '/jobs', { name: 'x', type: 'echo-sleep-test', settings: { message: 'x' }, startAfter: 'tomorrow' }, 400, '/startAfter'],
    ['POST', '/jobs', { ...job, policy: { maxSilenceSeconds: 3 } }, 400, '/policy/maxSilenceSeconds'],
    ['PATCH', `/jobs/${NOBODY}`, { policy: { maxSilenceSeconds: 3 } }, 400, '/policy/maxSilenceSeconds'],
    ['PATCH', '/settings', { variables: { x: { isTwoWay: true, twoWay: true, values: [] } } }, 400, '/variables/x/twoWay'],
    [
      'PATCH',
      '/settings',
      { variables: { x: { isTwoWay: false, values: [{ platform: 'all', platforms: ['all'], value: 'y' }] } } },
      400,
      '/variables/x/values/0/platform',
    ],
    ['GET', '/jobs?sort=colour', undefined, 400, 'sort'],
    ['GET', '/jobs?status=happy', undefined, 400, 'status'],
    ['GET', '/jobs?cursor=nonsense', undefined, 400, 'cursor'],
    ['GET', '/jobs?cursor=W10', undefined, 400, 'cursor'],
    ['GET', '/jobs?limit=1001', undefined, 400, 'limit'],
    ['GET', '/jobs/groups', undefined, 400, 'by'],
    ['GET', '/jobs/groups?by=colour', undefined, 400, 'by'],
    ['GET', '/statistics?since=yesterday', undefined, 400, 'since'],
    ['GET', '/statistics?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z', undefined, 400, 'since'],
    ['GET', '/statistics?since=1970-01-01T00:00:00Z&bucket=hour', undefined, 400, 'bucket'],
    ['PATCH', '/settings', { nonsense: 1 }, 400, '/nonsense'],
    ['PATCH', '/settings', {}, 400, ''],
    ['PATCH', '/settings', { workerTimeoutMs: -1 }, 400, '/workerTimeoutMs'],
    ['PATCH', '/settings', { sharedStoragePath: 'awake' }, 400, '/sharedStoragePath'],
    ['PATCH', '/settings', { sharedStoragePath: '~/renders' }, 400, '/sharedStoragePath'],
    [
      'PATCH',
      '/settings',
      { variables: { s: { isTwoWay: true, values: [{ platforms: ['linux'], value: 'x' }] } } },
      400,
      '/variables/s/values/0/value',
    ],
    ['PATCH', '/settings', { variables: { jobs: { isTwoWay: false, values: [] } } }, 400, '/variables/jobs'],
    ['PATCH', '/settings', { variables: { 'bad name!': { isTwoWay: false, values: [] } } }, 400, undefined],
    ['PUT', '/job-types/..%2f..%2fevil/source', { source: 'x' }, 400, 'name'],
    ['PUT', '/job-types/a.b/source', { source: 'x' }, 400, 'name'],
    ['GET', '/job-types/..%2f..%2f..%2fetc%2fpasswd/source', undefined, 400, 'name'],
    ['POST', '/tags', { name: '' }, 400, '/name'],
    ['POST', '/limits', { name: 'x', max: -1 }, 400, '/max'],
    ['POST', '/limits', { name: 'x', max: 1e308 }, 400, '/max'],
    ['POST', '/tickets', { kind: 'gold' }, 400, '/kind'],
    ['POST', '/session', { token: 'fht_unknown' }, 401, undefined],
    ['POST', '/session', { nonsense: true }, 400, undefined],
    ['POST', '/tokens', { kind: 'token', name: 'x', role: 'king', scopes: ['read'] }, 400, '/role'],
    ['POST', '/tokens', { kind: 'token', name: 'x', role: 'admin', scopes: [] }, 400, '/scopes'],
    ['POST', '/agent/join', { name: 'x', secret: 'short', platform: 'linux', kinds: [] }, 400, '/secret'],
  ])('%s %s %j → %i %s', async (method, path, body, status, field) => {
    const reply = await farm.call(method, path, { body })
    expectRefusal(reply, `${method} ${path}`)
    expect(reply.status, reply.text).toBe(status)
    if (field !== undefined) expect(reply.body.field, reply.text).toBe(field)
  })

  it('a preview that is no JPEG, too large, or of an unknown attempt is refused', async () => {
    const put = (raw: Buffer, type = 'image/jpeg') =>
      farm.call('PUT', `/agent/preview/${NOBODY}/1?path=x&size=large`, { raw, headers: { ...worker.headers, 'content-type': type } })
    expect((await put(Buffer.alloc(100))).status).toBe(404)
    expect((await put(Buffer.from('<svg/>'), 'image/svg+xml')).status).toBe(415)
    const large = await put(Buffer.alloc(6 * 1_048_576))
    expect(large.status).toBe(413)
    expect(large.body.message).toContain(String(5 * 1_048_576))
  })
})

describe('afterwards', () => {
  it('nothing in the database has changed, and nothing was a surprise to the manager', async () => {
    expect(await fingerprint()).toBe(before)
    expect(farm.errors).toEqual([])
  })
})
