/**
 * Every route × every kind of caller × own and others' things. The routes come from the server's own list: a new one without a row in
 * rightsTable.ts fails here.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LiveManager } from '../../support/liveManager.ts'
import { ask, nowhere, ruleName, type Credentials } from './rightsAsking.ts'
import { OWN_ROUTES, RULES, type OwnThings, type Rule } from './rightsTable.ts'

type CallerName =
  | 'nobody'
  | 'a wrong token'
  | 'viewer'
  | "an admin's token for reading"
  | 'a token for submitting'
  | 'artist'
  | 'another artist'
  | 'admin'
  | "a worker's key"
  | "an add-on's key"
  | 'a worker'
  | 'a media ticket'

let farm: LiveManager
let workerId = ''
let things: { own: OwnThings; other: OwnThings }
const callers = new Map<CallerName, Credentials>()
const bearer = (token: string): Credentials => ({ headers: { authorization: `Bearer ${token}` } })

beforeAll(async () => {
  farm = await LiveManager.start({ trustLoopback: false })
  const { accounts, tickets } = farm.manager.context.security
  const make = async (
    kind: 'token' | 'key',
    role: 'viewer' | 'artist' | 'admin',
    scopes: Parameters<typeof accounts.createToken>[0]['scopes'],
  ) => (await accounts.createToken({ kind, name: 'the same name', role, scopes, createdBy: 'test' })).text
  const login = async (name: string) => {
    await accounts.createUser({ name, role: 'artist', password: `${name}-secret` })
    return (await farm.call('POST', '/login', { body: { name, password: `${name}-secret` } })).body.token as string
  }
  const [artist, other, admin] = [await login('anna'), await login('bert'), await make('token', 'admin', ['admin'])]
  const joinKey = await make('key', 'viewer', ['worker'])
  callers.set('nobody', {})
  callers.set('a wrong token', bearer('fht_wrong'))
  callers.set('viewer', bearer(await make('token', 'viewer', ['read'])))
  callers.set("an admin's token for reading", bearer(await make('token', 'admin', ['read'])))
  callers.set('a token for submitting', bearer(await make('token', 'artist', ['submit'])))
  callers.set('artist', bearer(artist))
  callers.set('another artist', bearer(other))
  callers.set('admin', bearer(admin))
  callers.set("a worker's key", { prefix: `/k/${joinKey}` })
  callers.set("an add-on's key", { prefix: `/k/${await make('key', 'artist', ['submit', 'manage'])}` })
  const worker = await farm.worker('worker', { headers: { authorization: `Bearer ${admin}` } })
  callers.set('a worker', { headers: worker.headers })
  workerId = worker.id
  const holder = accounts.findToken(artist)?.caller
  if (!holder) throw new Error('anna is not logged in')
  callers.set('a media ticket', { query: `ticket=${tickets.issue('media', holder).ticket}` })
  things = { own: await thingsOf(artist), other: await thingsOf(admin) }
})
afterAll(() => farm.stop())

/** A job, a schedule and a Fastlane job of this token. */
async function thingsOf(token: string): Promise<OwnThings> {
  const { id: jobId } = await farm.submit({ paused: true }, { token })
  const schedule = { name: 's', trigger: { kind: 'cron', expression: '0 0 1 1 *' }, job: ECHO }
  const scheduleId = (await farm.call('POST', '/schedules', { token, body: schedule })).body.id as string
  const made = await fetch(`${farm.url}/tasks/rights/`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ image: 'busybox', command: 'true' }),
  })
  const { jobId: fastlaneJob, executionId } = (await made.json()) as { jobId: string; executionId: string }
  return { jobId, taskId: `00000001${jobId.slice(8)}`, workerId, scheduleId, fastlaneJob, executionId }
}
const ECHO = { name: 'echo', type: 'echo-sleep-test', settings: { message: 'x', sleep_duration_seconds: 0 } }

/** What a caller may do under each rule; `own` things are those of `artist`. */
const MAY: Record<Exclude<Rule, 'public'>, readonly CallerName[]> = {
  read: [
    'viewer',
    "an admin's token for reading",
    'a token for submitting',
    'artist',
    'another artist',
    'admin',
    "a worker's key",
    "an add-on's key",
  ],
  media: [
    'viewer',
    "an admin's token for reading",
    'a token for submitting',
    'artist',
    'another artist',
    'admin',
    "a worker's key",
    "an add-on's key",
    'a media ticket',
  ],
  submit: ['a token for submitting', 'artist', 'another artist', 'admin', "an add-on's key"],
  manage: ['artist', 'another artist', 'admin', "an add-on's key"],
  own: ['artist', 'admin'],
  tokens: ['artist', 'another artist', 'admin'],
  admin: ['admin'],
  ask: [
    'nobody',
    'a media ticket',
    'viewer',
    "an admin's token for reading",
    'a token for submitting',
    'artist',
    'another artist',
    'admin',
    "a worker's key",
    "an add-on's key",
    'a worker',
  ],
  worker: ['a worker'],
  actors: [
    'nobody',
    'a media ticket',
    'viewer',
    "an admin's token for reading",
    'a token for submitting',
    'artist',
    'another artist',
    'admin',
    "a worker's key",
    "an add-on's key",
  ],
}

describe('every route', () => {
  it('has a row in the table, and every row a route', () => {
    const routes = new Set(farm.manager.routes.map(ruleName))
    // The pages of the GUI are there when it was built.
    const expected = Object.keys(RULES).filter((route) => !route.startsWith('GET /app') || routes.has(route))
    expect([...routes].filter((route) => !(route in RULES)).toSorted()).toEqual([])
    expect(expected.filter((route) => !routes.has(route))).toEqual([])
    expect(Object.keys(RULES).filter((route) => RULES[route] === 'own' && !(route in OWN_ROUTES))).toEqual([])
  })

  it('admits only those whom its rule names', async () => {
    const wrong: string[] = []
    for (const { method, url } of farm.manager.routes) {
      const route = `${method} ${url}`
      const rule = RULES[ruleName({ method, url })]
      // HEAD is guarded by the same hook as GET.
      if (rule === undefined || rule === 'own' || method === 'HEAD' || url.startsWith('/app/assets')) continue
      const allowed = async ([name, credentials]: [CallerName, Credentials]) => {
        // Logging out is open to all, and would end the logins that are needed here.
        if (route === 'DELETE /api/v1/session' && credentials.headers !== undefined) return
        const status = await ask(farm, { method, path: nowhere(url) }, credentials)
        const isIn = status !== 401 && status !== 403
        if (isIn !== (rule === 'public' || MAY[rule].includes(name)) || status >= 500)
          wrong.push(`${route} (${rule}) by ${name}: ${status}`)
      }
      await Promise.all([...callers].map(allowed))
    }
    expect(wrong).toEqual([])
  }, 300_000)

  it("is closed to those who may not, for what is theirs or another's; and nothing of another's changes", async () => {
    const wrong: string[] = []
    const before = await snapshot()
    for (const [route, asks] of Object.entries(OWN_ROUTES)) {
      for (const [name, credentials] of callers) {
        if (name === 'admin') continue
        const status = await ask(farm, asks(things.other), credentials)
        if (status !== 401 && status !== 403) wrong.push(`${route} by ${name} on another's: ${status}`)
        if (MAY.own.includes(name)) continue
        const own = await ask(farm, asks(things.own), credentials)
        if (own !== 401 && own !== 403) wrong.push(`${route} by ${name} on anna's: ${own}`)
      }
    }
    expect(wrong).toEqual([])
    expect(await snapshot()).toEqual(before)
  }, 300_000)

  it('lets owners and admins do what they may', async () => {
    const wrong: string[] = []
    for (const [route, asks] of Object.entries(OWN_ROUTES)) {
      for (const name of MAY.own) {
        const credentials = callers.get(name) ?? {}
        const fresh = await thingsOf((callers.get('artist')?.headers?.['authorization'] ?? '').replace('Bearer ', ''))
        const status = await ask(farm, asks(fresh), credentials)
        // What the state of the thing does not allow (409) was let in.
        if (status === 401 || status === 403 || status === 404 || status === 400 || status >= 500)
          wrong.push(`${route} by ${name}: ${status}`)
      }
    }
    expect(wrong).toEqual([])
  }, 300_000)

  it('that acts on many refuses each of those that are not one’s own', async () => {
    const { own, other } = things
    const artist = callers.get('artist')?.headers
    for (const [path, ids] of [
      ['/jobs/actions', [other.jobId]],
      ['/tasks/actions', [other.taskId]],
    ] as const) {
      const reply = await farm.call('POST', path, { headers: artist, body: { ids, action: 'cancel' } })
      expect(reply.body).toMatchObject({ done: [], failed: [{ code: 'not-allowed' }] })
    }
    const mixed = await farm.call('POST', '/jobs/actions', { headers: artist, body: { ids: [own.jobId, other.jobId], action: 'resume' } })
    expect(mixed.body).toMatchObject({ done: [own.jobId], failed: [{ id: other.jobId }] })
  })
})

/** What tests must not have changed: all jobs, tasks and schedules. */
function snapshot(): Promise<unknown[]> {
  const { read } = farm.manager.context
  return Promise.all([
    read.all('select public_id, status, priority, name, owner_id, deleted_at from jobs order by id'),
    read.all('select id, status from tasks order by id'),
    read.all('select public_id, state, name, template, deleted_at from schedules order by id'),
  ])
}
