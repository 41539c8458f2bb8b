/** Attempts to be another user, to have more than one was given, and to go on after one's time. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { Role, Scope } from '../../../src/shared/enums.ts'
import { LiveManager, until, type Reply } from '../../support/liveManager.ts'

let farm: LiveManager
let owner: string
let time = Date.UTC(2026, 5, 1)
const userIds: Record<string, string> = {}

beforeAll(async () => {
  farm = await LiveManager.start({ trustLoopback: false, now: () => time })
  const { text } = await farm.manager.context.security.accounts.createToken({
    kind: 'token',
    name: 'owner',
    role: 'admin',
    scopes: ['admin'],
    createdBy: 'test',
  })
  owner = text
  for (const [name, role] of [
    ['anna', 'artist'],
    ['bert', 'artist'],
    ['vera', 'viewer'],
    ['boss', 'admin'],
    ['chief', 'admin'],
  ] as const) {
    userIds[name] = (await farm.call('POST', '/users', { token: owner, body: { name, role, password: `${name}-secret` } })).body.id
  }
})
afterAll(() => farm.stop())

async function login(name: string): Promise<string> {
  return (await farm.call('POST', '/login', { body: { name, password: `${name}-secret` } })).body.token
}
const mint = (
  by: string,
  wanted: { name?: string; kind?: 'token' | 'key'; role?: Role; scopes: Scope[]; expiresAt?: string },
): Promise<Reply> => farm.call('POST', '/tokens', { token: by, body: { kind: 'token', name: 'a token', role: 'artist', ...wanted } })
async function token(by: string, wanted: Parameters<typeof mint>[1]): Promise<{ id: string; secret: string }> {
  const reply = await mint(by, wanted)
  if (reply.status !== 201) throw new Error(`no token: ${reply.status} ${reply.text}`)
  return reply.body
}
const works = async (secret: string) => (await farm.get('/whoami', { token: secret })).status === 200
const pause = (jobId: string, by: string) => farm.call('POST', `/jobs/${jobId}/actions`, { token: by, body: { action: 'pause' } })

describe('making tokens', () => {
  it('needs a right of its own: no token for reading, submitting or joining can make one', async () => {
    for (const scopes of [['read'], ['submit'], ['submit', 'manage']] as const) {
      const { secret } = await token(owner, { scopes: [...scopes] })
      expect((await mint(secret, { role: 'viewer', scopes: ['read'] })).status).toBe(403)
    }
    for (const scopes of [['worker'], ['submit', 'manage']] as const) {
      const { secret } = await token(owner, { kind: 'key', role: scopes[0] === 'worker' ? 'viewer' : 'artist', scopes: [...scopes] })
      const reply = await farm.call('POST', `/k/${secret}/api/v1/tokens`, {
        body: { kind: 'token', name: 'owner', role: 'viewer', scopes: ['read'] },
      })
      expect(reply.status).toBe(403)
    }
  })

  it('never gives more, and never for longer, than the maker has', async () => {
    const expiresAt = new Date(time + 3_600_000).toISOString()
    const maker = await token(owner, { scopes: ['submit', 'tokens'], expiresAt })
    expect((await mint(maker.secret, { role: 'admin', scopes: ['admin'] })).status).toBe(403)
    expect((await mint(maker.secret, { scopes: ['manage'] })).status).toBe(403)
    expect((await mint(maker.secret, { scopes: ['submit'], expiresAt: new Date(time + 3_600_001).toISOString() })).body).toMatchObject({
      status: 400,
      field: '/expiresAt',
    })
    const child = await mint(maker.secret, { scopes: ['submit'] })
    expect(child.body).toMatchObject({ parentId: maker.id, expiresAt })
    const grandchild = await mint(maker.secret, { scopes: ['tokens'] })
    expect((await mint(grandchild.body.secret, { scopes: ['submit'] })).status).toBe(403)
    time += 3_600_001
    expect(await works(child.body.secret)).toBe(false)
  })

  it('a token made while its maker is taken away has no effect', async () => {
    const maker = await token(owner, { scopes: ['submit', 'tokens'] })
    const racing = Array.from({ length: 20 }, () => mint(maker.secret, { scopes: ['submit'] }))
    const revoked = farm.call('DELETE', `/tokens/${maker.id}`, { token: owner })
    const made = (await Promise.all(racing)).flatMap((reply) => (reply.status === 201 ? [reply.body.secret as string] : []))
    expect((await revoked).status).toBe(204)
    expect((await Promise.all(made.map(works))).some(Boolean)).toBe(false)
  })
})

describe('a name like that of another user', () => {
  it('gives none of the rights over jobs, tokens and schedules, and is distinguished in the audit log', async () => {
    const victim = await token(owner, { name: 'nightly', scopes: ['submit', 'manage', 'tokens'] })
    const thief = await token(owner, { name: 'nightly', scopes: ['submit', 'manage', 'tokens'] })
    const job = await farm.submit({}, { token: victim.secret })
    const child = await token(victim.secret, { name: 'child', scopes: ['submit'] })
    const schedule = (
      await farm.call('POST', '/schedules', {
        token: victim.secret,
        body: { name: 's', trigger: { kind: 'cron', expression: '0 0 1 1 *' }, job: ECHO },
      })
    ).body
    const me = (await farm.get('/whoami', { token: thief.secret })).body
    expect(me.actor).toBe('token:nightly')
    expect(me.id).not.toBe(job.ownerId)
    expect((await pause(job.id, thief.secret)).status).toBe(403)
    expect((await farm.call('PATCH', `/jobs/${job.id}`, { token: thief.secret, body: { priority: 1 } })).status).toBe(403)
    expect(
      (await farm.call('POST', `/api/v3/jobs/${job.id}/setstatus`, { token: thief.secret, body: { status: 'canceled', reason: '' } }))
        .status,
    ).toBe(403)
    expect((await farm.call('DELETE', `/schedules/${schedule.id}`, { token: thief.secret })).status).toBe(403)
    expect((await farm.get('/tokens', { token: thief.secret })).body.items).toMatchObject([{ id: thief.id }])
    expect((await farm.call('DELETE', `/tokens/${child.id}`, { token: thief.secret })).status).toBe(404)
    expect((await farm.get(`/tokens/${child.id}/ending`, { token: thief.secret })).status).toBe(404)
    expect((await pause(job.id, victim.secret)).status).toBe(200)
    await farm.submit({}, { token: thief.secret })
    const entries = await until(async () => {
      const { body } = await farm.get('/audit?actor=token:nightly', { token: owner })
      const ids = new Set(body.items.map((entry: { actorId: string }) => entry.actorId))
      return ids.size === 2 && body.items
    }, 'both in the audit log')
    expect(new Set(entries.map((entry: { tokenId: string }) => entry.tokenId))).toEqual(new Set([victim.id, thief.id]))
  })

  it('of a user who was removed and came again: the new one owns nothing of the old', async () => {
    const job = await farm.submit({}, { token: await login('bert') })
    await farm.call('DELETE', `/users/${userIds['bert']}`, { token: owner })
    await farm.call('POST', '/users', { token: owner, body: { name: 'bert', role: 'artist', password: 'bert-secret' } })
    expect((await pause(job.id, await login('bert'))).status).toBe(403)
  })

  it("does not delete another's jobs in a mass deletion", async () => {
    const [victim, thief] = [
      await token(owner, { name: 'x', scopes: ['submit', 'manage'] }),
      await token(owner, { name: 'x', scopes: ['submit', 'manage'] }),
    ]
    const job = await farm.submit({}, { token: victim.secret })
    time += 10_000
    const reply = await farm.call('DELETE', '/api/v3/jobs/mass-delete', {
      token: thief.secret,
      body: { last_updated_max: new Date(time).toISOString() },
    })
    expect(reply.status).toBe(416)
    expect((await farm.get(`/jobs/${job.id}`, { token: owner })).body.deletedAt).toBeNull()
  })
})

describe('the end of a token', () => {
  it('ends what it made, over generations, the tickets and the event sockets, at once', async () => {
    const parent = await token(owner, { scopes: ['submit', 'tokens'] })
    const child = await token(parent.secret, { scopes: ['submit', 'tokens'] })
    const grandchild = await token(child.secret, { scopes: ['submit'] })
    const other = await token(owner, { scopes: ['submit'] })
    const media = await ticketOf(grandchild.secret, 'media')
    const [socket, kept] = [await listen(grandchild.secret), await listen(other.secret)]
    expect((await farm.get(`/tokens/${parent.id}/ending`, { token: owner })).body.tokens).toHaveLength(3)
    expect((await farm.get('/tokens', { token: owner })).body.items.find((each: { id: string }) => each.id === parent.id).children).toBe(2)
    await farm.call('DELETE', `/tokens/${parent.id}`, { token: owner })
    expect(await Promise.all([parent, child, grandchild].map(({ secret }) => works(secret)))).toEqual([false, false, false])
    await until(() => socket.readyState === WebSocket.CLOSED, 'the closed socket')
    expect((await farm.get(`/tasks/${NO_TASK}/attempts/1/log?ticket=${media}`)).status).toBe(401)
    expect(kept.readyState).toBe(WebSocket.OPEN)
    kept.close()
  })

  it('leaves running jobs alone, and cancels them on request', async () => {
    const first = await token(owner, { scopes: ['submit', 'manage', 'tokens'] })
    const second = await token(first.secret, { scopes: ['submit'] })
    const [job, childJob] = [await farm.submit({}, { token: first.secret }), await farm.submit({}, { token: second.secret })]
    const ending = (await farm.get(`/tokens/${first.id}/ending`, { token: owner })).body
    expect(ending.jobs.map((each: { id: string }) => each.id)).toEqual([job.id, childJob.id])
    await farm.call('DELETE', `/tokens/${second.id}`, { token: owner })
    expect((await farm.get(`/jobs/${childJob.id}`, { token: owner })).body.status).toBe('queued')
    await farm.call('DELETE', `/tokens/${first.id}?jobs=cancel`, { token: owner })
    expect((await farm.get(`/jobs/${job.id}`, { token: owner })).body.status).toBe('canceled')
  })

  it('comes with its expiry, for sockets too', async () => {
    const { secret } = await token(owner, { scopes: ['submit'], expiresAt: new Date(time + 3_600_000).toISOString() })
    const media = await ticketOf(secret, 'media')
    time += 3_600_001
    expect((await farm.get(`/tasks/${NO_TASK}/attempts/1/log?ticket=${media}`)).status).toBe(401)
  })

  it('a logout ends the tickets and sockets of that login, and no others', async () => {
    const [mine, other] = [await login('anna'), await login('anna')]
    const [socket, kept] = [await listen(mine), await listen(other)]
    await farm.call('DELETE', '/session', { token: mine })
    await until(() => socket.readyState === WebSocket.CLOSED, 'the closed socket')
    expect(kept.readyState).toBe(WebSocket.OPEN)
    kept.close()
  })
})

describe('the end of a user', () => {
  it('ends the tokens that the user made for the farm; less rights of a user are less rights of those tokens', async () => {
    const boss = await login('boss')
    const made = await token(boss, { role: 'admin', scopes: ['admin'] })
    const socket = await listen(made.secret)
    expect((await farm.get('/whoami', { token: made.secret })).body.role).toBe('admin')
    await farm.call('PATCH', `/users/${userIds['boss']}`, { token: owner, body: { role: 'artist' } })
    expect((await farm.get('/whoami', { token: made.secret })).body).toMatchObject({
      role: 'artist',
      scopes: ['read', 'submit', 'manage', 'tokens'],
    })
    expect((await farm.get('/users', { token: made.secret })).status).toBe(403)
    await until(() => socket.readyState === WebSocket.CLOSED, 'the closed socket')
    await farm.call('PATCH', `/users/${userIds['boss']}`, { token: owner, body: { disabled: true } })
    expect(await works(made.secret)).toBe(false)
    await farm.call('PATCH', `/users/${userIds['boss']}`, { token: owner, body: { disabled: false } })
    expect(await works(made.secret)).toBe(true)
    await farm.call('DELETE', `/users/${userIds['boss']}`, { token: owner })
    expect(await works(made.secret)).toBe(false)
  })

  it('pauses the schedules that act for the user, reports it, and the user who resumes one takes it over', async () => {
    const carl = (await farm.call('POST', '/users', { token: owner, body: { name: 'carl', role: 'artist', password: 'carl-secret' } })).body
    const token = await login('carl')
    const made = await farm.call('POST', '/schedules', {
      token,
      body: { name: 'dailies', trigger: { kind: 'interval', everySeconds: 60 }, job: { ...ECHO, name: 'dailies {n}' } },
    })
    expect(made.status).toBe(201)
    await farm.call('DELETE', `/users/${carl.id}`, { token: owner })
    time += 61_000
    const held = await until(async () => {
      const { body } = await farm.get(`/schedules/${made.body.id}`, { token: owner })
      return body.holdReason !== '' && body
    }, 'the held schedule')
    expect(held).toMatchObject({ state: 'paused', holdReason: 'its owner was removed', fired: 0 })
    const { attention } = (await farm.get('/overview', { token: owner })).body
    expect(attention).toContainEqual(
      expect.objectContaining({ kind: 'schedule-held', target: { kind: 'schedule', id: held.id, name: 'dailies' } }),
    )
    expect((await farm.call('POST', `/schedules/${held.id}/run`, { token: owner })).status).toBe(409)
    const resumed = (await farm.call('POST', `/schedules/${held.id}/resume`, { token: owner })).body
    expect(resumed).toMatchObject({ state: 'active', holdReason: '', owner: 'token:owner' })
    time += 61_000
    await until(async () => (await farm.get(`/schedules/${held.id}`, { token: owner })).body.fired === 1, 'a firing')
    await farm.call('DELETE', `/schedules/${held.id}`, { token: owner })
  })
})

describe('rights of containers', () => {
  const rightsOf = async (jobId: string) =>
    (await farm.manager.context.read.get<{ admin_rights: number }>('select admin_rights from jobs where public_id = ?', [jobId]))
      ?.admin_rights
  it('are those of the submitter at the submission: not of a name, and not of what a token may do later', async () => {
    const weak = await token(owner, { name: 'owner', scopes: ['submit'] })
    const admin = await token(owner, { name: 'strong', role: 'admin', scopes: ['admin'] })
    const [byWeak, byAdmin] = [await farm.submit({}, { token: weak.secret }), await farm.submit({}, { token: admin.secret })]
    expect([await rightsOf(byWeak.id), await rightsOf(byAdmin.id)]).toEqual([0, 1])
    await farm.call('DELETE', `/tokens/${admin.id}`, { token: owner })
    expect(await rightsOf(byAdmin.id)).toBe(1)
  })

  it('of a job whose commands are changed are the lower of both', async () => {
    const payload = { image: 'busybox', command: 'true', startIn: '10h' }
    const reply = await fetch(`${farm.url}/tasks/a-task/`, {
      method: 'POST',
      headers: { authorization: `Bearer ${owner}`, 'content-type': 'application/json' },
      body: JSON.stringify(payload),
    })
    expect(reply.status).toBe(200)
    const { jobId } = (await reply.json()) as { jobId: string }
    expect(await rightsOf(jobId)).toBe(1)
    const plain = await token(owner, { role: 'admin', scopes: ['submit', 'manage'] })
    const changed = await fetch(`${farm.url}/tasks/a-task/jobs/${jobId}/`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${plain.secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...payload, command: 'false' }),
    })
    expect(changed.status).toBe(200)
    expect(await rightsOf(jobId)).toBe(0)
    const again = await fetch(`${farm.url}/tasks/a-task/jobs/${jobId}/`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${owner}`, 'content-type': 'application/json' },
      body: JSON.stringify(payload),
    })
    expect(again.status).toBe(200)
    expect(await rightsOf(jobId)).toBe(0)
  })
})

describe('secrets', () => {
  it("of a webhook's headers are not shown", async () => {
    const webhooks = { fails: [{ url: 'http://u:pw-in-url@a.example/', headers: { Authorization: 'Bearer very-secret', 'X-Team': 'fx' } }] }
    const made = await fetch(`${farm.url}/tasks/hooks/`, {
      method: 'POST',
      headers: { authorization: `Bearer ${owner}`, 'content-type': 'application/json' },
      body: JSON.stringify({ image: 'busybox', command: 'true', envs: { API_KEY: 'env-secret' }, webhooks }),
    })
    const { jobId, executionId } = (await made.json()) as { jobId: string; executionId: string }
    const viewer = await login('vera')
    const pages = [
      `${farm.url}/tasks/hooks/jobs/${jobId}/`,
      `${farm.url}/api/v1/tasks/${executionId}`,
      `${farm.url}/api/v3/tasks/${executionId}`,
      `${farm.url}/api/v1/jobs/${executionId.replace(/^.{8}/, jobId.slice(0, 8))}`,
    ]
    for (const page of pages) {
      const reply = await fetch(page, { headers: { authorization: `Bearer ${viewer}` } })
      const text = await reply.text()
      expect([page, reply.status]).toEqual([page, 200])
      for (const secret of ['very-secret', 'pw-in-url', 'env-secret']) expect(text).not.toContain(secret)
    }
  })
})

const ECHO = { name: 'echo', type: 'echo-sleep-test', settings: { message: 'x', sleep_duration_seconds: 0 } }
const NO_TASK = '00000001-0000-4000-8000-000000000000'

async function ticketOf(secret: string, kind: 'media' | 'events'): Promise<string> {
  return (await farm.call('POST', '/tickets', { token: secret, body: { kind } })).body.ticket
}

async function listen(secret: string): Promise<WebSocket> {
  const socket = new WebSocket(`${farm.url.replace('http', 'ws')}/api/v1/events?ticket=${await ticketOf(secret, 'events')}`)
  await new Promise((resolve, reject) => {
    socket.once('message', resolve)
    socket.once('error', reject)
  })
  return socket
}
