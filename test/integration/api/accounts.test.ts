import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LiveManager, until, type Reply } from '../../support/liveManager.ts'

/** A manager that trusts no client; its owner's token lies in a file. */
let farm: LiveManager
let admin: string
let time = Date.UTC(2026, 5, 1)

beforeAll(async () => {
  farm = await LiveManager.start({ trustLoopback: false, now: () => time })
  const { text } = await farm.manager.context.security.accounts.createToken({
    kind: 'token',
    name: 'owner',
    role: 'admin',
    scopes: ['admin'],
    createdBy: 'test',
  })
  admin = text
  for (const [name, role] of [
    ['anna', 'artist'],
    ['bert', 'artist'],
    ['vera', 'viewer'],
  ] as const) {
    const reply = await farm.call('POST', '/users', { token: admin, body: { name, role, password: `${name}-secret` } })
    expect(reply.status).toBe(201)
    expect(reply.text).not.toContain('secret')
  }
})
afterAll(() => farm.stop())

async function login(name: string, password = `${name}-secret`): Promise<string> {
  const reply = await farm.call('POST', '/login', { body: { name, password } })
  expect(reply.status).toBe(200)
  return reply.body.token
}

describe('logins', () => {
  it('give a token that acts in the name of the user', async () => {
    const me = await farm.get('/whoami', { token: await login('anna') })
    expect(me.body).toEqual({
      id: expect.stringMatching(/^user:[0-9a-f-]{36}$/),
      actor: 'user:anna',
      role: 'artist',
      scopes: ['read', 'submit', 'manage', 'tokens'],
      via: 'login',
    })
  })

  it('end after two weeks', async () => {
    const token = await login('anna')
    const before = time
    time += 15 * 86_400_000
    expect((await farm.get('/whoami', { token })).status).toBe(401)
    time = before
  })

  it('with a wrong password are refused, recorded, and after ten of them not even tried', async () => {
    const seen: number[] = []
    for (let i = 0; i < 12; i++) seen.push((await farm.call('POST', '/login', { body: { name: 'guess', password: `wrong-${i}` } })).status)
    expect(seen).toEqual([...Array<number>(10).fill(401), 429, 429])
    // Nor more of them when they all come at once.
    const body = { name: 'guess at once', password: 'wrong' }
    const replies = await Promise.all(Array.from({ length: 60 }, () => farm.call('POST', '/login', { body })))
    expect(replies.filter(({ status }) => status === 401)).toHaveLength(10)
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(50)
    time += 5 * 60_000
    expect(await login('bert')).toMatch(/^fhs_/)
    const entries = await until(async () => {
      const { body } = await farm.get('/audit?targetId=guess', { token: admin })
      return body.items.length >= 10 && body.items
    }, 'the failures in the audit log')
    expect(entries[0].action).toBe('login-failed')
    expect(JSON.stringify(entries)).not.toContain('wrong-')
  })
})

describe('sessions of browsers', () => {
  const cookieOf = (reply: Reply) => reply.headers.get('set-cookie') ?? ''

  it('are kept in a cookie that pages cannot read and other sites do not send', async () => {
    const reply = await farm.call('POST', '/session', { body: { name: 'anna', password: 'anna-secret' } })
    expect(reply.body.actor).toBe('user:anna')
    expect(reply.text).not.toContain('fhs_')
    expect(cookieOf(reply)).toMatch(/^framehouse_session=fhs_[^;]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/)
    const cookie = cookieOf(reply).split(';')[0] ?? ''
    expect((await farm.get('/whoami', { headers: { cookie: `theme=dark; ${cookie}` } })).body.actor).toBe('user:anna')
    const out = await farm.call('DELETE', '/session', { headers: { cookie } })
    expect(out.status).toBe(204)
    expect(cookieOf(out)).toContain('Max-Age=0')
    expect((await farm.get('/whoami', { headers: { cookie } })).status).toBe(401)
  })

  it('may be opened with a token, and then end with it', async () => {
    const made = (
      await farm.call('POST', '/tokens', { token: admin, body: { kind: 'token', name: 'screen', role: 'viewer', scopes: ['read'] } })
    ).body
    const reply = await farm.call('POST', '/session', { body: { token: made.secret } })
    const cookie = cookieOf(reply).split(';')[0] ?? ''
    expect((await farm.get('/whoami', { headers: { cookie } })).body.actor).toBe('token:screen')
    await farm.call('DELETE', `/tokens/${made.id}`, { token: admin })
    expect((await farm.get('/whoami', { headers: { cookie } })).status).toBe(401)
    expect((await farm.call('POST', '/session', { body: { token: made.secret } })).status).toBe(401)
  })

  it('an old cookie does not keep anyone out of what is open to all', async () => {
    expect((await farm.get('/version', { headers: { cookie: 'framehouse_session=fhs_old' } })).status).toBe(200)
  })
})

describe('tokens', () => {
  it('tell their secret once and are stored as a hash', async () => {
    const made = await farm.call('POST', '/tokens', {
      token: admin,
      body: { kind: 'key', name: 'add-ons', role: 'artist', scopes: ['submit'] },
    })
    expect(made.status).toBe(201)
    expect(made.body.secret).toMatch(/^fhk_/)
    const list = await farm.get('/tokens', { token: admin })
    expect(list.text).not.toContain(made.body.secret)
    expect(list.body.items.find((token: { id: string }) => token.id === made.body.id)).toMatchObject({
      name: 'add-ons',
      prefix: made.body.secret.slice(0, 10),
      user: null,
    })
    const rows = await farm.manager.context.read.all<Record<string, unknown>>('select * from tokens')
    expect(JSON.stringify(rows)).not.toContain(made.body.secret)
    const audit = await farm.manager.context.read.all<Record<string, unknown>>('select * from audit')
    expect(JSON.stringify(audit)).not.toContain(made.body.secret)
  })

  it('survive a look at the clock only as long as they should', async () => {
    const expiresAt = new Date(time + 60_000).toISOString()
    const { secret } = (
      await farm.call('POST', '/tokens', {
        token: admin,
        body: { kind: 'token', name: 'short', role: 'viewer', scopes: ['read'], expiresAt },
      })
    ).body
    expect((await farm.get('/whoami', { token: secret })).status).toBe(200)
    time += 60_001
    expect((await farm.get('/whoami', { token: secret })).status).toBe(401)
    const past = await farm.call('POST', '/tokens', {
      token: admin,
      body: { kind: 'token', name: 'late', role: 'viewer', scopes: ['read'], expiresAt },
    })
    expect(past).toMatchObject({ status: 400, body: { field: '/expiresAt' } })
  })

  it.each([
    ['an artist for an admin', 'anna', { role: 'admin', scopes: ['admin'] }, 403],
    ['an artist for joining workers', 'anna', { role: 'artist', scopes: ['worker'] }, 403],
    ['a viewer for submitting', 'vera', { role: 'viewer', scopes: ['submit'] }, 400],
    ['an artist for submitting', 'anna', { role: 'artist', scopes: ['submit'] }, 201],
    ['a viewer for reading', 'vera', { role: 'viewer', scopes: ['read'] }, 201],
  ])('%s: %s', async (_what, user, wanted, status) => {
    const reply = await farm.call('POST', '/tokens', { token: await login(user), body: { kind: 'token', name: 'mine', ...wanted } })
    expect(reply.status).toBe(status)
  })

  it('of a user act in the name of the user, are seen by no other artist, and end with the user', async () => {
    const { secret, id } = (
      await farm.call('POST', '/tokens', {
        token: await login('bert'),
        body: { kind: 'token', name: 'laptop', role: 'artist', scopes: ['submit', 'manage'] },
      })
    ).body
    expect((await farm.get('/whoami', { token: secret })).body.actor).toBe('user:bert')
    const anna = await login('anna')
    expect((await farm.get('/tokens', { token: anna })).text).not.toContain(id)
    expect((await farm.call('DELETE', `/tokens/${id}`, { token: anna })).status).toBe(404)
    const users = (await farm.get('/users', { token: admin })).body.items
    const bert = users.find((user: { name: string }) => user.name === 'bert')
    expect((await farm.call('DELETE', `/users/${bert.id}`, { token: admin })).status).toBe(204)
    expect((await farm.get('/whoami', { token: secret })).status).toBe(401)
    expect(
      (await farm.call('POST', '/users', { token: admin, body: { name: 'bert', role: 'artist', password: 'bert-secret' } })).status,
    ).toBe(201)
  })
})

describe('users', () => {
  it('names are unique and passwords not too short', async () => {
    expect(
      (await farm.call('POST', '/users', { token: admin, body: { name: 'anna', role: 'viewer', password: 'long enough' } })).status,
    ).toBe(409)
    expect(await farm.call('POST', '/users', { token: admin, body: { name: 'carl', role: 'viewer', password: 'short' } })).toMatchObject({
      status: 400,
      body: { field: '/password' },
    })
    expect(
      await farm.call('POST', '/users', { token: admin, body: { name: 'no spaces', role: 'viewer', password: 'long enough' } }),
    ).toMatchObject({ status: 400, body: { field: '/name' } })
  })

  it('a change of role counts at once, also for logins that are open', async () => {
    const token = await login('vera')
    const vera = (await farm.get('/users', { token: admin })).body.items.find((user: { name: string }) => user.name === 'vera')
    expect((await farm.call('POST', '/jobs/check', { token, body: {} })).status).toBe(403)
    await farm.call('PATCH', `/users/${vera.id}`, { token: admin, body: { role: 'artist' } })
    expect((await farm.call('POST', '/jobs/check', { token, body: {} })).status).toBe(400)
    await farm.call('PATCH', `/users/${vera.id}`, { token: admin, body: { role: 'viewer' } })
    expect((await farm.call('POST', '/jobs/check', { token, body: {} })).status).toBe(403)
  })

  it('a new password ends other sessions but the one that made it', async () => {
    const [mine, other] = [await login('anna'), await login('anna')]
    expect((await farm.call('POST', '/password', { token: mine, body: { current: 'nonsense', password: 'new-password' } })).status).toBe(
      403,
    )
    expect((await farm.call('POST', '/password', { token: mine, body: { current: 'anna-secret', password: 'new-password' } })).status).toBe(
      204,
    )
    expect((await farm.get('/whoami', { token: mine })).status).toBe(200)
    expect((await farm.get('/whoami', { token: other })).status).toBe(401)
    expect((await farm.call('POST', '/login', { body: { name: 'anna', password: 'anna-secret' } })).status).toBe(401)
    await farm.call('POST', '/password', { token: mine, body: { current: 'new-password', password: 'anna-secret' } })
  })

  it('the last admin stays', async () => {
    const boss = (await farm.call('POST', '/users', { token: admin, body: { name: 'boss', role: 'admin', password: 'boss-secret' } })).body
    expect((await farm.call('DELETE', `/users/${boss.id}`, { token: admin })).status).toBe(409)
    expect((await farm.call('PATCH', `/users/${boss.id}`, { token: admin, body: { role: 'artist' } })).status).toBe(409)
  })
})

describe('own jobs', () => {
  it('an artist manages own jobs and no others; an admin all', async () => {
    const [anna, bert] = [await login('anna'), await login('bert')]
    const job = await farm.submit({}, { token: anna })
    expect(job.owner).toBe('user:anna')
    const act = (token: string) => farm.call('POST', `/jobs/${job.id}/actions`, { token, body: { action: 'pause' } })
    expect((await act(bert)).status).toBe(403)
    expect((await farm.call('PATCH', `/jobs/${job.id}`, { token: bert, body: { priority: 99 } })).status).toBe(403)
    expect((await farm.call('POST', `/tasks/00000001${job.id.slice(8)}/actions`, { token: bert, body: { action: 'cancel' } })).status).toBe(
      403,
    )
    const bulk = await farm.call('POST', '/jobs/actions', { token: bert, body: { ids: [job.id], action: 'cancel' } })
    expect(bulk.body).toMatchObject({ done: [], failed: [{ id: job.id, code: 'not-allowed' }] })
    const tasks = await farm.call('POST', '/tasks/actions', {
      token: bert,
      body: { ids: [`00000001${job.id.slice(8)}`], action: 'cancel' },
    })
    expect(tasks.body).toMatchObject({ done: [], failed: [{ code: 'not-allowed' }] })
    expect((await act(anna)).status).toBe(200)
    expect((await farm.call('POST', `/jobs/${job.id}/actions`, { token: admin, body: { action: 'cancel' } })).status).toBe(200)
    const activity = await until(async () => {
      const { body } = await farm.get(`/jobs/${job.id}/activity`, { token: bert })
      return body.items.length === 3 && body.items
    }, 'three entries of activity')
    expect(activity.map((entry: { actor: string; action: string }) => [entry.actor, entry.action])).toEqual([
      ['token:owner', 'actOnJob'],
      ['user:anna', 'actOnJob'],
      ['user:anna', 'submitJob'],
    ])
  })
})

describe('after a restart', () => {
  it('tokens, users and logins are still there', async () => {
    const first = await LiveManager.start({ trustLoopback: false })
    const { accounts } = first.manager.context.security
    await accounts.createUser({ name: 'anna', role: 'artist', password: 'anna-secret' })
    const session = (await first.call('POST', '/login', { body: { name: 'anna', password: 'anna-secret' } })).body.token
    const { text } = await accounts.createToken({ kind: 'token', name: 'ci', role: 'admin', scopes: ['admin'], createdBy: 'test' })
    const second = await first.restart()
    expect((await second.get('/whoami', { token: session })).body.actor).toBe('user:anna')
    expect((await second.get('/whoami', { token: text })).body).toMatchObject({ actor: 'token:ci', role: 'admin' })
    await second.stop()
  })
})
