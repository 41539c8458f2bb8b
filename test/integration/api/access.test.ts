import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Role, Scope } from '../../../src/shared/enums.ts'
import type { Access } from '../../../src/main/security/accounts/callers.ts'
import { hashSecret } from '../../../src/main/security/tokens/secrets.ts'
import { openTestServer, workerState, type TestServer } from '../../support/testServer.ts'

const ACCESSES = ['public', 'read', 'submit', 'manage', 'admin', 'join', 'worker'] as const satisfies readonly Access[]
const secret = randomBytes(20).toString('hex')
const workerId = '11111111-1111-4111-8111-111111111111'

/** A server that trusts no client, with a route of each access, and the same with `openToLan`. */
let server: TestServer
let trusting: TestServer
let time = Date.UTC(2026, 5, 1)
const keys: Record<string, string> = {}

beforeAll(async () => {
  const worker = workerState({ publicId: workerId, secretHash: await hashSecret(secret) })
  const farm = { findWorker: (id: string) => (id === workerId ? worker : undefined) }
  const extend = (app: TestServer['app']) => {
    for (const access of ACCESSES) {
      app.post(`/try/${access}`, { config: { access } }, ({ caller, worker: found }) => ({
        actor: caller.actor,
        worker: found?.publicId ?? null,
      }))
      if (access !== 'worker')
        app.post(`/open/${access}`, { config: { access, openToLan: true } }, ({ caller }) => ({ actor: caller.actor }))
    }
    app.post('/ask', { config: { access: 'join', strangersMayAsk: true } }, ({ caller }) => ({
      actor: caller.actor,
      scopes: [...caller.scopes],
    }))
    app.get('/media', { config: { access: 'read', ticket: 'media' } }, ({ caller }) => ({ actor: caller.actor }))
  }
  server = await openTestServer({ trustLoopback: false, farm, extend, now: () => time })
  trusting = await openTestServer({ trustLoopback: true, farm, extend, now: () => time })
  const { accounts } = server.security
  const make = async (name: string, kind: 'token' | 'key', role: Role, scopes: Scope[], expiresAt: number | null = null) => {
    keys[name] = (await accounts.createToken({ kind, name, role, scopes, createdBy: 'local', expiresAt })).text
  }
  await make('viewer', 'token', 'viewer', ['read', 'submit', 'manage', 'admin'])
  await make('reader', 'token', 'admin', ['read'])
  await make('submitter', 'token', 'artist', ['submit'])
  await make('artist', 'token', 'artist', ['submit', 'manage'])
  await make('artist-wants-more', 'token', 'artist', ['submit', 'manage', 'admin'])
  await make('admin', 'token', 'admin', ['admin'])
  await make('joiner', 'key', 'viewer', ['worker'])
  await make('addon', 'key', 'artist', ['submit', 'manage'])
  await make('expired', 'token', 'admin', ['admin'], time + 1000)
  await make('revoked', 'token', 'admin', ['admin'])
  await accounts.revokeToken(accounts.tokens().find((token) => token.name === 'revoked')?.publicId ?? '')
  time += 2000
})
afterAll(async () => {
  await server.close()
  await trusting.close()
})

async function status(url: string, init: RequestInit = {}): Promise<number> {
  return (await fetch(url, { method: 'POST', ...init })).status
}

const bearer = (name: string) => ({ authorization: `Bearer ${keys[name]}` })
const basic = (id: string, password: string) => ({ authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}` })

/** Who calls, and what each access answers: public, read, submit, manage, admin, join, worker. */
const MATRIX: [caller: string, make: () => { prefix?: string; headers?: Record<string, string> }, expected: number[]][] = [
  ['nobody', () => ({}), [200, 401, 401, 401, 401, 401, 401]],
  ['an unknown token', () => ({ headers: { authorization: 'Bearer fht_nonsense' } }), [200, 401, 401, 401, 401, 401, 401]],
  ['a viewer whose token names every scope', () => ({ headers: bearer('viewer') }), [200, 200, 403, 403, 403, 403, 401]],
  ["an admin's token for reading", () => ({ headers: bearer('reader') }), [200, 200, 403, 403, 403, 403, 401]],
  ['a token for submitting', () => ({ headers: bearer('submitter') }), [200, 200, 200, 403, 403, 403, 401]],
  ['an artist', () => ({ headers: bearer('artist') }), [200, 200, 200, 200, 403, 403, 401]],
  ["an artist's token that names admin", () => ({ headers: bearer('artist-wants-more') }), [200, 200, 200, 200, 403, 403, 401]],
  ['an admin', () => ({ headers: bearer('admin') }), [200, 200, 200, 200, 200, 200, 401]],
  ['an expired token', () => ({ headers: bearer('expired') }), [200, 401, 401, 401, 401, 401, 401]],
  ['a revoked token', () => ({ headers: bearer('revoked') }), [200, 401, 401, 401, 401, 401, 401]],
  ['a key sent as Bearer', () => ({ headers: bearer('addon') }), [200, 401, 401, 401, 401, 401, 401]],
  ["an add-on's key in the path", () => ({ prefix: `/k/${keys['addon']}` }), [200, 200, 200, 200, 403, 403, 401]],
  ["a worker's key in the path", () => ({ prefix: `/k/${keys['joiner']}` }), [200, 200, 403, 403, 403, 200, 401]],
  ['a token in the path', () => ({ prefix: `/k/${keys['admin']}` }), [200, 401, 401, 401, 401, 401, 401]],
  ['an unknown key in the path', () => ({ prefix: '/k/fhk_nonsense' }), [200, 401, 401, 401, 401, 401, 401]],
  ['a worker', () => ({ headers: basic(workerId, secret) }), [200, 401, 401, 401, 401, 401, 200]],
  [
    'a worker under a key',
    () => ({ prefix: `/k/${keys['joiner']}`, headers: basic(workerId, secret) }),
    [200, 200, 403, 403, 403, 200, 200],
  ],
  ['a worker with a wrong secret', () => ({ headers: basic(workerId, 'wrong') }), [200, 401, 401, 401, 401, 401, 401]],
  ['an unknown worker', () => ({ headers: basic('22222222-2222-4222-8222-222222222222', secret) }), [200, 401, 401, 401, 401, 401, 401]],
]

describe('access × caller', () => {
  for (const [caller, make, expected] of MATRIX) {
    it(`${caller}: ${ACCESSES.map((access, index) => `${access} ${expected[index]}`).join(', ')}`, async () => {
      const { prefix = '', headers } = make()
      const seen = await Promise.all(ACCESSES.map((access) => status(`${server.url}${prefix}/try/${access}`, { headers })))
      expect(seen).toEqual(expected)
    })
  }

  it('a loopback caller is the owner where loopback is trusted, but no worker', async () => {
    const seen = await Promise.all(ACCESSES.map((access) => status(`${trusting.url}/try/${access}`)))
    expect(seen).toEqual([200, 200, 200, 200, 200, 200, 401])
  })

  it.each([
    ['X-Forwarded-For', { 'x-forwarded-for': '203.0.113.9' }],
    ['Forwarded', { forwarded: 'for=203.0.113.9' }],
    ['a foreign Origin', { origin: 'http://evil.example' }],
  ])('a loopback caller with %s is not the owner', async (_what, headers) => {
    const reply = await fetch(`${trusting.url}/media`, { headers })
    expect(reply.status).toBe(401)
  })

  it('our own page on loopback is the owner', async () => {
    expect(await status(`${trusting.url}/try/admin`, { headers: { origin: trusting.url } })).toBe(200)
  })

  it('credentials that are given and wrong are refused even on loopback', async () => {
    expect(await status(`${trusting.url}/try/read`, { headers: { authorization: 'Bearer fht_old' } })).toBe(401)
  })

  it('Basic credentials on a route that needs none are ignored', async () => {
    expect(await status(`${trusting.url}/try/join`, { headers: basic('', '') })).toBe(200)
  })
})

describe('the switch that opens the farm to the LAN', () => {
  it('lets strangers into marked routes only, as artists, and never into configuration', async () => {
    server.settings.openToLan = true
    try {
      const marked = await Promise.all(
        ['public', 'read', 'submit', 'manage', 'admin', 'join'].map((access) => status(`${server.url}/open/${access}`)),
      )
      expect(marked).toEqual([200, 200, 200, 200, 403, 200])
      const others = await Promise.all(ACCESSES.map((access) => status(`${server.url}/try/${access}`)))
      expect(others).toEqual([200, 401, 401, 401, 401, 401, 401])
    } finally {
      server.settings.openToLan = false
    }
    expect(await status(`${server.url}/open/submit`)).toBe(401)
  })
})

describe('asking to join', () => {
  it('strangers may ask without any right; a worker key or the owner has the right to join at once', async () => {
    const ask = async (base: string, prefix = '') =>
      ((await (await fetch(`${base}${prefix}/ask`, { method: 'POST' })).json()) as { scopes: string[] }).scopes
    expect(await ask(server.url)).toEqual([])
    expect(await ask(server.url, `/k/${keys['joiner']}`)).toContain('worker')
    expect(await ask(trusting.url)).toContain('worker')
  })
})

describe('keys in the path', () => {
  it('no handler sees the key, and the rest of the address is as if it were not there', async () => {
    const reply = await fetch(`${server.url}/k/${keys['addon']}/nope?x=1`)
    const text = await reply.text()
    expect(reply.status).toBe(404)
    expect(text).toContain('/nope')
    expect(text).not.toContain(keys['addon'])
  })

  it('an unexpected error under a key is logged without it', async () => {
    const broken = await openTestServer({
      trustLoopback: false,
      extend: (app) => app.get('/boom', { config: { access: 'public' } }, () => Promise.reject(new Error('defect'))),
    })
    const reply = await fetch(`${broken.url}/k/fhk_secretkey/boom`)
    expect(reply.status).toBe(500)
    expect(await reply.text()).not.toContain('defect')
    expect(JSON.stringify(broken.errors)).toContain('/boom')
    expect(JSON.stringify(broken.errors)).not.toContain('secretkey')
    await broken.close()
  })

  it.each(['/k', '/k/', '/k//try/public', '/k/key'])('%s is no error of ours', async (path) => {
    expect((await fetch(server.url + path, { redirect: 'manual' })).status).toBeLessThan(500)
  })
})

describe('tickets', () => {
  it('a media ticket reads marked routes as often as needed, until it expires', async () => {
    const { ticket, expiresAt } = server.security.tickets.issue('media', {
      id: 'local',
      token: null,
      actor: 'user:anna',
      role: 'admin',
      scopes: new Set(['read', 'admin']),
      via: 'login',
    })
    const read = async () => fetch(`${server.url}/media?ticket=${ticket}`)
    expect(await (await read()).json()).toEqual({ actor: 'user:anna' })
    expect((await read()).status).toBe(200)
    expect(await status(`${server.url}/try/read?ticket=${ticket}`)).toBe(401)
    expect((await fetch(`${server.url}/media?ticket=${ticket.slice(0, -2)}xx`)).status).toBe(401)
    const before = time
    time = expiresAt
    expect((await read()).status).toBe(401)
    time = before
  })

  it('an events ticket is good for one use and for nothing else', () => {
    const { tickets } = server.security
    const { ticket } = tickets.issue('events', {
      id: 'local',
      token: null,
      actor: 'user:anna',
      role: 'viewer',
      scopes: new Set(['read']),
      via: 'login',
    })
    expect(tickets.redeem('media', ticket)).toBeUndefined()
    expect(tickets.redeem('events', ticket)?.scopes.has('read')).toBe(true)
    expect(tickets.redeem('events', ticket)).toBeUndefined()
  })
})

describe('start', () => {
  it('fails when a route does not say who may call it', async () => {
    await expect(openTestServer({ extend: (app) => app.get('/forgotten', () => 'x') })).rejects.toThrow('GET /forgotten')
  })
})
