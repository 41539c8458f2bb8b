import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Value } from 'typebox/value'
import type { TSchema } from 'typebox'
import { idOfPrivateKey, newPrivateKey } from '../../../src/main/dialects/colonies/crypto/signatures.ts'
import { fullColony } from '../../support/coloniesCaller.ts'
import { LiveManager, type LiveWorker } from '../../support/liveManager.ts'

// An OpenAPI document is deep JSON; the test says what it expects to find.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any

let farm: LiveManager
let worker: LiveWorker
let document: Json
let operations: { method: string; path: string; operation: Json }[]

beforeAll(async () => {
  farm = await LiveManager.start()
  worker = await farm.worker()
  document = (await farm.get('/openapi.json')).body
  operations = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Json>(methods).map(([method, operation]) => ({ method, path, operation })),
  )
})
afterAll(() => farm.stop())

describe('the OpenAPI document', () => {
  it('is of version 3.1 and says what and which version it describes', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(document.info).toMatchObject({ title: 'Framehouse', version: '0.0.0-test' })
  })

  it('describes native routes only, each with a unique id, a known tag, a summary and who may call it', () => {
    const known = document.tags.map((tag: Json) => tag.name)
    const ids = operations.map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { method, path, operation } of operations) {
      const what = `${method} ${path}`
      expect(path, what).toMatch(/^\/api\/v1\//)
      expect(operation.operationId, what).toMatch(/^[a-z][A-Za-z]+$/)
      expect(operation.tags?.length, what).toBe(1)
      expect(known, what).toContain(operation.tags[0])
      expect(operation.summary, what).not.toBe('')
      expect(operation.description, what).toMatch(/Requires the right|No authentication required/)
      expect(operation.security, what).toBeDefined()
      expect(Object.keys(operation.responses), what).toContain('4XX')
    }
  })

  it('names every parameter of a path, and no other', () => {
    for (const { method, path, operation } of operations) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort()
      const named = (operation.parameters ?? [])
        .filter((each: Json) => each.in === 'path')
        .map((each: Json) => each.name)
        .sort()
      expect(named, `${method} ${path}`).toEqual(inPath)
    }
  })

  it('has references that lead somewhere', () => {
    for (const [, reference] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const target = (reference ?? '').split('/').reduce((here: Json, part) => here?.[part], document)
      expect(target, reference).toBeDefined()
    }
  })

  it('is shown by the explorer', async () => {
    const page = await fetch(`${farm.url}/docs/`)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('swagger-ui')
    expect(page.headers.get('content-security-policy')).not.toContain('upgrade-insecure-requests')
    const script = await fetch(`${farm.url}/docs/static/swagger-initializer.js`)
    expect(await script.text()).toContain("resolveUrl('./json')")
    expect((await farm.get('/docs/json')).status).toBe(404)
    const shown: Json = await (await fetch(`${farm.url}/docs/json`)).json()
    expect(shown.openapi).toBe('3.1.0')
  })
})

describe('replies', () => {
  /** The schema of a success, as the document has it. */
  function schemaOf(operation: Json, status: number): TSchema | undefined {
    // Plain JSON Schema is what the checker takes.
    return operation.responses[String(status)]?.content?.['application/json']?.schema as TSchema | undefined
  }

  it('of every GET are what the document says', async () => {
    const job = await farm.submit({
      name: 'described',
      sendFiles: true,
      metadata: { project: 'x' },
      settings: { message: 'x', sleep_duration_seconds: 0 },
    })
    const tag = (await farm.call('POST', '/tags', { body: { name: 'gpu', description: 'has one' } })).body
    await farm.call('POST', '/limits', { body: { name: 'licence', max: 3 } })
    await farm.call('PUT', `/workers/${worker.id}/tags`, { body: { tags: [tag.id] } })
    await farm.call('PUT', `/workers/${worker.id}/sleep-schedule`, {
      body: { isActive: true, daysOfWeek: 'mo tu', startTime: '09:00', endTime: '18:00' },
    })
    await farm.call('POST', '/backups')
    const user = await farm.call('POST', '/users', { body: { name: 'anna', role: 'artist', password: 'long enough' } })
    const token = await farm.call('POST', '/tokens', { body: { kind: 'key', name: 'add-on', role: 'artist', scopes: ['submit'] } })
    const machine = {
      id: 'cccccccc-0000-4000-8000-000000000001',
      name: 'ws-1',
      platform: 'linux',
      arch: 'x64',
      cpuCount: 8,
      memoryBytes: 1e9,
      gpus: [{ name: 'GPU', memoryBytes: null }],
      software: [],
    }
    const load = { cpu: 0.5, memoryUsed: 1, memoryTotal: 2, gpus: [], diskFree: null }
    await worker.post('sign-on', { name: 'worker', software: 'test', kinds: ['misc'], capacity: 2, running: [], machine })
    const reply = await worker.post('take', { slots: 2, waitMs: 1_000, running: [], load, status: 'awake' })
    const task = reply.body.assignments[0]
    expect(task.jobId).toBe(job.id)
    await worker.report(task, { type: 'started', at: Date.now() }, { type: 'log', at: Date.now(), stream: 'stdout', text: 'a line\n' })
    await worker.report(task, {
      type: 'output',
      at: Date.now(),
      path: '/out/1.png',
      frame: 1,
      bytes: null,
      width: null,
      height: null,
      renderedMs: null,
    })
    const schedule = await farm.call('POST', '/schedules', {
      body: {
        name: 'hourly',
        trigger: { kind: 'at', at: '2099-01-01T00:00:00Z' },
        job: { name: 'a job', type: 'echo-sleep-test', settings: { message: 'hello', sleep_duration_seconds: 0 } },
      },
    })
    await farm.call('POST', `/schedules/${schedule.body.id}/run`)
    const serverKey = newPrivateKey()
    await farm.call('PATCH', '/settings', { body: { coloniesEnabled: true, coloniesPort: 0, coloniesServerId: idOfPrivateKey(serverKey) } })
    const ids: Record<string, string> = {
      ...(await fullColony(farm.url, serverKey)),
      jobId: job.id,
      scheduleId: schedule.body.id,
      taskId: task.taskId,
      attempt: '1',
      workerId: worker.id,
      frameId: '1',
      id: machine.id,
      name: 'echo-sleep-test',
    }
    const needed: Record<string, string> = {
      by: 'status',
      state: 'waiting',
      q: 'line',
      id: 'uploads/none',
      path: 'a.png',
      key: '0'.repeat(43),
      sha256: '0'.repeat(64),
      bytes: '0',
    }
    const checked: string[] = []
    for (const { path, operation } of operations.filter(({ method }) => method === 'get')) {
      const schema = schemaOf(operation, 200)
      if (!schema) continue
      const own = path.startsWith('/api/v1/tokens/') ? token.body : path.startsWith('/api/v1/users/') ? user.body : ids
      const filled = path.replace(/\{(\w+)\}/g, (_all, name: string) => own[name] ?? name)
      // What workers call is called as a worker.
      const headers = path.includes('/agent/') ? worker.headers : {}
      const query = new URLSearchParams()
      for (const { name, in: part, required } of operation.parameters ?? []) {
        if (part === 'query' && required === true) query.set(name, needed[name] ?? '')
      }
      const { status, body, text } = await farm.get(`${filled}?${query}`, { headers })
      expect(status, `${filled} ${text.slice(0, 200)}`).toBe(200)
      expect(Value.Errors(schema, body), `${path} ${text.slice(0, 300)}`).toEqual([])
      expect(unknownMembers(schema, body), path).toEqual([])
      checked.push(operation.operationId)
    }
    expect(checked.length).toBeGreaterThan(30)
  })

  /** Members that a reply has and its schema does not name. */
  function unknownMembers(schema: Json, value: Json, at = ''): string[] {
    if (Array.isArray(value))
      return value
        .slice(0, 3)
        .flatMap((item) => (schema.items && !Array.isArray(schema.items) ? unknownMembers(schema.items, item, `${at}/0`) : []))
    if (typeof value !== 'object' || value === null) return []
    const branch = schema.anyOf?.find((each: Json) => each.properties) ?? schema
    if (!branch.properties) return []
    return Object.entries(value).flatMap(([name, member]) =>
      branch.properties[name] === undefined ? [`${at}/${name}`] : unknownMembers(branch.properties[name], member, `${at}/${name}`),
    )
  }
})
